"""Sides: what words tell and pictures show, each whitened on the shop's own items."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bowerbird.data.items import Item
from bowerbird.embed.encode.features import ItemFeatures
from bowerbird.embed.encode.modalities import Sides, Whitening, Words, words_in, words_of


def things() -> list[set[str]]:
    """Forty items of four kinds, each with words of its kind and one word that all share."""
    kinds = ("oak table", "wool rug", "glass vase", "linen shirt")
    return [words_in(f"shop {kinds[k % 4]} {'ab'[k % 2] * 3}") for k in range(40)]


def test_what_all_share_says_nothing_and_rare_words_say_most() -> None:
    words = Words.of(things())
    assert words.rarity[words.place["shop"]] == 0
    assert words.rarity[words.place["oak"]] > words.rarity[words.place["aaa"]] > 0


def test_full_width_keeps_the_similarities_of_tf_idf() -> None:
    said = things()
    words = Words.of(said)
    weighted = words.weighted(said).toarray()
    vectors = words.vectors(said)
    np.testing.assert_allclose(vectors @ vectors.T, weighted @ weighted.T, atol=1e-4)


def test_unknown_words_are_zeros_and_numbers_count_nothing() -> None:
    words = Words.of(things())
    assert not words.vectors([{"unheard"}, set()]).any()
    assert words_in("no. 38 of 1968") == {"no", "of", "1968"}


def test_whitening_gives_every_direction_the_same_variance() -> None:
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(4000, 6)) * [5.0, 2.0, 1.0, 0.5, 0.3, 0.2] + 3.0
    white = Whitening.of(rows.astype(np.float32), width=4, power=1.0)
    raw = (rows - white.mean) @ white.directions
    np.testing.assert_allclose(raw.var(axis=0), 1.0, rtol=0.01)
    assert np.abs(np.corrcoef(raw.T) - np.eye(4)).max() < 1e-3


def test_a_missing_side_stays_missing() -> None:
    rows = np.random.default_rng(0).normal(size=(50, 6)).astype(np.float32)
    rows[7] = 0
    found = Whitening.of(rows, width=4, power=0.5).vectors(rows)
    assert not found[7].any()
    np.testing.assert_allclose(np.linalg.norm(np.delete(found, 7, 0), axis=1), 1.0, atol=1e-5)


def test_few_items_get_few_directions() -> None:
    """Where whitening would only blow up noise."""
    assert Whitening.of(np.random.default_rng(0).normal(size=(20, 64)), 64, 1.0).directions.shape == (64, 5)


@pytest.mark.parametrize("items", [0, 1, 3])
def test_hardly_any_items(items: int) -> None:
    said = [words_in("a blue chair")] * items
    features = ItemFeatures(
        np.ones((items, 8), np.float32),
        np.ones(items, bool),
        np.ones((items, 4), np.float32),
        np.ones(items, bool),
        ("image", "text"),
    )
    sides = Sides.of(said, features)
    told, shown = sides.told(said, features.text), sides.shown(features.image)
    assert told.shape == (items, sum(sides.widths[:2])) and shown.shape == (items, sides.widths[2])
    assert np.isfinite(told).all() and np.isfinite(shown).all()


def test_saved_and_loaded_it_says_the_same(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    said = things()
    image, text = rng.normal(size=(40, 12)).astype(np.float32), rng.normal(size=(40, 9)).astype(np.float32)
    features = ItemFeatures(image, np.ones(40, bool), text, np.ones(40, bool), ("image", "text"))
    sides = Sides.of(said, features)
    sides.save(tmp_path / "sides.npz")
    again = Sides.load(tmp_path / "sides.npz")
    np.testing.assert_allclose(again.told(said, text), sides.told(said, text), atol=2e-3)
    np.testing.assert_allclose(again.shown(image), sides.shown(image), atol=1e-6)


def test_an_item_s_facts_are_words_of_their_own() -> None:
    item = Item("1", "Heat (1995)", attributes={"genre": "Crime, Thriller"}, brand="X", category=("film",))
    assert {
        "genre=crime",
        "genre=thriller",
        "crime",
        "heat",
        "1995",
        "brand=x",
        "category 0=film",
    } <= words_of(item)
