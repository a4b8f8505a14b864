"""Measures of an update, against cases whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from bowerbird.embed.index.rows import normalize_rows
from bowerbird.embed.update.drift import measure_movement, old_state_recall
from bowerbird.embed.update_report import Movement


def make_cases() -> tuple[np.ndarray, list[tuple[np.ndarray, np.ndarray, np.ndarray]]]:
    """600 items in three groups of directions; each user has likes of one group and targets in it."""
    rng = np.random.default_rng(0)
    vectors = normalize_rows(np.repeat(np.eye(3, 8), 200, axis=0) + 0.05 * rng.normal(size=(600, 8)))
    cases = [
        (np.arange(5) + 200 * (user % 3) + user, np.ones(5), np.arange(200) + 200 * (user % 3))
        for user in range(60)
    ]
    return vectors, [
        (history, weights, np.setdiff1d(targets, history)) for history, weights, targets in cases
    ]


def test_the_same_vectors_lose_nothing() -> None:
    vectors, cases = make_cases()
    recall = old_state_recall(vectors, vectors, cases)
    assert recall.users == 60
    for state in (recall.mean, recall.medoids):
        assert state.ratio == state.low == state.high == 1
        assert state.old == pytest.approx(100 / 195, abs=0.01)


def test_a_rotated_space_loses_nearly_all_recall() -> None:
    vectors, cases = make_cases()
    recall = old_state_recall(np.roll(vectors, 1, axis=1), vectors, cases)
    # For a third of the users the rotated states hit their group by chance.
    for state in (recall.mean, recall.medoids):
        assert state.old is not None and state.new is not None
        assert state.old < 0.1 and state.new > 0.5


def test_likes_of_unknown_items_count_for_neither_version() -> None:
    vectors, cases = make_cases()
    old = vectors.copy()
    old[cases[0][0][:4]] = 0
    assert old_state_recall(vectors, old, cases[:1]).mean.ratio == pytest.approx(1, abs=0.05)
    old[cases[0][0]] = 0
    assert old_state_recall(vectors, old, cases[:1]).users == 0


def test_how_far_items_moved() -> None:
    new, old = np.eye(4, 4, dtype=np.float32), np.eye(4, 4, dtype=np.float32)
    old[3] = [0, 0, 1, 0]
    assert measure_movement(new, old) == Movement(0.75, 0.15)
    old[3] = 0
    assert measure_movement(new, old) == Movement(1.0, 1.0)
    assert measure_movement(new[:0], old[:0]) is None
