"""Ask before you tell: a recommender judged along the stream of events, as it would be in service.

Prequential evaluation (Dawid, 1984; Gama et al., 2013, for streams): of every like in the log's order the
recommender is first *asked* for the person's ranking as of that moment, without the event; the answer is
*marked*; then the event is *told*. Only first likes are asked for: of items that the person had nothing to do
with before. The whole catalogue is ranked, but for what the person has had already, which no arm may offer
(so that fresh knowledge is not credited with merely hiding what was bought), and what came later.

Arms are asked the same. One told later than another knows less: `Freshness` says when each is told.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import numpy as np

from bowerbird.data.interactions import Interactions
from bowerbird.errors import InputError
from bowerbird.progress import track

HOUR = 3_600_000_000  # microseconds
DAY = 24 * HOUR
REFRESH_HOUR = 3  # UTC: when a nightly job would run
MONDAY = 4 * DAY  # 5 January 1970
DEPTH = 100
"""Places of an answer that are looked at; a target further down counts as not found."""
MOST_ASKS = 3_000


class Streamed(Protocol):
    """A recommender that takes in events as they come."""

    def tell(self, events: Interactions) -> None:
        """Take in events, in the log's order; each is told once."""
        ...

    def ask(self, user_id: str, at: int, open_: np.ndarray, n: int) -> np.ndarray:
        """The best `n` items for a person at a moment (microseconds): positions, best first, (at most n,).

        Among `open_` (items,) bool alone.
        """
        ...


@dataclass(frozen=True)
class Freshness:
    """When an arm is told what happened."""

    period: int | None
    """Microseconds between two refreshes; 0: every event at once; None: never after the start."""
    offset: int = 0
    """Time of one of the refreshes, microseconds since 1970 UTC."""

    def known(self, at: np.ndarray, rows: np.ndarray, start: int) -> np.ndarray:
        """How many of the log's first events are known when each of A rows is asked for, (A,) int64.

        `at` (n,) are the log's times. What happened up to `start` is known to every arm; a refresh takes in
        what happened before it.
        """
        if self.period == 0:
            return rows
        known: np.ndarray = np.full(len(rows), np.searchsorted(at, start, side="right"))
        if self.period is not None:
            refreshed = (at[rows] - self.offset) // self.period * self.period + self.offset
            known = np.maximum(known, np.searchsorted(at, refreshed, side="left"))
        return known


LIVE = Freshness(0)
DAILY = Freshness(DAY, REFRESH_HOUR * HOUR)
WEEKLY = Freshness(7 * DAY, MONDAY + REFRESH_HOUR * HOUR)
FROZEN = Freshness(None)


@dataclass(frozen=True)
class Arm:
    """A recommender of its own, and when it is told."""

    recommender: Streamed
    freshness: Freshness


@dataclass(frozen=True)
class Asks:
    """What is asked: A likes of a log, in its order."""

    rows: np.ndarray  # (A,) int64, which events of the log
    user: np.ndarray  # (A,) int64, numbers of people
    since: np.ndarray  # (A,) int64, microseconds since the person's event before; -1 where there is none
    first_of_day: np.ndarray  # (A,) bool: whether the person has done nothing else on that day (UTC) yet

    def where(self, keep: np.ndarray) -> Asks:
        return Asks(self.rows[keep], self.user[keep], self.since[keep], self.first_of_day[keep])

    def __len__(self) -> int:
        return len(self.rows)


def asks_of(
    events: Interactions, start: int, until: int | None = None, most: int = MOST_ASKS, seed: int = 0
) -> Asks:
    """The first likes after `start` (microseconds) and, if given, not after `until`.

    Where there are more than `most`, some are drawn (see `_drawn`): fewer of busy people, whose means stay
    what they were; all the same everything is told. Events that say nothing of taste (impressions) are no
    dealings with an item. Raises `InputError` where nothing can be asked.
    """
    telling = np.flatnonzero(events.weights != 0)  # seen events, see `History.seen`
    user, at = events.user[telling], events.at[telling]
    pairs = user * events.n_items + events.item[telling]
    first = np.zeros(len(telling), bool)
    first[np.unique(pairs, return_index=True)[1]] = True
    since = _since_last(user, at)
    asked = first & (events.weights[telling] >= 1.0) & (at > start)
    if until is not None:
        asked &= at <= until
    same_day = (since >= 0) & ((at - since) // DAY == at // DAY)
    asks = Asks(telling, user, since, ~same_day).where(asked)
    if not len(asks):
        raise InputError("nothing can be asked: nobody liked anything new after the moment of training")
    return asks.where(_drawn(asks.user, most, seed))


def _since_last(user: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Time since the same person's event before, (n,) int64, -1 for each person's first."""
    order = np.argsort(user, kind="stable")
    gaps = np.diff(at[order], prepend=0)
    gaps[np.diff(user[order], prepend=-1) != 0] = -1
    since = np.empty(len(user), np.int64)
    since[order] = gaps
    return since


def _drawn(user: np.ndarray, most: int, seed: int) -> np.ndarray:
    """Which of A asks, at most `most` of them, ascending: of each person the same number at most, drawn at
    random, so that their means stay what they were; of some people one, where there are more people."""
    rng = np.random.default_rng(seed)
    shuffled = rng.permutation(len(user))
    by_person = shuffled[np.argsort(user[shuffled], kind="stable")]
    _, starts, counts = np.unique(user[by_person], return_index=True, return_counts=True)
    turn = np.arange(len(user)) - np.repeat(starts, counts)  # of an ask among its person's
    # All first ones in random order, then all second ones, …, up to the last turn that fits in whole.
    order = by_person[np.lexsort((rng.random(len(user)), turn))]
    whole = np.cumsum(np.bincount(turn))
    fitting = whole[whole <= most]
    return np.sort(order[: fitting[-1] if len(fitting) else most])


def places_found(
    arms: Mapping[str, Arm], events: Interactions, asks: Asks, start: int, launched: np.ndarray
) -> dict[str, np.ndarray]:
    """Where in each arm's answers the liked item stood, from 0; -1 beyond `DEPTH`; (A,) int64 each.

    `launched` (items,): when each item came, microseconds; it is offered from then on. An answer depends on
    nothing that happened at or after its ask.
    """
    known = {name: arm.freshness.known(events.at, asks.rows, start) for name, arm in arms.items()}
    told = dict.fromkeys(arms, 0)
    places = {name: np.full(len(asks), -1, np.int64) for name in arms}
    had = _had(events)
    for k, row in enumerate(track(asks.rows.tolist(), f"Asking before telling, {len(arms)} arms")):
        user, at, target = int(events.user[row]), int(events.at[row]), int(events.item[row])
        open_ = launched <= at
        rows = had[user]
        open_[events.item[rows[: np.searchsorted(rows, row)]]] = False
        for name, arm in arms.items():
            if told[name] < known[name][k]:
                arm.recommender.tell(events.where(np.arange(told[name], known[name][k])))
                told[name] = known[name][k]
            answer = arm.recommender.ask(events.users[user], at, open_, DEPTH)
            found = np.flatnonzero(answer == target)
            places[name][k] = found[0] if len(found) else -1
    return places


def _had(events: Interactions) -> list[np.ndarray]:
    """Each person's events that say something of taste: ascending rows of the log."""
    telling = np.flatnonzero(events.weights != 0)
    order = telling[np.argsort(events.user[telling], kind="stable")]
    starts = np.searchsorted(events.user[order], np.arange(len(events.users) + 1))
    return [order[a:b] for a, b in pairwise(starts)]


class PopularNow:
    """Ranks by likes that lose half their weight every `half_life_days`: the floor of every arm."""

    def __init__(self, n_items: int, half_life_days: float = 30.0) -> None:
        self._half_life = half_life_days * DAY
        self._counts = np.zeros(n_items)
        self._at = 0

    def tell(self, events: Interactions) -> None:
        liked = events.liked()
        if not len(liked):
            return
        latest = max(self._at, int(liked.at.max()))
        self._counts *= 0.5 ** ((latest - self._at) / self._half_life)
        self._counts += np.bincount(
            liked.item, 0.5 ** ((latest - liked.at) / self._half_life), minlength=len(self._counts)
        )
        self._at = latest

    def ask(self, user_id: str, at: int, open_: np.ndarray, n: int) -> np.ndarray:
        rows = np.flatnonzero(open_)
        best: np.ndarray = rows[np.argsort(-self._counts[rows], kind="stable")[:n]]
        return best
