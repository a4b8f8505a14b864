"""A ring of likers is the latest of a set of users: order and repeats can't matter."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bowerbird.data.events import ACTION_CODE, Action
from bowerbird.data.times import SECOND
from bowerbird.taste.state.likers import ITEM_BYTES, LIKERS
from bowerbird.taste.state.user_states import UserStates
from bowerbird.taste.state.user_table import EPOCH

ITEMS = 4
EventTuple = tuple[str, int, int, int]  # user, second, item, action code
CLICK, VIEW = ACTION_CODE[Action.CLICK.value], ACTION_CODE[Action.VIEW.value]


def random_events(n: int, n_users: int, seed: int) -> list[EventTuple]:
    """Events of which many fall into one second and many are of the same user with the same item."""
    rng = np.random.default_rng(seed)
    columns = [rng.integers(0, high, n).tolist() for high in (n_users, max(1, n // 4), ITEMS)]
    actions = rng.choice([CLICK, VIEW, ACTION_CODE["purchase"], ACTION_CODE["impression"]], n).tolist()
    return [
        (f"p{user}", second, item, action)
        for user, second, item, action in zip(*columns, actions, strict=True)
    ]


def learn_all(events: list[EventTuple], batch: int) -> UserStates:
    states = UserStates(np.zeros(ITEMS, np.int64))
    for start in range(0, len(events), batch):
        batch_events = events[start : start + batch]
        if batch == 1:
            user, second, item, action = batch_events[0]
            states.learn_one(user, second * SECOND, item, action)
            continue
        rows = states.rows_of([event[0] for event in batch_events])
        at, items, actions = np.array([event[1:] for event in batch_events], np.int64).T
        states.learn(rows, at * SECOND, items, actions)
    return states


def rings(states: UserStates) -> list[list[tuple[str, int]]]:
    ids = states.table.ids
    columns = (states.likers.ring(item) for item in range(ITEMS))
    return [[(ids[user], second + EPOCH) for user, second in zip(*ring, strict=True)] for ring in columns]


def rings_slowly(events: list[EventTuple], states: UserStates) -> list[list[tuple[str, int]]]:
    """For each item the latest like of each user, and of these the latest, ties by the hash of the id."""
    id_hashes = dict(zip(states.table.ids, states.table.id_hashes.tolist(), strict=False))
    expected = []
    for item in range(ITEMS):
        last_like: dict[str, int] = {}
        for user, second, event_item, action in events:
            if event_item == item and action in (CLICK, ACTION_CODE["purchase"]):
                last_like[user] = max(last_like.get(user, 0), second)
        expected.append(sorted(last_like.items(), key=lambda like: (like[1], id_hashes[like[0]]))[-LIKERS:])
    return expected


@settings(max_examples=60)
@given(
    n=st.integers(0, 1_500),
    n_users=st.sampled_from([3, 60, 2 * LIKERS]),
    seed=st.integers(0, 2**16),
    batch=st.sampled_from([1, 7, 5_000]),
)
def test_any_order_in_any_batches_gives_the_same_rings(n: int, n_users: int, seed: int, batch: int) -> None:
    events = random_events(n, n_users, seed)
    order = np.random.default_rng(seed + 1).permutation(n)
    states = learn_all([events[k] for k in order] + events[: n // 3], batch)
    assert rings(states) == rings_slowly(events, states)


def test_a_forgotten_user_is_in_no_ring_and_the_others_stay() -> None:
    events = random_events(800, 40, seed=1)
    states = learn_all(events, batch=50)
    before = rings(states)
    states.forget("p7")
    assert any(user == "p7" for ring in before for user, _ in ring)
    assert rings(states) == [[like for like in ring if like[0] != "p7"] for ring in before]
    assert rings(states) == rings(learn_all([event for event in events if event[0] != "p7"], batch=50))
    assert not len(states.table.state("p7").items)


def test_saved_states_open_unchanged(tmp_path: Path) -> None:
    events = random_events(900, 100, seed=2)
    learn_all(events[:600], batch=100).save(tmp_path / "saved")
    reopened = UserStates.open(tmp_path / "saved", np.zeros(ITEMS, np.int64))
    for user, second, item, action in events[600:]:
        reopened.learn_one(user, second * SECOND, item, action)
    assert rings(reopened) == rings(learn_all(events, batch=100))
    with pytest.raises(ValueError, match="another layout"):
        UserStates.open(tmp_path / "saved", np.zeros(ITEMS + 1, np.int64))


def test_trending_is_the_sum_of_decayed_likes_before_a_moment() -> None:
    events = [(f"p{k}", 3_600 * k, k % ITEMS, CLICK) for k in range(100)]
    now, half_life = 3_600 * 80, 0.5
    ages = [(now - second, item) for _, second, item, _ in events if second <= now]
    expected = [
        sum(0.5 ** (age / 43_200) for age, liked_item in ages if liked_item == item) for item in range(ITEMS)
    ]
    trending = learn_all(events, batch=100).likers.trending(now - EPOCH, half_life)
    assert trending == pytest.approx(expected, rel=0.02)  # what is older than six half-lives is left out


def test_a_full_ring_estimates_the_likes_that_it_dropped() -> None:
    """A like every minute: the sum over all of them, of which the ring holds the last hour."""
    likes = [(f"p{k}", 60 * k, 0, CLICK) for k in range(5_000)]
    now = 60 * 5_000
    expected = sum(0.5 ** ((now - second) / 43_200) for _, second, _, _ in likes)
    trending = learn_all(likes, batch=500).likers.trending(now - EPOCH, 0.5)
    assert trending[0] == pytest.approx(expected, rel=0.05)


def test_an_item_takes_the_documented_memory() -> None:
    assert ITEM_BYTES == 520
