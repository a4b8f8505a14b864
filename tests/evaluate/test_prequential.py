"""Ask before you tell: against a slow obvious loop, without leaks, and in worlds whose answer is known."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bowerbird.data.events import ACTION_CODE, Action
from bowerbird.data.interactions import Interactions
from bowerbird.errors import InputError
from bowerbird.evaluate.prequential import (
    DAILY,
    DAY,
    DEPTH,
    FROZEN,
    HOUR,
    LIVE,
    WEEKLY,
    Arm,
    DecayedPopularity,
    select_queries,
    compute_target_ranks,
)
from bowerbird.evaluate.prequential_comparison import parts_of

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FRESHNESS = {"live": LIVE, "daily": DAILY, "weekly": WEEKLY, "frozen": FROZEN}
ALWAYS = np.iinfo(np.int64).min


class Follower:
    """Shows what the same person's latest items lie next to in the order of positions, then what is told
    most often: it depends on who did what, on the order, and on everybody else."""

    def __init__(self, n_items: int) -> None:
        self.counts = np.zeros(n_items)
        self.last: dict[str, int] = {}

    def tell(self, events: Interactions) -> None:
        for user, item in zip(events.user.tolist(), events.item.tolist(), strict=True):
            self.last[events.users[user]] = item
            self.counts[item] += 1

    def ask(self, user_id: str, at: int, open_: np.ndarray, n: int) -> np.ndarray:
        near = np.abs(np.arange(len(open_)) - self.last.get(user_id, 0))
        order = np.lexsort((-self.counts, near // 3))
        return order[open_[order]][:n]


class Families:
    """Shows the family (even or odd positions) of what a person did last, lowest position first."""

    def __init__(self) -> None:
        self.family: dict[str, int] = {}

    def tell(self, events: Interactions) -> None:
        for user, item in zip(events.user.tolist(), events.item.tolist(), strict=True):
            self.family[events.users[user]] = item % 2

    def ask(self, user_id: str, at: int, open_: np.ndarray, n: int) -> np.ndarray:
        items = np.arange(len(open_))
        order = np.lexsort((items, items % 2 != self.family.get(user_id, 0)))
        return order[open_[order]][:n]


def log_of(rows: list[tuple[int, int, Action, int]], n_items: int) -> Interactions:
    """(user, item, action, microseconds), sorted by time; equal times stay in the order given."""
    rows = sorted(rows, key=lambda row: row[3])
    user, item, at = (np.array([row[k] for row in rows], np.int64) for k in (0, 1, 3))
    action = np.array([ACTION_CODE[row[2].value] for row in rows], np.int8)
    return Interactions([f"u{k}" for k in range(int(user.max()) + 1)], user, item, action, at, n_items)


ACTIONS = st.sampled_from([Action.IMPRESSION, Action.VIEW, Action.CLICK, Action.PURCHASE, Action.HIDE])
EVENTS = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 11), ACTIONS, st.integers(0, 20 * 8).map(lambda k: 3 * k)),
    min_size=1,
    max_size=60,
).map(lambda rows: [(user, item, action, hours * HOUR) for user, item, action, hours in rows])


def by_hand(events: Interactions, start: int, launched: np.ndarray) -> dict[str, list[tuple[int, int]]]:
    """(row, place) of every ask and arm, each arm made anew for each ask and told what it may know."""
    told = [
        (events.users[u], int(i), float(w), EPOCH + timedelta(microseconds=int(t)))
        for u, i, w, t in zip(events.user, events.item, events.weights, events.at, strict=True)
    ]
    begin = EPOCH + timedelta(microseconds=start)
    found: dict[str, list[tuple[int, int]]] = {name: [] for name in FRESHNESS}
    for row, (user, item, weight, at) in enumerate(told):
        had = {other for who, other, how, _ in told[:row] if who == user and how != 0}
        if weight < 1 or at <= begin or item in had:
            continue
        night = at.replace(hour=3, minute=0)
        night -= timedelta(days=night > at)
        last = {"live": None, "daily": night, "weekly": night - timedelta(days=night.weekday())}
        open_ = np.array([launched[k] <= events.at[row] and k not in had for k in range(events.n_items)])
        for name in FRESHNESS:
            refresh = last.get(name, begin)
            known = [k for k in range(row) if refresh is None or told[k][3] < refresh or told[k][3] <= begin]
            fresh = Follower(events.n_items)
            fresh.tell(events.where(np.array(known, np.int64)))
            answer = fresh.ask(user, int(events.at[row]), open_, DEPTH).tolist()
            found[name].append((row, answer.index(item) if item in answer else -1))
    return found


@settings(deadline=None, max_examples=60)
@given(EVENTS, st.integers(0, 20 * 24), st.lists(st.integers(0, 20 * 24), min_size=12, max_size=12))
def test_as_the_slow_loop(
    rows: list[tuple[int, int, Action, int]], start_hour: int, launched_hours: list[int]
) -> None:
    events, start = log_of(rows, 12), start_hour * HOUR
    launched = np.array(launched_hours) * HOUR
    expected = by_hand(events, start, launched)
    if not expected["live"]:
        with pytest.raises(InputError, match="nothing can be asked"):
            select_queries(events, start)
        return
    asks = select_queries(events, start)
    arms = {name: Arm(Follower(12), freshness) for name, freshness in FRESHNESS.items()}
    places = compute_target_ranks(arms, events, asks, start, launched)
    for name, want in expected.items():
        assert list(zip(asks.rows.tolist(), places[name].tolist(), strict=True)) == want


@settings(deadline=None, max_examples=60)
@given(EVENTS, st.data())
def test_the_future_never_changes_a_past_mark(
    rows: list[tuple[int, int, Action, int]], data: st.DataObject
) -> None:
    """What comes after an event is replaced by anything, at the same moments: marks until then stay."""
    events = log_of(rows, 12)
    cut = data.draw(st.integers(1, len(events)))
    later = len(events) - cut
    drawn = st.lists(st.integers(0, 3), min_size=later, max_size=later)
    changed = Interactions(
        ["u0", "u1", "u2", "u3"],
        np.concatenate([events.user[:cut], data.draw(drawn)]).astype(np.int64),
        np.concatenate([events.item[:cut], data.draw(drawn)]).astype(np.int64),
        np.concatenate([events.action[:cut], data.draw(drawn)]).astype(np.int8),
        events.at,
        12,
    )
    assert marks_until(cut, changed) == marks_until(cut, events)


def marks_until(cut: int, events: Interactions) -> list[tuple[int, ...]]:
    try:
        asks = select_queries(events, -1)
    except InputError:
        return []
    arms = {name: Arm(Follower(12), freshness) for name, freshness in FRESHNESS.items()}
    places = compute_target_ranks(arms, events, asks, -1, np.full(12, ALWAYS))
    rows = zip(
        asks.rows.tolist(), asks.since.tolist(), *(one.tolist() for one in places.values()), strict=True
    )
    return [row for row in rows if row[0] < cut]


def clicks(user: int, items: list[int], first_day: int, hour: int = 12) -> list[tuple[int, int, Action, int]]:
    """One click a day, at an hour; day 4 is a Monday."""
    at = [(first_day + k) * DAY + hour * HOUR for k in range(len(items))]
    return [(user, item, Action.CLICK, moment) for item, moment in zip(items, at, strict=True)]


def marked(
    rows: list[tuple[int, int, Action, int]], start: int, make: Callable[[], Families]
) -> dict[str, float]:
    """recall@20 by arm, and the live one over each."""
    events = log_of(rows, 100)
    asks = select_queries(events, start)
    arms = {name: Arm(make(), freshness) for name, freshness in FRESHNESS.items()}
    places = compute_target_ranks(arms, events, asks, start, np.full(100, ALWAYS))
    whole = parts_of(asks, places, dates_only=False)[0]
    ratios = {f"live/{one.arm}": one.ratio.mean for one in whole.versus if one.metric == "recall@20"}
    return {name: values["recall@20"].mean for name, values in whole.metrics.items()} | ratios


def test_who_turns_is_served_at_once_by_live_alone() -> None:
    """On a Monday noon everybody turns from even items to odd ones, and likes ten of those on ten days: live
    misses the first, daily too, weekly those until the Monday after, and the frozen one all of them."""
    even, odd = list(range(0, 20, 2)), list(range(1, 21, 2))
    rows = [one for user in range(5) for one in clicks(user, even, 1) + clicks(user, odd, 11)]
    found = marked(rows, 10 * DAY + 13 * HOUR, Families)
    assert found["live"] == found["daily"] == 0.9
    assert found["weekly"] == pytest.approx(0.3)  # Monday to Sunday missed; Monday's refresh is before noon
    assert found["frozen"] == 0.0
    assert found["live/weekly"] == pytest.approx(3.0)
    assert found["live/daily"] == 1.0


def test_within_a_day_daily_falls_behind_too() -> None:
    """All ten on one afternoon: only what is told at once has noticed."""
    even, odd = list(range(0, 20, 2)), list(range(1, 21, 2))
    turn = [(0, item, Action.CLICK, 11 * DAY + 12 * HOUR + k) for k, item in enumerate(odd)]
    found = marked(clicks(0, even, 1) + turn, 10 * DAY + 13 * HOUR, Families)
    assert (found["live"], found["daily"], found["weekly"]) == (0.9, 0.0, 0.0)


def test_where_nobody_turns_freshness_is_worth_nothing() -> None:
    even = list(range(0, 40, 2))
    rows = [one for user in range(5) for one in clicks(user, even, 1)]
    found = marked(rows, 5 * DAY, Families)
    assert found["live/daily"] == found["live/weekly"] == found["live/frozen"] == 1.0


def test_dates_without_a_time_of_day_tell_daily_nothing_of_the_same_day() -> None:
    even, odd = list(range(0, 20, 2)), list(range(1, 21, 2))
    basket = [(0, item, Action.PURCHASE, 12 * DAY) for item in odd]
    events = log_of(clicks(0, even, 1, hour=0) + basket, 100)
    asks = select_queries(events, 11 * DAY)
    arms = {name: Arm(Families(), freshness) for name, freshness in FRESHNESS.items()}
    parts = {
        part.name: part
        for part in parts_of(
            asks, compute_target_ranks(arms, events, asks, 11 * DAY, np.full(100, ALWAYS)), True
        )
    }
    recall = {
        name: {arm: values["recall@20"].mean for arm, values in part.metrics.items()}
        for name, part in parts.items()
    }
    assert recall["every event"] == {"live": 0.9, "daily": 0.0, "weekly": 0.0, "frozen": 0.0}
    assert set(recall["the first of a day"].values()) == {0.0}  # nobody could know
    assert recall["later on the same day"]["live"] == 1.0
    assert "pause: within half an hour" not in parts  # dates can't say that


def test_only_first_likes_are_asked_for() -> None:
    rows = [
        (0, 0, Action.IMPRESSION, 1),  # seeing is no dealing with
        (0, 0, Action.CLICK, 2),
        (0, 0, Action.PURCHASE, 3),  # again
        (0, 1, Action.VIEW, 4),
        (0, 1, Action.CLICK, 5),  # viewed before
        (0, 2, Action.HIDE, 6),  # no like
        (0, 3, Action.SAVE, 7),
        (1, 3, Action.SAVE, DAY),
        (1, 4, Action.SAVE, DAY + 5),
    ]
    asks = select_queries(log_of(rows, 5), 0)
    assert asks.rows.tolist() == [1, 6, 7, 8]
    assert asks.since.tolist() == [-1, 1, -1, 5]  # since anything that says something of taste
    assert asks.first_of_day.tolist() == [True, False, True, False]
    assert select_queries(log_of(rows, 5), 2, until=DAY).rows.tolist() == [6, 7]


def test_of_too_many_asks_busy_people_s_are_thinned() -> None:
    rows = [
        (user, item, Action.CLICK, 1 + item) for user in range(20) for item in range(2 + 10 * (user > 14))
    ]
    events = log_of(rows, 12)  # 15 people with two asks, five with twelve
    asks = select_queries(events, 0, most=59, seed=1)
    assert np.bincount(asks.user).tolist() == [2] * 15 + [5] * 5  # six of each would be 60
    assert (np.diff(asks.rows) > 0).all()
    assert asks.rows.tolist() == select_queries(events, 0, most=59, seed=1).rows.tolist()
    assert asks.rows.tolist() != select_queries(events, 0, most=59, seed=2).rows.tolist()
    few = select_queries(events, 0, most=7)
    assert np.bincount(few.user).max() == 1 and len(few) == 7
    assert len({tuple(select_queries(events, 0, most=7, seed=seed).user) for seed in range(5)}) > 1
    drawn = np.zeros(12)
    for seed in range(200):  # each of a busy person's is as likely
        drawn += np.bincount(events.item[select_queries(events, 0, most=59, seed=seed).rows], minlength=12)
    assert np.ptp(drawn[2:]) < 0.25 * drawn[2:].mean()


def test_popularity_as_the_decayed_counts() -> None:
    rng = np.random.default_rng(0)
    rows = [
        (0, int(item), Action.CLICK, int(at))
        for item, at in zip(rng.integers(0, 8, 50), np.sort(rng.integers(0, 90 * DAY, 50)), strict=True)
    ]
    events = log_of(rows, 8)
    by_steps, at_once = DecayedPopularity(8, 7.0), DecayedPopularity(8, 7.0)
    at_once.tell(events)
    for row in range(0, 50, 5):
        by_steps.tell(events.where(np.arange(row, row + 5)))
    counts = [
        sum(0.5 ** ((events.at[-1] - t) / (7 * DAY)) for _, i, _, t in rows if i == k) for k in range(8)
    ]
    open_ = np.arange(8) != 3
    want = [k for k in np.argsort(-np.array(counts), kind="stable") if k != 3]
    assert by_steps.ask("u0", 0, open_, 8).tolist() == at_once.ask("u0", 0, open_, 8).tolist() == want
