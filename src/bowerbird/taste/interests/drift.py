"""Whether a person's taste changed of late: the last visits against all before, by a likelihood ratio.

Clicks of one visit hang together, so visits are compared, not clicks: somebody with three interests follows
one of them in a visit, and three clicks on it say no more than that they came for it once. For a change
before visit t the ratio asks, of every visit since, how much likelier it is as one of a new taste, which its
own items and the visits since t speak for, than as one more like those before t; each since t may still be of
an old taste. The largest log ratio over t is the evidence (a generalised likelihood ratio: Lorden, 1971; see
Basseville & Nikiforov, "Detection of Abrupt Changes", 1993, ch. 2.4). How likely an item is beside another
is a kernel of their vectors' cosine, mixed with chance.

Few clicks tell little: see docs/log.md for how much an observer who knew everything else could see.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from bowerbird.data.interactions import History
from bowerbird.taste.state.user_state import DAY, SECOND

VISIT_GAP = 30 * 60 * SECOND
"""Microseconds without an event after which another visit begins."""
SHARPNESS = 8.0  # of the kernel exp(sharpness · cosine)
BY_CHANCE = 0.2  # share of clicks that nothing explains
LEAST_BEFORE = 3  # visits that a change must have before it
BACK = (1, 2, 3, 4)
"""How many visits ago a change may have begun."""
PERHAPS, CLEARLY = 2.6, 5.3
"""Evidence (nats) from which a change is told, and from which it is told without a "perhaps": one in four,
and one in twelve, steady shoppers of the demo world hear of one within 16 events (benchmarks/README.md)."""
MONTH = 30 * DAY

VectorsOf = Callable[[np.ndarray], np.ndarray]
"""Rows (n, D) of length 1, or 0, for positions (n,)."""


@dataclass(frozen=True)
class Visit:
    """Liked items of one visit, each once."""

    at: int  # microseconds, of its first like
    items: np.ndarray  # (n,) int64, in the order in which they were first liked


@dataclass(frozen=True)
class Drift:
    """A change of taste before visit `since` of `visits`."""

    evidence: float  # nats
    visits: list[Visit]
    since: int

    @property
    def clear(self) -> bool:
        """Whether there is no "perhaps" about it; one visit, whatever it says, is no more than a perhaps."""
        return self.evidence >= CLEARLY and len(self.visits) - self.since > 1


def visits_of(history: History) -> list[Visit]:
    """A person's visits in which something was liked, in order of time."""
    liked = history.weights >= 1.0
    new = np.diff(history.at, prepend=history.at[:1]) > VISIT_GAP
    number = np.cumsum(new)[liked]
    found = []
    for one in np.unique(number):
        rows = np.flatnonzero(liked)[number == one]
        items = history.items[rows]
        found.append(Visit(int(history.at[rows[0]]), items[np.sort(np.unique(items, return_index=True)[1])]))
    return found


def drift_of(history: History, vectors: VectorsOf, sample: np.ndarray, now: int) -> Drift | None:
    """The change of the month before `now` with the most evidence, if there is enough of it.

    `sample` (S, D): vectors of items drawn evenly from the catalogue, against which likeness is judged.
    """
    visits = visits_of(history.where(history.at <= now))
    starts = [
        len(visits) - back
        for back in BACK
        if len(visits) - back >= LEAST_BEFORE and visits[-back].at > now - MONTH
    ]
    if not starts:
        return None
    likeness = _Likeness(visits, vectors, sample)
    evidence, since = max((likeness.evidence(start), -start) for start in starts)
    return Drift(evidence, visits, -since) if evidence >= PERHAPS else None


class _Likeness:
    """How much likelier than by chance items are beside others, for the visits of one person."""

    def __init__(self, visits: Sequence[Visit], vectors: VectorsOf, sample: np.ndarray) -> None:
        items = np.unique(np.concatenate([visit.items for visit in visits]))
        rows = vectors(items).astype(np.float64)
        usual = np.exp(SHARPNESS * (rows @ sample.T.astype(np.float64))).mean(axis=1, keepdims=True)
        self._times = (1 - BY_CHANCE) * np.exp(SHARPNESS * (rows @ rows.T)) / usual + BY_CHANCE  # (n, n)
        self._visits = [np.searchsorted(items, visit.items) for visit in visits]
        self._beside = np.log([self._times[visit].mean(axis=0) for visit in self._visits])  # (V, n)

    def evidence(self, start: int) -> float:
        """Log ratio of a new taste since visit `start` to none."""
        total = 0.0
        for number in range(start, len(self._visits)):
            visit = self._visits[number]
            as_old = _mean_of_logs(self._beside[:start, visit].sum(axis=1))
            since = self._beside[start:number, visit].sum(axis=1)
            as_new = _mean_of_logs(np.append(since, self._alone(visit)))
            total += float(np.logaddexp(np.log(0.5) + as_new - as_old, np.log(0.5)))
        return total

    def _alone(self, visit: np.ndarray) -> float:
        """Log likelihood of a visit's items, each beside those before it; of the first by chance."""
        return float(
            sum(np.log(self._times[visit[:place], visit[place]].mean()) for place in range(1, len(visit)))
        )


def _mean_of_logs(logs: np.ndarray) -> float:
    return float(np.logaddexp.reduce(logs) - np.log(len(logs)))
