"""The queries of a prequential evaluation: likes of items that a user had not seen before."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bowerbird.data.arrays import BoolArray, IntArray
from bowerbird.data.interactions import Interactions
from bowerbird.data.times import DAY
from bowerbird.errors import InputError

MAX_QUERIES = 3_000


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
