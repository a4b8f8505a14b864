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
from bowerbird.evaluate.prequential.queries import Queries
from bowerbird.progress import track

REFRESH_HOUR = 3  # UTC: when a nightly job would run
MONDAY = 4 * DAY  # 5 January 1970
DEPTH = 100
"""Length of a ranking; a target below it counts as a miss."""


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
