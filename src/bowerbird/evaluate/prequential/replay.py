"""Prequential (test-then-train) evaluation: a recommender is evaluated along the log, as it would be served.

Prequential evaluation (Dawid, 1984; Gama et al., 2013, for streams): for every like, in the log's order, the
recommender first *predicts* the user's ranking as of that moment, without the event; the ranking is scored;
then the recommender *observes* the event. Queries are first likes only: of items that the user had not seen
before. The whole catalogue is ranked, except for what the user has seen already, which no system may rank (so
that fresh knowledge is not credited with merely hiding what was bought), and what was launched later.

All systems answer the same queries. A system that is updated later than another knows less: `UpdateSchedule`
says when each is updated.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import numpy as np

from bowerbird.data.arrays import BoolArray, IntArray
from bowerbird.data.articles.variants import Articles
from bowerbird.data.interactions import Interactions
from bowerbird.data.times import DAY, HOUR, DecayedPopularity
from bowerbird.errors import InputError
from bowerbird.progress import track

REFRESH_HOUR = 3  # UTC: when a nightly job would run
MONDAY = 4 * DAY  # 5 January 1970
DEPTH = 100
"""Length of a ranking; a target below it counts as a miss."""
MAX_QUERIES = 3_000


class StreamRecommender(Protocol):
    """A recommender that can be updated with events as they arrive."""

    def observe(self, events: Interactions) -> None:
        """Update with events, in the log's order; each comes once."""
        ...

    def predict(self, user_id: str, at: int, eligible: BoolArray, n: int) -> IntArray:
        """Rank the best `n` items for a user at a moment (microseconds): positions, best first, (at most n,).

        Only items of `eligible` (items,) bool.
        """
        ...


@dataclass(frozen=True)
class UpdateSchedule:
    """When a system observes the events of the log."""

    period: int | None
    """Microseconds between two updates; 0: after every event; None: never after the start."""
    offset: int = 0
    """Time of one of the updates, microseconds since 1970 UTC."""

    def count_observed(self, at: IntArray, rows: IntArray, start: int) -> IntArray:
        """Count the log's first events that are observed before each of Q queries, (Q,) int64.

        `at` (n,) are the log's times, `rows` (Q,) the queries' rows. Events up to `start` are observed by
        every system; an update observes what happened before it.
        """
        if self.period == 0:
            return rows
        n_observed: IntArray = np.full(len(rows), np.searchsorted(at, start, side="right"))
        if self.period is not None:
            # The last update at or before each query.
            updated_at = (at[rows] - self.offset) // self.period * self.period + self.offset
            n_observed = np.maximum(n_observed, np.searchsorted(at, updated_at, side="left"))
        return n_observed


REAL_TIME = UpdateSchedule(0)
DAILY = UpdateSchedule(DAY, REFRESH_HOUR * HOUR)
WEEKLY = UpdateSchedule(7 * DAY, MONDAY + REFRESH_HOUR * HOUR)
FROZEN = UpdateSchedule(None)


@dataclass(frozen=True)
class PrequentialSystem:
    """A recommender of its own, and when it is updated."""

    recommender: StreamRecommender
    schedule: UpdateSchedule


@dataclass(frozen=True)
class Queries:
    """Q likes of a log, in its order, each of which a system should predict."""

    rows: IntArray  # (Q,), which events of the log
    user: IntArray  # (Q,), numbers of users
    idle: IntArray  # (Q,), microseconds since the user's previous event; -1 where there is none
    first_of_day: BoolArray  # (Q,): whether it is the user's first event of that day (UTC)

    def where(self, selected: IntArray | BoolArray) -> Queries:
        """Select some of the queries."""
        return Queries(
            self.rows[selected], self.user[selected], self.idle[selected], self.first_of_day[selected]
        )

    def __len__(self) -> int:
        return len(self.rows)


def select_queries(
    events: Interactions, start: int, until: int | None = None, max_queries: int = MAX_QUERIES, seed: int = 0
) -> Queries:
    """Select the first likes after `start` (microseconds) and, if given, not after `until`.

    Where there are more than `max_queries`, a sample is taken (see `_sample_per_user`): fewer of heavy users,
    whose expected means do not change; every event is observed all the same. Events without a weight
    (impressions) do not make an item seen. Raises `InputError` where there are no queries.
    """
    seen_rows = np.flatnonzero(events.is_seen)
    user, at = events.user[seen_rows], events.at[seen_rows]
    pairs = user * events.n_items + events.item[seen_rows]
    is_first = np.zeros(len(seen_rows), bool)
    is_first[np.unique(pairs, return_index=True)[1]] = True
    idle = _time_since_previous(user, at)
    is_query = is_first & events.is_like[seen_rows] & (at > start)
    if until is not None:
        is_query &= at <= until
    same_day = (idle >= 0) & ((at - idle) // DAY == at // DAY)
    queries = Queries(seen_rows, user, idle, ~same_day).where(is_query)
    if not len(queries):
        raise InputError("there are no queries: no user liked anything new after the moment of training")
    return queries.where(_sample_per_user(queries.user, max_queries, seed))


def _time_since_previous(user: IntArray, at: IntArray) -> IntArray:
    """Time since the same user's previous event, (n,) int64, -1 for each user's first."""
    order = np.argsort(user, kind="stable")
    gaps = np.diff(at[order], prepend=0)
    gaps[np.diff(user[order], prepend=-1) != 0] = -1
    idle = np.empty(len(user), np.int64)
    idle[order] = gaps
    return idle


def _sample_per_user(user: IntArray, max_queries: int, seed: int) -> IntArray:
    """Sample up to `max_queries` of Q queries, ascending: at random, the same maximum number of each user.

    So the expected mean of each user does not change. Where there are more users than `max_queries`, one
    query each of a random sample of them.
    """
    rng = np.random.default_rng(seed)
    shuffled = rng.permutation(len(user))
    by_user = shuffled[np.argsort(user[shuffled], kind="stable")]
    _, starts, counts = np.unique(user[by_user], return_index=True, return_counts=True)
    ordinal = np.arange(len(user)) - np.repeat(starts, counts)  # of a query among its user's
    # All first ones in random order, then all second ones, …, up to the last round that fits completely.
    order = by_user[np.lexsort((rng.random(len(user)), ordinal))]
    round_ends = np.cumsum(np.bincount(ordinal))
    complete_rounds = round_ends[round_ends <= max_queries]
    return np.sort(order[: complete_rounds[-1] if len(complete_rounds) else max_queries])


def compute_target_ranks(
    systems: Mapping[str, PrequentialSystem],
    events: Interactions,
    queries: Queries,
    start: int,
    launched: IntArray,
    articles: Articles | None = None,
) -> dict[str, IntArray]:
    """Compute the rank of the liked item in each system's rankings, (Q,) int64 each, from 0; -1: a miss.

    `launched` (items,): when each item was launched, microseconds; it is eligible from then on. A ranking
    depends on nothing that happened at or after its query. With `articles` any variant of the liked item
    counts.
    """
    n_known = {
        name: system.schedule.count_observed(events.at, queries.rows, start)
        for name, system in systems.items()
    }
    n_observed = dict.fromkeys(systems, 0)
    ranks = {name: np.full(len(queries), -1, np.int64) for name in systems}
    seen_rows = _seen_rows_by_user(events)
    progress = track(queries.rows.tolist(), f"Prequential evaluation, {len(systems)} systems")
    for number, row in enumerate(progress):
        user, at, target = int(events.user[row]), int(events.at[row]), int(events.item[row])
        eligible = launched <= at
        user_rows = seen_rows[user]
        eligible[events.item[user_rows[: np.searchsorted(user_rows, row)]]] = False
        for name, system in systems.items():
            if n_observed[name] < n_known[name][number]:
                new_rows = np.arange(n_observed[name], n_known[name][number])
                system.recommender.observe(events.where(new_rows))
                n_observed[name] = n_known[name][number]
            ranking = system.recommender.predict(events.users[user], at, eligible, DEPTH)
            if articles is None:
                hits = np.flatnonzero(ranking == target)
            else:
                hits = np.flatnonzero(articles.numbers[ranking] == articles.numbers[target])
            ranks[name][number] = hits[0] if len(hits) else -1
    return ranks


def _seen_rows_by_user(events: Interactions) -> list[IntArray]:
    """Each user's events that make an item seen: ascending rows of the log."""
    seen_rows = np.flatnonzero(events.is_seen)
    order = seen_rows[np.argsort(events.user[seen_rows], kind="stable")]
    starts = np.searchsorted(events.user[order], np.arange(len(events.users) + 1))
    return [order[a:b] for a, b in pairwise(starts)]


class RealTimePopularity:
    """Ranks by likes that lose half their weight every `half_life_days`: the floor for every system."""

    def __init__(self, n_items: int, half_life_days: float = 30.0) -> None:
        self._popularity = DecayedPopularity(n_items, half_life_days)

    def observe(self, events: Interactions) -> None:
        """Count the likes among events."""
        liked = events.liked()
        self._popularity.observe(liked.item, liked.at)

    def predict(self, user_id: str, at: int, eligible: BoolArray, n: int) -> IntArray:
        """Rank eligible items by decayed likes, the same for every user."""
        rows = np.flatnonzero(eligible)
        best: IntArray = rows[np.argsort(-self._popularity.counts[rows], kind="stable")[:n]]
        return best
