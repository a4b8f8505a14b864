"""The default encoders: shapes, lengths, and that similar content is close."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageDraw

from bowerbird.errors import BackboneError
from bowerbird.models import ImageEncoder, TextEncoder, fetch, load_image_encoder, load_text_encoder
from bowerbird.models.pictures.image import decode_image, decode_images
from bowerbird.models.precision import supports_bfloat16


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


def draw_shape(shape: str, colour: str, kind: str = "PNG", mode: str = "RGB") -> bytes:
    picture = Image.new(mode, (120, 90), (255, 255, 255, 0) if mode == "RGBA" else "white")
    pen = ImageDraw.Draw(picture)
    (pen.ellipse if shape == "ball" else pen.rectangle)((30, 15, 90, 75), fill=colour)
    buffer = io.BytesIO()
    picture.save(buffer, kind)
    return buffer.getvalue()


def test_similar_texts_are_close_in_any_batch(text: TextEncoder) -> None:
    texts = ["a couch for the living room", "a comfortable sofa", "a frying pan of steel", "soup " * 9_000]
    batched = text.encode(texts)
    assert batched.shape == (4, text.width)
    assert np.allclose(np.linalg.norm(batched, axis=1), 1, atol=1e-5)
    assert batched[0] @ batched[1] > batched[0] @ batched[2] + 0.2
    separate = np.concatenate([text.encode([single]) for single in texts])
    # In bfloat16 the rounding depends on the batch's shape, the direction does not.
    assert (batched * separate).sum(axis=1).min() > (0.9999 if supports_bfloat16() else 1 - 1e-6)
    assert text.encode([]).shape == (0, text.width)


def test_a_picture_is_the_mean_of_its_cells(image: ImageEncoder) -> None:
    pixels, is_readable = decode_images([draw_shape("ball", "red"), draw_shape("box", "blue")])
    assert is_readable.all()
    cells, pooled = image.cells(pixels), image.encode(pixels)
    assert cells.shape == (2, 49, image.width)
    mean = cells.mean(1)
    assert np.allclose(mean / np.linalg.norm(mean, axis=1, keepdims=True), pooled, atol=1e-5)


def test_the_same_shape_is_nearer_than_another(image: ImageEncoder) -> None:
    pixels, _ = decode_images(
        [draw_shape("ball", "red"), draw_shape("ball", "darkred", "JPEG"), draw_shape("box", "blue")]
    )
    ball, ball_again, box = image.encode(pixels)
    assert ball @ ball_again > ball @ box + 0.05


def test_transparency_is_white(image: ImageEncoder) -> None:
    pixels, _ = decode_images([draw_shape("ball", "red"), draw_shape("ball", "red", mode="RGBA")])
    first, second = image.encode(pixels)
    assert first @ second > 0.99


@pytest.mark.parametrize("broken", [b"", b"a text named .jpg", draw_shape("ball", "red", "JPEG")[:600]])
def test_a_broken_picture_is_none(broken: bytes) -> None:
    assert decode_image(broken) is None
    _, is_readable = decode_images([broken, draw_shape("ball", "red")])
    assert is_readable.tolist() == [False, True]


def test_a_folder_without_a_model_is_rejected(tmp_path) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(BackboneError, match="can't be loaded"):
        load_text_encoder(str(tmp_path))
