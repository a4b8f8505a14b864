"""Modality encoders: facts, text and pictures, fitted on the catalogue's own items."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bowerbird.data.items import Item
from bowerbird.embed.config import ModalityConfig
from bowerbird.embed.encode.features import ItemFeatures
from bowerbird.embed.encode.modalities import ModalityEncoders, extract_item_words, extract_words
from bowerbird.embed.encode.reductions import LsaEncoder, Whitening


def item_word_sets() -> list[set[str]]:
    """Forty items of four kinds, each with words of its kind and one word that all share."""
    kinds = ("oak table", "wool rug", "glass vase", "linen shirt")
    return [extract_words(f"shop {kinds[k % 4]} {'ab'[k % 2] * 3}") for k in range(40)]


def test_shared_words_weigh_nothing_and_rare_words_most() -> None:
    lsa = LsaEncoder.of(item_word_sets())
    assert lsa.idf[lsa.column_of["shop"]] == 0
    assert lsa.idf[lsa.column_of["oak"]] > lsa.idf[lsa.column_of["aaa"]] > 0


def test_full_width_keeps_the_similarities_of_tf_idf() -> None:
    item_words = item_word_sets()
    lsa = LsaEncoder.of(item_words)
    tf_idf = lsa.tf_idf(item_words).toarray()
    vectors = lsa.transform(item_words)
    np.testing.assert_allclose(vectors @ vectors.T, tf_idf @ tf_idf.T, atol=1e-4)


def test_unknown_words_are_zeros_and_short_numbers_are_dropped() -> None:
    lsa = LsaEncoder.of(item_word_sets())
    assert not lsa.transform([{"unheard"}, set()]).any()
    assert extract_words("no. 38 of 1968") == {"no", "of", "1968"}


def test_whitening_gives_every_direction_the_same_variance() -> None:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(4000, 6)) * [5.0, 2.0, 1.0, 0.5, 0.3, 0.2] + 3.0
    white = Whitening.of(rows.astype(np.float32), width=4, power=1.0)
    raw = (rows - white.mean) @ white.components
    np.testing.assert_allclose(raw.var(axis=0), 1.0, rtol=0.01)
    assert np.abs(np.corrcoef(raw.T) - np.eye(4)).max() < 1e-3


def test_a_missing_modality_stays_missing() -> None:
    rows = np.random.default_rng(0).normal(size=(50, 6)).astype(np.float32)
    rows[7] = 0
    whitened = Whitening.of(rows, width=4, power=0.5).transform(rows)
    assert not whitened[7].any()
    np.testing.assert_allclose(np.linalg.norm(np.delete(whitened, 7, 0), axis=1), 1.0, atol=1e-5)


def test_few_items_get_few_directions() -> None:
    """Whitening would only amplify noise there."""
    assert Whitening.of(np.random.default_rng(0).normal(size=(20, 64)), 64, 1.0).components.shape == (64, 5)


@pytest.mark.parametrize("items", [0, 1, 3])
def test_hardly_any_items(items: int) -> None:
    item_words = [extract_words("a blue chair")] * items
    features = ItemFeatures(
        np.ones((items, 8), np.float32),
        np.ones(items, bool),
        np.ones((items, 4), np.float32),
        np.ones(items, bool),
        ("image", "text"),
    )
    encoders = ModalityEncoders.of(item_words, features)
    text, image = encoders.encode_texts(item_words, features.text), encoders.encode_images(features.image)
    assert text.shape == (items, sum(encoders.widths[:2])) and image.shape == (items, encoders.widths[2])
    assert np.isfinite(text).all() and np.isfinite(image).all()


def test_saved_and_loaded_encoders_agree(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    item_words = item_word_sets()
    image, text = rng.normal(size=(40, 12)).astype(np.float32), rng.normal(size=(40, 9)).astype(np.float32)
    features = ItemFeatures(image, np.ones(40, bool), text, np.ones(40, bool), ("image", "text"))
    encoders = ModalityEncoders.of(item_words, features)
    encoders.save(tmp_path / "sides.npz")
    loaded = ModalityEncoders.load(tmp_path / "sides.npz")
    np.testing.assert_allclose(
        loaded.encode_texts(item_words, text), encoders.encode_texts(item_words, text), atol=2e-3
    )
    np.testing.assert_allclose(loaded.encode_images(image), encoders.encode_images(image), atol=1e-6)


def test_facts_are_words_of_their_own() -> None:
    item = Item("1", "Heat (1995)", attributes={"genre": "Crime, Thriller"}, brand="X", category=("film",))
    assert {
        "genre=crime",
        "genre=thriller",
        "crime",
        "heat",
        "1995",
        "brand=x",
        "category 0=film",
    } <= extract_item_words(item)


def test_a_multilingual_encoder_is_whitened_less_unless_a_config_says_otherwise() -> None:
    rows = np.random.default_rng(0).normal(size=(40, 9)).astype(np.float32) * np.arange(1, 10)
    has_rows, item_words = np.ones(40, bool), item_word_sets()
    english, multilingual = (
        ItemFeatures(rows, has_rows, rows, has_rows, ("image", name))
        for name in ("minilm-l6", "multilingual-e5-small")
    )
    for features, config, power in (
        (english, ModalityConfig(), 1.0),
        (multilingual, ModalityConfig(), 0.25),
        (multilingual, ModalityConfig(text_whitening=0.5), 0.5),
    ):
        text = ModalityEncoders.of(item_words, features, config).text
        np.testing.assert_array_equal(text.components, Whitening.of(rows, 128, power).components)
