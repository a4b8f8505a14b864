"""Distinct tastes keep apart what lies apart, and say what the slow way says."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bowerbird.data.events import ACTION_CODE
from bowerbird.data.interactions import History
from bowerbird.taste.profile.medoids import MOST_TASTES, distinct_tastes, liked_weights
from bowerbird.taste.state.user_state import DAY, TasteState, decayed

HALF_LIVES = (0.02, 7.0, 90.0)
KINDS = np.repeat(np.eye(6), 10, axis=0).astype(np.float32)  # item k is of kind k // 10


def state_of(*events: tuple[int, str, float]) -> TasteState:
    """A state of (item, action, day), in order of time."""
    items, actions, days = zip(*events, strict=True)
    codes = np.array([ACTION_CODE[action] for action in actions], np.int8)
    return TasteState.of(History(np.array(items), codes, (np.array(days) * DAY).astype(np.int64)))


def nudged(seed: int) -> np.ndarray:
    rows = KINDS + np.random.default_rng(seed).normal(size=KINDS.shape) * 0.1
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def test_climbing_and_ceramics_are_two_tastes() -> None:
    vectors = nudged(0)
    state = state_of(*((k, "click", k) for k in (0, 1, 2, 40, 41, 42)), (43, "save", 50))
    found = distinct_tastes(state, lambda items: vectors[items], HALF_LIVES)
    assert [set(one.items) for one in found] == [{40, 41, 42, 43}, {0, 1, 2}]
    assert sum(one.share for one in found) == pytest.approx(1.0)
    assert [one.medoid // 10 for one in found] == [4, 0], "an item of its own, and none in between"


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), n=st.integers(1, 60))
def test_the_law_of_tastes(seed: int, n: int) -> None:
    """Tastes share the liked items without overlap; each medoid is nearest to all of its own, as the slow way
    finds it; strongest first; at most so many."""
    rng, vectors = np.random.default_rng(seed), nudged(seed)
    names = ["view", "click", "save", "purchase", "hide"]
    events = sorted(
        (
            (int(i), names[a], float(d))
            for i, a, d in zip(
                rng.integers(60, size=n), rng.integers(5, size=n), rng.uniform(0, 200, n), strict=True
            )
        ),
        key=lambda one: one[2],
    )
    state = state_of(*events)
    found = distinct_tastes(state, lambda items: vectors[items], HALF_LIVES)
    everything = [item for one in found for item in one.items]
    assert len(everything) == len(set(everything)) and len(found) <= MOST_TASTES
    items, weights = liked_weights(state, HALF_LIVES)
    assert set(everything) <= set(items.tolist())
    if len(found) < MOST_TASTES:
        assert set(everything) == set(items.tolist())
    assert [one.weight for one in found] == sorted((one.weight for one in found), reverse=True)
    weight_of = dict(zip(items.tolist(), weights.tolist(), strict=True))
    for one in found:
        assert one.weight == pytest.approx(sum(weight_of[item] for item in one.items))
        rows = vectors[one.items].astype(float)
        slow = ((rows[:, None] - rows[None]) ** 2).sum(axis=(1, 2))
        assert slow[one.items.index(one.medoid)] == pytest.approx(slow.min(), abs=1e-6)


def test_what_was_hidden_is_not_liked() -> None:
    state = state_of((0, "click", 1), (1, "click", 1), (0, "hide", 2), (2, "view", 3))
    assert liked_weights(state, HALF_LIVES)[0].tolist() == [1], "and a view alone is no like"


def test_the_weight_of_an_item_is_the_decayed_sum_of_its_events() -> None:
    state = state_of((3, "click", 0), (3, "save", 5), (4, "click", 10))
    items, weights = liked_weights(state, HALF_LIVES)
    slow = decayed(np.array([1.0, 3.0]), np.array([10 * DAY, 5 * DAY]), HALF_LIVES).sum()
    assert items.tolist() == [3, 4] and weights[0] == pytest.approx(slow) and weights[1] == pytest.approx(1.0)


def test_at_an_earlier_moment_later_likes_are_unknown() -> None:
    state = state_of((3, "click", 0), (40, "click", 10))
    found = distinct_tastes(state, lambda items: KINDS[items], HALF_LIVES, now=5 * DAY)
    assert [one.items for one in found] == [[3]]


def test_strangers_and_items_without_a_vector_have_no_taste() -> None:
    assert distinct_tastes(TasteState("nobody"), lambda items: KINDS[items], HALF_LIVES) == []
    found = distinct_tastes(state_of((3, "click", 0)), lambda items: 0 * KINDS[items], HALF_LIVES)
    assert found == []
