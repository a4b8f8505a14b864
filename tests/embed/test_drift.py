"""What is measured of an update, against worlds whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from bowerbird.embed.index.rows import unit
from bowerbird.embed.update.drift import moved, old_state_recall


def world() -> tuple[np.ndarray, list[tuple[np.ndarray, np.ndarray, np.ndarray]]]:
    """600 items in three groups of directions; each person has likes of one group and wants another of it."""
    rng = np.random.default_rng(0)
    vectors = unit(np.repeat(np.eye(3, 8), 200, axis=0) + 0.05 * rng.normal(size=(600, 8)))
    cases = [
        (np.arange(5) + 200 * (p % 3) + p, np.ones(5), np.arange(200) + 200 * (p % 3)) for p in range(60)
    ]
    return vectors, [(given, weights, np.setdiff1d(wanted, given)) for given, weights, wanted in cases]


def test_the_same_vectors_lose_nothing() -> None:
    vectors, cases = world()
    found = old_state_recall(vectors, vectors, cases)
    assert found["people"] == 60
    for kind in ("mean", "medoids"):
        assert found[kind]["ratio"] == found[kind]["low"] == found[kind]["high"] == 1
        assert found[kind]["old"] == pytest.approx(100 / 195, abs=0.01)


def test_a_space_that_was_turned_away_loses_nearly_all() -> None:
    vectors, cases = world()
    found = old_state_recall(np.roll(vectors, 1, axis=1), vectors, cases)
    for kind in ("mean", "medoids"):  # a third of the people ask where nothing is, and meet theirs by chance
        assert found[kind]["old"] < 0.1 and found[kind]["new"] > 0.5


def test_likes_that_the_old_version_did_not_know_count_for_neither() -> None:
    vectors, cases = world()
    old = vectors.copy()
    old[cases[0][0][:4]] = 0
    assert old_state_recall(vectors, old, cases[:1])["mean"]["ratio"] == pytest.approx(1, abs=0.05)
    old[cases[0][0]] = 0
    assert old_state_recall(vectors, old, cases[:1])["people"] == 0


def test_how_far_items_moved() -> None:
    new, old = np.eye(4, 4, dtype=np.float32), np.eye(4, 4, dtype=np.float32)
    old[3] = [0, 0, 1, 0]
    assert moved(new, old) == {"mean_cosine": 0.75, "lowest_twentieth": 0.15}
    old[3] = 0
    assert moved(new, old) == {"mean_cosine": 1.0, "lowest_twentieth": 1.0}
    assert moved(new[:0], old[:0]) is None
