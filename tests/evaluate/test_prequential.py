"""Prequential evaluation: against a slow, obvious loop, without leaks, and on logs with a known answer."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bowerbird.data.events import ACTION_CODE, Action
from bowerbird.data.interactions import Interactions
from bowerbird.data.times import DAY, HOUR
from bowerbird.errors import InputError
from bowerbird.evaluate.prequential.comparison import evaluate_slices
from bowerbird.evaluate.prequential.queries import select_queries
from bowerbird.evaluate.prequential.replay import (
    DAILY,
    DEPTH,
    FROZEN,
    REAL_TIME,
    WEEKLY,
    PrequentialSystem,
    RealTimePopularity,
    compute_target_ranks,
)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SCHEDULES = {"real time": REAL_TIME, "daily": DAILY, "weekly": WEEKLY, "frozen": FROZEN}
ALWAYS = np.iinfo(np.int64).min


class Follower:
    """Ranks items near the same user's latest item in the order of positions, then the most frequent ones: it
    depends on who did what, on the order, and on all other users."""

    def __init__(self, n_items: int) -> None:
        self.counts = np.zeros(n_items)
        self.last: dict[str, int] = {}

    def observe(self, events: Interactions) -> None:
        for user, item in zip(events.user.tolist(), events.item.tolist(), strict=True):
            self.last[events.users[user]] = item
            self.counts[item] += 1

    def predict(self, user_id: str, at: int, eligible: np.ndarray, n: int) -> np.ndarray:
        near = np.abs(np.arange(len(eligible)) - self.last.get(user_id, 0))
        order = np.lexsort((-self.counts, near // 3))
        return order[eligible[order]][:n]


class ParityRecommender:
    """Ranks items of the parity (even or odd position) of the user's last item, lowest position first."""

    def __init__(self) -> None:
        self.parity: dict[str, int] = {}

    def observe(self, events: Interactions) -> None:
        for user, item in zip(events.user.tolist(), events.item.tolist(), strict=True):
            self.parity[events.users[user]] = item % 2

    def predict(self, user_id: str, at: int, eligible: np.ndarray, n: int) -> np.ndarray:
        items = np.arange(len(eligible))
        order = np.lexsort((items, items % 2 != self.parity.get(user_id, 0)))
        return order[eligible[order]][:n]


def make_log(rows: list[tuple[int, int, Action, int]], n_items: int) -> Interactions:
    """(user, item, action, microseconds), sorted by time; equal times stay in the given order."""
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
    """(row, rank) of every query and system: a new system for each query observes what it may know."""
    log = [
        (events.users[u], int(i), float(w), EPOCH + timedelta(microseconds=int(t)))
        for u, i, w, t in zip(events.user, events.item, events.weights, events.at, strict=True)
    ]
    begin = EPOCH + timedelta(microseconds=start)
    ranks: dict[str, list[tuple[int, int]]] = {name: [] for name in SCHEDULES}
    for row, (user, item, weight, at) in enumerate(log):
        seen = {i for u, i, w, _ in log[:row] if u == user and w != 0}
        if weight < 1 or at <= begin or item in seen:
            continue
        night = at.replace(hour=3, minute=0)
        night -= timedelta(days=night > at)
        last_update = {"real time": None, "daily": night, "weekly": night - timedelta(days=night.weekday())}
        eligible = np.array([launched[k] <= events.at[row] and k not in seen for k in range(events.n_items)])
        for name in SCHEDULES:
            update = last_update.get(name, begin)
            known = [k for k in range(row) if update is None or log[k][3] < update or log[k][3] <= begin]
            follower = Follower(events.n_items)
            follower.observe(events.where(np.array(known, np.int64)))
            ranking = follower.predict(user, int(events.at[row]), eligible, DEPTH).tolist()
            ranks[name].append((row, ranking.index(item) if item in ranking else -1))
    return ranks


@settings(max_examples=60)
@given(EVENTS, st.integers(0, 20 * 24), st.lists(st.integers(0, 20 * 24), min_size=12, max_size=12))
def test_agrees_with_the_slow_loop(
    rows: list[tuple[int, int, Action, int]], start_hour: int, launched_hours: list[int]
) -> None:
    events, start = make_log(rows, 12), start_hour * HOUR
    launched = np.array(launched_hours) * HOUR
    expected = by_hand(events, start, launched)
    if not expected["real time"]:
        with pytest.raises(InputError, match="there are no queries"):
            select_queries(events, start)
        return
    queries = select_queries(events, start)
    systems = {name: PrequentialSystem(Follower(12), schedule) for name, schedule in SCHEDULES.items()}
    ranks = compute_target_ranks(systems, events, queries, start, launched)
    for name, rows_and_ranks in expected.items():
        assert list(zip(queries.rows.tolist(), ranks[name].tolist(), strict=True)) == rows_and_ranks


@settings(max_examples=60)
@given(EVENTS, st.data())
def test_the_future_never_changes_a_past_rank(
    rows: list[tuple[int, int, Action, int]], data: st.DataObject
) -> None:
    """Later events are replaced by arbitrary ones at the same moments: ranks until then stay the same."""
    events = make_log(rows, 12)
    cut = data.draw(st.integers(1, len(events)))
    n_later = len(events) - cut
    replacements = st.lists(st.integers(0, 3), min_size=n_later, max_size=n_later)
    changed = Interactions(
        ["u0", "u1", "u2", "u3"],
        np.concatenate([events.user[:cut], data.draw(replacements)]).astype(np.int64),
        np.concatenate([events.item[:cut], data.draw(replacements)]).astype(np.int64),
        np.concatenate([events.action[:cut], data.draw(replacements)]).astype(np.int8),
        events.at,
        12,
    )
    assert ranks_until(cut, changed) == ranks_until(cut, events)


def ranks_until(cut: int, events: Interactions) -> list[tuple[int, ...]]:
    try:
        queries = select_queries(events, -1)
    except InputError:
        return []
    systems = {name: PrequentialSystem(Follower(12), schedule) for name, schedule in SCHEDULES.items()}
    ranks = compute_target_ranks(systems, events, queries, -1, np.full(12, ALWAYS))
    columns = (values.tolist() for values in ranks.values())
    rows = zip(queries.rows.tolist(), queries.idle.tolist(), *columns, strict=True)
    return [row for row in rows if row[0] < cut]


def clicks(user: int, items: list[int], first_day: int, hour: int = 12) -> list[tuple[int, int, Action, int]]:
    """One click per day, at an hour; day 4 is a Monday."""
    at = [(first_day + k) * DAY + hour * HOUR for k in range(len(items))]
    return [(user, item, Action.CLICK, moment) for item, moment in zip(items, at, strict=True)]


def evaluate_recall(
    rows: list[tuple[int, int, Action, int]], start: int, make: Callable[[], ParityRecommender]
) -> dict[str, float]:
    """recall@20 by system, and the ratio of the real-time one to each."""
    events = make_log(rows, 100)
    queries = select_queries(events, start)
    systems = {name: PrequentialSystem(make(), schedule) for name, schedule in SCHEDULES.items()}
    ranks = compute_target_ranks(systems, events, queries, start, np.full(100, ALWAYS))
    all_queries = evaluate_slices(queries, ranks, dates_only=False)[0]
    ratios = {
        f"real time/{gain.system}": gain.ratio.mean
        for gain in all_queries.gains
        if gain.metric == "recall@20"
    }
    return {name: values["recall@20"].mean for name, values in all_queries.metrics.items()} | ratios


def test_a_change_of_interest_is_noticed_at_the_next_update() -> None:
    """On a Monday noon all users turn from even items to odd ones, and like ten of those on ten days.

    Real-time and daily updates miss the first, weekly ones those until the next Monday, the frozen system
    all of them.
    """
    even, odd = list(range(0, 20, 2)), list(range(1, 21, 2))
    rows = [row for user in range(5) for row in clicks(user, even, 1) + clicks(user, odd, 11)]
    recall = evaluate_recall(rows, 10 * DAY + 13 * HOUR, ParityRecommender)
    assert recall["real time"] == recall["daily"] == 0.9
    assert recall["weekly"] == pytest.approx(0.3)  # Monday to Sunday missed; Monday's refresh is before noon
    assert recall["frozen"] == 0.0
    assert recall["real time/weekly"] == pytest.approx(3.0)
    assert recall["real time/daily"] == 1.0


def test_within_a_day_daily_updates_are_too_late() -> None:
    """All ten on one afternoon: only real-time updates notice."""
    even, odd = list(range(0, 20, 2)), list(range(1, 21, 2))
    turn = [(0, item, Action.CLICK, 11 * DAY + 12 * HOUR + k) for k, item in enumerate(odd)]
    recall = evaluate_recall(clicks(0, even, 1) + turn, 10 * DAY + 13 * HOUR, ParityRecommender)
    assert (recall["real time"], recall["daily"], recall["weekly"]) == (0.9, 0.0, 0.0)


def test_without_a_change_of_interest_updates_gain_nothing() -> None:
    even = list(range(0, 40, 2))
    rows = [row for user in range(5) for row in clicks(user, even, 1)]
    recall = evaluate_recall(rows, 5 * DAY, ParityRecommender)
    ratios = {recall[f"real time/{name}"] for name in ("daily", "weekly", "frozen")}
    assert ratios == {1.0}


def test_with_dates_only_a_daily_update_knows_nothing_of_the_same_day() -> None:
    even, odd = list(range(0, 20, 2)), list(range(1, 21, 2))
    basket = [(0, item, Action.PURCHASE, 12 * DAY) for item in odd]
    events = make_log(clicks(0, even, 1, hour=0) + basket, 100)
    queries = select_queries(events, 11 * DAY)
    systems = {name: PrequentialSystem(ParityRecommender(), schedule) for name, schedule in SCHEDULES.items()}
    ranks = compute_target_ranks(systems, events, queries, 11 * DAY, np.full(100, ALWAYS))
    recall = {
        query_slice.name: {name: values["recall@20"].mean for name, values in query_slice.metrics.items()}
        for query_slice in evaluate_slices(queries, ranks, dates_only=True)
    }
    assert recall["all queries"] == {"real time": 0.9, "daily": 0.0, "weekly": 0.0, "frozen": 0.0}
    assert set(recall["first of the day"].values()) == {0.0}  # unpredictable
    assert recall["later on the same day"]["real time"] == 1.0
    assert "idle time: within half an hour" not in recall  # would need a time of day


def test_only_first_likes_are_queries() -> None:
    rows = [
        (0, 0, Action.IMPRESSION, 1),  # an impression does not make an item seen
        (0, 0, Action.CLICK, 2),
        (0, 0, Action.PURCHASE, 3),  # again
        (0, 1, Action.VIEW, 4),
        (0, 1, Action.CLICK, 5),  # viewed before
        (0, 2, Action.HIDE, 6),  # not a like
        (0, 3, Action.SAVE, 7),
        (1, 3, Action.SAVE, DAY),
        (1, 4, Action.SAVE, DAY + 5),
    ]
    queries = select_queries(make_log(rows, 5), 0)
    assert queries.rows.tolist() == [1, 6, 7, 8]
    assert queries.idle.tolist() == [-1, 1, -1, 5]  # since any event but an impression
    assert queries.first_of_day.tolist() == [True, False, True, False]
    assert select_queries(make_log(rows, 5), 2, until=DAY).rows.tolist() == [6, 7]


def test_queries_of_heavy_users_are_sampled() -> None:
    rows = [
        (user, item, Action.CLICK, 1 + item) for user in range(20) for item in range(2 + 10 * (user > 14))
    ]
    events = make_log(rows, 12)  # 15 users with two queries, five with twelve
    queries = select_queries(events, 0, max_queries=59, seed=1)
    assert np.bincount(queries.user).tolist() == [2] * 15 + [5] * 5  # six of each would be 60
    assert (np.diff(queries.rows) > 0).all()
    assert queries.rows.tolist() == select_queries(events, 0, max_queries=59, seed=1).rows.tolist()
    assert queries.rows.tolist() != select_queries(events, 0, max_queries=59, seed=2).rows.tolist()
    sample = select_queries(events, 0, max_queries=7)
    assert np.bincount(sample.user).max() == 1 and len(sample) == 7
    assert len({tuple(select_queries(events, 0, max_queries=7, seed=seed).user) for seed in range(5)}) > 1
    counts = np.zeros(12)
    for seed in range(200):  # each query of a heavy user is as likely
        counts += np.bincount(
            events.item[select_queries(events, 0, max_queries=59, seed=seed).rows], minlength=12
        )
    assert np.ptp(counts[2:]) < 0.25 * counts[2:].mean()


def test_decayed_popularity_agrees_with_the_formula() -> None:
    rng = np.random.default_rng(0)
    rows = [
        (0, int(item), Action.CLICK, int(at))
        for item, at in zip(rng.integers(0, 8, 50), np.sort(rng.integers(0, 90 * DAY, 50)), strict=True)
    ]
    events = make_log(rows, 8)
    stepwise, in_one_step = RealTimePopularity(8, 7.0), RealTimePopularity(8, 7.0)
    in_one_step.observe(events)
    for row in range(0, 50, 5):
        stepwise.observe(events.where(np.arange(row, row + 5)))
    counts = [
        sum(0.5 ** ((events.at[-1] - t) / (7 * DAY)) for _, i, _, t in rows if i == k) for k in range(8)
    ]
    eligible = np.arange(8) != 3
    expected = [k for k in np.argsort(-np.array(counts), kind="stable") if k != 3]
    for popularity in (stepwise, in_one_step):
        assert popularity.predict("u0", 0, eligible, 8).tolist() == expected
