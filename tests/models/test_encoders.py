"""The default encoders: shapes, lengths, and that they know what they see."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageDraw

from bowerbird.errors import BackboneError
from bowerbird.models import ImageEncoder, TextEncoder, fetch, load_image_encoder, load_text_encoder
from bowerbird.models.image import decode_image, decode_images
from bowerbird.models.precision import computes_bfloat16


@pytest.fixture(scope="module")
def text() -> TextEncoder:
    try:
        fetch("minilm-l6")
    except BackboneError as error:
        pytest.skip(f"the backbone is not here: {error}")
    return load_text_encoder("minilm-l6")


@pytest.fixture(scope="module")
def image() -> ImageEncoder:
    try:
        fetch("efficientnet-lite0")
    except BackboneError as error:
        pytest.skip(f"the backbone is not here: {error}")
    return load_image_encoder("efficientnet-lite0")


def drawn(shape: str, colour: str, kind: str = "PNG", mode: str = "RGB") -> bytes:
    picture = Image.new(mode, (120, 90), (255, 255, 255, 0) if mode == "RGBA" else "white")
    pen = ImageDraw.Draw(picture)
    (pen.ellipse if shape == "ball" else pen.rectangle)((30, 15, 90, 75), fill=colour)
    out = io.BytesIO()
    picture.save(out, kind)
    return out.getvalue()


def test_texts_of_like_meaning_are_near_whatever_shares_their_batch(text: TextEncoder) -> None:
    said = ["a couch for the living room", "a comfortable sofa", "a frying pan of steel", "soup " * 9_000]
    together = text.encode(said)
    assert together.shape == (4, text.width)
    assert np.allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)
    assert together[0] @ together[1] > together[0] @ together[2] + 0.2
    alone = np.concatenate([text.encode([one]) for one in said])
    # In bfloat16 the rounding depends on the batch's shape, the direction does not.
    assert (together * alone).sum(axis=1).min() > (0.9999 if computes_bfloat16() else 1 - 1e-6)
    assert text.encode([]).shape == (0, text.width)


def test_a_picture_is_the_mean_of_its_cells(image: ImageEncoder) -> None:
    pixels, good = decode_images([drawn("ball", "red"), drawn("box", "blue")])
    assert good.all()
    cells, pooled = image.cells(pixels), image.encode(pixels)
    assert cells.shape == (2, 49, image.width)
    mean = cells.mean(1)
    assert np.allclose(mean / np.linalg.norm(mean, axis=1, keepdims=True), pooled, atol=1e-5)


def test_the_same_shape_is_nearer_than_another(image: ImageEncoder) -> None:
    pixels, _ = decode_images([drawn("ball", "red"), drawn("ball", "darkred", "JPEG"), drawn("box", "blue")])
    ball, ball_again, box = image.encode(pixels)
    assert ball @ ball_again > ball @ box + 0.05


def test_transparency_is_white(image: ImageEncoder) -> None:
    pixels, _ = decode_images([drawn("ball", "red"), drawn("ball", "red", mode="RGBA")])
    first, second = image.encode(pixels)
    assert first @ second > 0.99


@pytest.mark.parametrize("broken", [b"", b"a text named .jpg", drawn("ball", "red", "JPEG")[:600]])
def test_what_is_no_whole_picture_is_none(broken: bytes) -> None:
    assert decode_image(broken) is None
    _, good = decode_images([broken, drawn("ball", "red")])
    assert good.tolist() == [False, True]


def test_a_folder_without_a_model_is_refused(tmp_path) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(BackboneError, match="can't be loaded"):
        load_text_encoder(str(tmp_path))
