"""A row is a set and sums: order and repeats can't matter, and nothing grows."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bowerbird.data.events import ACTION_CODE, ACTION_WEIGHT, ACTIONS
from bowerbird.taste.state.learning import OLDER, PERIOD, RING
from bowerbird.taste.state.user_state import SECOND
from bowerbird.taste.state.user_table import COLUMNS, DAWN, ROW_BYTES, People, second_of, seconds_of

Told = tuple[int, int, int]  # second, item, action code
N_ITEMS = 60
INTEREST = np.arange(N_ITEMS) % 7 - 1  # some items speak for none


def told(n: int, seed: int) -> list[Told]:
    """n different events with times that often coincide, over several years, of every action."""
    rng = np.random.default_rng(seed)
    some = [rng.integers(0, high, n).tolist() for high in (max(1, n // 3), N_ITEMS, len(ACTIONS))]
    return list(dict.fromkeys((day * 5 * 86_400, *rest) for day, *rest in zip(*some, strict=True)))


def learnt(events: list[Told], batch: int | None = None) -> People:
    people = People(INTEREST)
    rows = np.full(len(events), people.row_of("ada"), np.int64)
    at, items, actions = np.array(events, np.int64).reshape(-1, 3).T
    for start in range(0, len(events), batch or max(1, len(events))):
        part = slice(start, start + (batch or len(events)))
        people.learn(rows[part], seconds_of(at[part] * SECOND), items[part], actions[part])
    return people


def columns(people: People) -> dict[str, list[int]]:
    return {name: people._rows[name][0].tolist() for name in COLUMNS}


def slowly(events: list[Told]) -> tuple[list[Told], dict[tuple[int, int], float]]:
    """What a row must hold, obviously: the last RING events that weigh, and sums of the others by period and
    interest, the latest of them."""
    telling = sorted({one for one in events if ACTION_WEIGHT[ACTIONS[one[2]]]})
    sums: Counter[tuple[int, int]] = Counter()
    for at, item, action in telling[:-RING]:
        if INTEREST[item] >= 0:
            sums[(at - DAWN) // PERIOD, int(INTEREST[item])] += ACTION_WEIGHT[ACTIONS[action]]
    return telling[-RING:], dict(sorted(sums.items(), reverse=True)[:OLDER])


@settings(max_examples=60, deadline=None)
@given(
    n=st.one_of(st.integers(0, 12), st.integers(RING - 10, 6 * RING)),
    seed=st.integers(0, 2**16),
    batch=st.sampled_from([None, 1, 7]),
)
def test_any_order_in_any_batches_gives_the_same_row_to_the_bit(n: int, seed: int, batch: int | None) -> None:
    events = told(n, seed)
    order = np.random.default_rng(seed + 1).permutation(len(events))
    shuffled = learnt([events[k] for k in order], batch)
    assert columns(shuffled) == columns(learnt(sorted(events)))
    state = shuffled.state("ada")
    kept, sums = slowly(events)
    seconds = (state.at // SECOND).tolist()
    assert [*zip(seconds, state.items.tolist(), state.actions.tolist(), strict=True)] == kept
    older = state.older
    keys = zip(((older.at // SECOND - DAWN) // PERIOD).tolist(), older.interest.tolist(), strict=True)
    assert dict(zip(keys, older.weight.tolist(), strict=True)) == sums


@settings(max_examples=20, deadline=None)
@given(n=st.integers(0, 3 * RING), seed=st.integers(0, 2**16))
def test_one_by_one_is_as_in_a_batch(n: int, seed: int) -> None:
    people, events = People(INTEREST), told(n, seed)
    for at, item, action in events:
        people.learn_one(people.row_of("ada"), second_of(at * SECOND), item, action)
    people.row_of("ada")
    assert columns(people) == columns(learnt(events))


@settings(max_examples=30, deadline=None)
@given(n=st.integers(1, 2 * RING), seed=st.integers(0, 2**16))
def test_what_is_kept_is_recognised_when_it_comes_again(n: int, seed: int) -> None:
    people = learnt(told(n, seed))
    before, state = columns(people), people.state("ada")
    again = people.learn(np.zeros(len(state.at), np.int64), seconds_of(state.at), state.items, state.actions)
    assert not again.any()
    assert columns(people) == before


def test_impressions_say_nothing() -> None:
    people = People(INTEREST)
    row = np.array([people.row_of("ada")])
    code = np.array([ACTION_CODE["impression"]])
    assert people.learn(row, seconds_of(np.array([SECOND])), np.array([3]), code).tolist() == [False]
    assert not len(people.state("ada").items)


def test_a_row_has_the_size_that_is_promised() -> None:
    people = learnt(told(20 * RING, seed=0))
    assert ROW_BYTES <= 1_600  # with an id of some 20 letters and its place in the dictionary: 2 KiB
    assert people._rows._block[:1].nbytes == ROW_BYTES


@pytest.mark.parametrize("batch", [1, 7, RING, 4 * RING])
def test_all_items_of_a_busy_user_stay_seen_and_no_others_are(batch: int, tmp_path: Path) -> None:
    n_items, order = 4_000, np.random.default_rng(batch).permutation(3 * RING)
    people, purchase = People(np.zeros(n_items, np.int64)), ACTION_CODE["purchase"]
    rows = people.rows_of(["ada", "bob"])
    for start in range(0, len(order), batch):
        items = order[start : start + batch]
        if batch == 1:
            people.learn_one(int(rows[0]), second_of(int(items[0]) * SECOND), int(items[0]), purchase)
        else:
            actions = np.full(len(items), purchase, np.int8)
            people.learn(np.full(len(items), rows[0]), seconds_of(items * SECOND), items, actions)
    people.save(tmp_path)
    for users in (people, People.opened(tmp_path, np.zeros(n_items, np.int64))):
        assert np.flatnonzero(~users.state("ada").unseen(n_items)).tolist() == list(range(3 * RING))
        assert users.state("bob").unseen(n_items).all()
    people.forget("ada")
    assert people.state("ada").unseen(n_items).all()


def test_many_people_are_kept_apart_while_the_rows_grow() -> None:
    people = People(INTEREST)
    rng = np.random.default_rng(0)
    events = [(f"u{rng.integers(1500)}", int(rng.integers(N_ITEMS))) for _ in range(6000)]
    for start in range(0, 6000, 500):
        part = events[start : start + 500]
        rows = np.array([people.row_of(user) for user, _ in part])
        at = seconds_of(np.arange(start, start + 500) * SECOND)
        people.learn(rows, at, np.array([item for _, item in part]), np.full(500, ACTION_CODE["click"]))
    for user in ("u0", "u700", "u1499"):
        assert people.state(user).items.tolist() == [item for who, item in events if who == user]


def test_a_snapshot_opens_as_it_was_and_learns_on(tmp_path: Path) -> None:
    events = told(3 * RING, seed=5)
    (tmp_path / "kept").mkdir()
    learnt(events[: 2 * RING]).save(tmp_path / "kept")
    people = People.opened(tmp_path / "kept", INTEREST)
    rest = np.array(events[2 * RING :], np.int64).T
    people.row_of("bo")
    people.learn(np.zeros(rest.shape[1], np.int64), seconds_of(rest[0] * SECOND), rest[1], rest[2])
    assert columns(people) == columns(learnt(events))
    again = People.opened(tmp_path / "kept", INTEREST)
    assert columns(again) == columns(learnt(events[: 2 * RING])), "learning on must not write into it"


def test_a_snapshot_of_another_layout_is_refused(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    learnt(told(10, seed=1)).save(tmp_path / "kept")
    np.save(tmp_path / "kept" / "people.npy", np.zeros((1, 3), np.uint8))
    with pytest.raises(ValueError, match="another layout"):
        People.opened(tmp_path / "kept", INTEREST)
