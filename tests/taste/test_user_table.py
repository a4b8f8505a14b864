"""A row is a set and sums: order and repeats can't matter, and nothing grows."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bowerbird.data.events import ACTION_CODE, ACTION_WEIGHT, ACTIONS
from bowerbird.data.times import SECOND
from bowerbird.taste.state.learning import OLDER, PERIOD, RING
from bowerbird.taste.state.user_table import COLUMNS, EPOCH, ROW_BYTES, UserTable, second_of, seconds_of

EventTuple = tuple[int, int, int]  # second, item, action code
N_ITEMS = 60
INTEREST = np.arange(N_ITEMS) % 7 - 1  # some items have none


def random_events(n: int, seed: int) -> list[EventTuple]:
    """n different events with times that often coincide, over several years, of every action."""
    rng = np.random.default_rng(seed)
    columns = [rng.integers(0, high, n).tolist() for high in (max(1, n // 3), N_ITEMS, len(ACTIONS))]
    return list(
        dict.fromkeys((day * 5 * 86_400, item, action) for day, item, action in zip(*columns, strict=True))
    )


def learn_all(events: list[EventTuple], batch: int | None = None) -> UserTable:
    table = UserTable(INTEREST)
    rows = np.full(len(events), table.row_of("ada"), np.int64)
    at, items, actions = np.array(events, np.int64).reshape(-1, 3).T
    for start in range(0, len(events), batch or max(1, len(events))):
        batch_rows = slice(start, start + (batch or len(events)))
        table.learn(
            rows[batch_rows],
            seconds_of(at[batch_rows] * SECOND),
            items[batch_rows],
            actions[batch_rows],
        )
    return table


def row_columns(table: UserTable) -> dict[str, list[int]]:
    return {name: table._rows[name][0].tolist() for name in COLUMNS}


def row_slowly(events: list[EventTuple]) -> tuple[list[EventTuple], dict[tuple[int, int], float]]:
    """What a row must hold, computed slowly: the last RING events with a weight, and sums of the others by
    period and interest, the latest of them."""
    weighted = sorted({event for event in events if ACTION_WEIGHT[ACTIONS[event[2]]]})
    sums: Counter[tuple[int, int]] = Counter()
    for at, item, action in weighted[:-RING]:
        if INTEREST[item] >= 0:
            sums[(at - EPOCH) // PERIOD, int(INTEREST[item])] += ACTION_WEIGHT[ACTIONS[action]]
    return weighted[-RING:], dict(sorted(sums.items(), reverse=True)[:OLDER])


@settings(max_examples=60)
@given(
    n=st.one_of(st.integers(0, 12), st.integers(RING - 10, 6 * RING)),
    seed=st.integers(0, 2**16),
    batch=st.sampled_from([None, 1, 7]),
)
def test_any_order_in_any_batches_gives_the_same_row_to_the_bit(n: int, seed: int, batch: int | None) -> None:
    events = random_events(n, seed)
    order = np.random.default_rng(seed + 1).permutation(len(events))
    shuffled = learn_all([events[k] for k in order], batch)
    assert row_columns(shuffled) == row_columns(learn_all(sorted(events)))
    state = shuffled.state("ada")
    stored, sums = row_slowly(events)
    seconds = (state.at // SECOND).tolist()
    assert [*zip(seconds, state.items.tolist(), state.actions.tolist(), strict=True)] == stored
    older = state.older
    keys = zip(((older.at // SECOND - EPOCH) // PERIOD).tolist(), older.interest.tolist(), strict=True)
    assert dict(zip(keys, older.weight.tolist(), strict=True)) == sums


@settings(max_examples=20)
@given(n=st.integers(0, 3 * RING), seed=st.integers(0, 2**16))
def test_one_by_one_is_as_in_a_batch(n: int, seed: int) -> None:
    table, events = UserTable(INTEREST), random_events(n, seed)
    for at, item, action in events:
        table.learn_one(table.row_of("ada"), second_of(at * SECOND), item, action)
    table.row_of("ada")
    assert row_columns(table) == row_columns(learn_all(events))


@settings(max_examples=30)
@given(n=st.integers(1, 2 * RING), seed=st.integers(0, 2**16))
def test_stored_events_are_recognised_when_they_come_again(n: int, seed: int) -> None:
    table = learn_all(random_events(n, seed))
    before, state = row_columns(table), table.state("ada")
    changed = table.learn(np.zeros(len(state.at), np.int64), seconds_of(state.at), state.items, state.actions)
    assert not changed.any()
    assert row_columns(table) == before


def test_impressions_change_nothing() -> None:
    table = UserTable(INTEREST)
    row = np.array([table.row_of("ada")])
    code = np.array([ACTION_CODE["impression"]])
    assert table.learn(row, seconds_of(np.array([SECOND])), np.array([3]), code).tolist() == [False]
    assert not len(table.state("ada").items)


def test_a_row_takes_the_documented_memory() -> None:
    table = learn_all(random_events(20 * RING, seed=0))
    assert ROW_BYTES <= 1_600  # with an id of some 20 letters and its place in the dictionary: 2 KiB
    assert table._rows._block[:1].nbytes == ROW_BYTES


@pytest.mark.parametrize("batch", [1, 7, RING, 4 * RING])
def test_all_items_of_a_busy_user_stay_seen_and_no_others_are(batch: int, tmp_path: Path) -> None:
    n_items, order = 4_000, np.random.default_rng(batch).permutation(3 * RING)
    table, purchase = UserTable(np.zeros(n_items, np.int64)), ACTION_CODE["purchase"]
    rows = table.rows_of(["ada", "bob"])
    for start in range(0, len(order), batch):
        items = order[start : start + batch]
        if batch == 1:
            table.learn_one(int(rows[0]), second_of(int(items[0]) * SECOND), int(items[0]), purchase)
        else:
            actions = np.full(len(items), purchase, np.int8)
            table.learn(np.full(len(items), rows[0]), seconds_of(items * SECOND), items, actions)
    table.save(tmp_path)
    for opened in (table, UserTable.open(tmp_path, np.zeros(n_items, np.int64))):
        assert np.flatnonzero(~opened.state("ada").unseen(n_items)).tolist() == list(range(3 * RING))
        assert opened.state("bob").unseen(n_items).all()
    table.forget("ada")
    assert table.state("ada").unseen(n_items).all()


def test_users_stay_separate_while_the_rows_grow() -> None:
    table = UserTable(INTEREST)
    rng = np.random.default_rng(0)
    events = [(f"u{rng.integers(1500)}", int(rng.integers(N_ITEMS))) for _ in range(6000)]
    for start in range(0, 6000, 500):
        batch_events = events[start : start + 500]
        rows = np.array([table.row_of(user) for user, _ in batch_events])
        at = seconds_of(np.arange(start, start + 500) * SECOND)
        table.learn(
            rows, at, np.array([item for _, item in batch_events]), np.full(500, ACTION_CODE["click"])
        )
    for user in ("u0", "u700", "u1499"):
        assert table.state(user).items.tolist() == [item for event_user, item in events if event_user == user]


def test_a_snapshot_opens_unchanged_and_learns_on(tmp_path: Path) -> None:
    events = random_events(3 * RING, seed=5)
    (tmp_path / "saved").mkdir()
    learn_all(events[: 2 * RING]).save(tmp_path / "saved")
    table = UserTable.open(tmp_path / "saved", INTEREST)
    remaining = np.array(events[2 * RING :], np.int64).T
    table.row_of("bo")
    table.learn(
        np.zeros(remaining.shape[1], np.int64), seconds_of(remaining[0] * SECOND), remaining[1], remaining[2]
    )
    assert row_columns(table) == row_columns(learn_all(events))
    reopened = UserTable.open(tmp_path / "saved", INTEREST)
    assert row_columns(reopened) == row_columns(learn_all(events[: 2 * RING])), (
        "learning on must not write into it"
    )


def test_a_snapshot_of_another_layout_is_rejected(tmp_path: Path) -> None:
    (tmp_path / "saved").mkdir()
    learn_all(random_events(10, seed=1)).save(tmp_path / "saved")
    np.save(tmp_path / "saved" / "user_table.npy", np.zeros((1, 3), np.uint8))
    with pytest.raises(ValueError, match="another layout"):
        UserTable.open(tmp_path / "saved", INTEREST)
