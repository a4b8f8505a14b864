"""Decay is the formula's, and a history alone makes a state."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from bowerbird.data.events import ACTION_CODE, ACTIONS
from bowerbird.data.interactions import History
from bowerbird.data.times import DAY, SECOND, decayed
from bowerbird.taste.state.learning import RING
from bowerbird.taste.state.user_state import TasteState
from bowerbird.taste.state.user_table import UserTable, seconds_of


def test_a_history_alone_makes_a_taste_without_impressions() -> None:
    actions = np.array([ACTION_CODE[name] for name in ("click", "impression", "save")], np.int8)
    history = History(np.array([4, 5, 6]), actions, np.array([1, 2, 3]) * DAY)
    state = TasteState.of(history)
    assert state.history.items.tolist() == [4, 6]
    assert state.last_at == 3 * DAY
    assert np.flatnonzero(~state.unseen(10)).tolist() == [4, 6]


def test_an_unknown_user_has_an_empty_state() -> None:
    assert len(TasteState("nobody").history) == 0
    assert TasteState("nobody").last_at == 0
    assert TasteState("nobody").unseen(5).all()


@given(
    weights=st.lists(st.floats(-5, 5), min_size=1, max_size=20),
    half_lives=st.lists(st.floats(0.01, 400), min_size=1, max_size=4),
    seed=st.integers(0, 1000),
)
@settings(max_examples=60)
def test_decay_is_the_mean_of_halvings(weights: list[float], half_lives: list[float], seed: int) -> None:
    ages = np.random.default_rng(seed).integers(0, 500 * DAY, len(weights))
    expected = [
        sum(weight * 2.0 ** -(age / 86_400_000_000 / days) for days in half_lives) / len(half_lives)
        for weight, age in zip(weights, ages.tolist(), strict=True)
    ]
    np.testing.assert_allclose(decayed(np.array(weights), ages, half_lives), expected, rtol=1e-9, atol=1e-12)


def test_an_event_of_the_future_counts_as_one_of_now() -> None:
    assert decayed(np.array([3.0]), np.array([-DAY]), [1.0]).tolist() == [3.0]


def test_a_history_becomes_the_state_that_the_live_graph_would_hold() -> None:
    rng = np.random.default_rng(0)
    n, n_items = 3 * RING, 500
    history = History(
        rng.integers(0, n_items, n),
        rng.integers(0, len(ACTIONS), n).astype(np.int8),
        np.sort(rng.integers(0, n // 2, n)) * SECOND + rng.integers(0, SECOND, n),
    )
    table = UserTable(np.full(n_items, -1, np.int64))
    rows = np.full(n, table.row_of("ada"))
    table.learn(rows, seconds_of(history.at), history.items, history.actions)
    live, from_history = table.state("ada"), TasteState.of(history, "ada")
    for name in ("items", "actions", "at"):
        assert getattr(live, name).tolist() == getattr(from_history, name).tolist()
    assert live.unseen(n_items).tolist() == from_history.unseen(n_items).tolist()
    assert from_history.unseen(n_items).sum() == n_items - len(np.unique(history.seen().items))
