"""The state is a set of the latest events: order and repeats can't matter, and decay is the formula's."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from bowerbird.data.events import ACTION_CODE, ACTION_WEIGHT, ACTIONS
from bowerbird.data.interactions import History
from bowerbird.taste.state import DAY, RING, TasteState, decayed

Told = tuple[int, str, int, int]


def told(n: int, seed: int) -> list[Told]:
    """n events with times that often coincide, of every action."""
    rng = np.random.default_rng(seed)
    at, item, action = (rng.integers(0, high, n).tolist() for high in (max(1, n // 3), 50, len(ACTIONS)))
    return [(at[k], f"e{k}", item[k], action[k]) for k in range(n)]


def learnt(events: list[Told]) -> TasteState:
    state = TasteState("ada")
    for event in events:
        state.learn(*event)
    return state


def latest(events: list[Told]) -> list[Told]:
    """What the state must hold, the slow way: all events that weigh, sorted, the last RING of them."""
    return sorted({one for one in events if ACTION_WEIGHT[ACTIONS[one[3]]] != 0})[-RING:]


@settings(max_examples=40, deadline=None)
@given(
    n=st.one_of(st.integers(0, 12), st.integers(RING - 20, 2 * RING)),
    seed=st.integers(0, 2**16),
    repeats=st.integers(0, 60),
)
def test_order_and_repeats_change_nothing(n: int, seed: int, repeats: int) -> None:
    events = told(n, seed)
    rng = np.random.default_rng(seed + 1)
    again = [events[k] for k in rng.integers(0, n, repeats)] if n else []
    shuffled = [(events + again)[k] for k in rng.permutation(n + len(again))]
    assert learnt(shuffled) == learnt(events)
    assert learnt(shuffled).events == latest(events)


def test_the_state_never_outgrows_the_ring() -> None:
    events = told(3 * RING, seed=0)
    assert len(latest(events)) == RING < len(events)
    assert len(learnt(events).events) == RING


def test_learning_says_whether_something_changed() -> None:
    state = TasteState("ada")
    assert state.learn(5, "a", 1, 2)
    assert not state.learn(5, "a", 1, 2), "known already"
    assert not state.learn(6, "b", 1, 0), "an impression says nothing"
    assert len(state.events) == 1


def test_the_history_is_the_events_oldest_first() -> None:
    events = told(40, seed=3)
    history = learnt(events).history
    assert list(zip(history.at, history.items, history.actions, strict=True)) == [
        (at, item, action) for at, _, item, action in latest(events)
    ]


def test_a_history_alone_makes_the_same_taste() -> None:
    history = learnt(told(60, seed=4)).history
    again = TasteState.of(history).history
    for name in ("items", "actions", "at"):
        assert getattr(again, name).tolist() == getattr(history, name).tolist()


def test_a_stranger_has_an_empty_state() -> None:
    assert len(TasteState("nobody").history) == 0
    assert TasteState("nobody").last_at == 0
    assert TasteState.of(History.empty()) == TasteState("")


@given(
    weights=st.lists(st.floats(-5, 5), min_size=1, max_size=20),
    half_lives=st.lists(st.floats(0.01, 400), min_size=1, max_size=4),
    seed=st.integers(0, 1000),
)
@settings(max_examples=60, deadline=None)
def test_decay_is_the_mean_of_halvings(weights: list[float], half_lives: list[float], seed: int) -> None:
    ages = np.random.default_rng(seed).integers(0, 500 * DAY, len(weights))
    slow = [
        sum(weight * 2.0 ** -(age / 86_400_000_000 / days) for days in half_lives) / len(half_lives)
        for weight, age in zip(weights, ages.tolist(), strict=True)
    ]
    np.testing.assert_allclose(decayed(np.array(weights), ages, half_lives), slow, rtol=1e-9, atol=1e-12)


def test_an_event_of_the_future_counts_as_one_of_now() -> None:
    assert decayed(np.array([3.0]), np.array([-DAY]), [1.0]).tolist() == [3.0]


def test_what_the_ring_lets_go_of_stays_seen() -> None:
    state = TasteState("ada")
    for number in range(RING + 10):
        state.learn(number, f"e{number}", number, ACTION_CODE["purchase"])
    assert len(state.events) == RING
    assert state.seen == set(range(RING + 10))
