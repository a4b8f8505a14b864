"""One person's taste: the latest events that speak for or against something, and sums of those before.

What follows from them (weights, interests) is computed when asked. Weights decay exponentially at several
time-scales: an event of weight w and age a counts w · mean over h of 2^(−a/h), with half-lives h (a visit, a
week, a season).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import numpy as np

from bowerbird.data.interactions import History
from bowerbird.taste.state.learning import RING

SECOND = 1_000_000  # microseconds
DAY = 86_400 * SECOND


@dataclass(frozen=True)
class Older:
    """Sums of a person's older events, one for each interest and period of a month; m of them."""

    interest: np.ndarray  # (m,) int64, numbers of interests
    at: np.ndarray  # (m,) int64, the middle of the period, microseconds
    weight: np.ndarray  # (m,) float64, in clicks

    @classmethod
    def none(cls) -> Older:
        return cls(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))


def _nothing(kind: type) -> np.ndarray:
    return np.zeros(0, kind)


@dataclass(frozen=True, eq=False)
class TasteState:
    """What is known of one person: n kept events, oldest first, and sums of those before."""

    user_id: str
    items: np.ndarray = field(default_factory=lambda: _nothing(np.int64))
    actions: np.ndarray = field(default_factory=lambda: _nothing(np.int8))
    at: np.ndarray = field(default_factory=lambda: _nothing(np.int64))  # microseconds
    older: Older = field(default_factory=Older.none)
    seen_before: np.ndarray = field(default_factory=lambda: _nothing(np.int64))
    """Items of events before the kept ones, (K,)."""
    muted: frozenset[int] = frozenset()
    """Interests that the person does not want to see."""
    boosted: frozenset[int] = frozenset()
    corrected: Mapping[int, float] = field(default_factory=dict)
    """Weights, in clicks, that the person set for interests."""
    set_aside: np.ndarray = field(default_factory=lambda: _nothing(np.int64))
    """Items dealt with whose events don't count: the person said that they were not for them."""

    @property
    def history(self) -> History:
        """The kept events as arrays, oldest first."""
        return History(self.items, self.actions, self.at)

    @property
    def last_at(self) -> int:
        """Time of the latest event, microseconds since 1970; 0 for a stranger."""
        return int(self.at[-1]) if len(self.at) else 0

    def unseen(self, n_items: int) -> np.ndarray:
        """Which of n items the person has not dealt with, (n,) bool."""
        open_ = np.ones(n_items, bool)
        open_[self.items] = False
        open_[self.seen_before] = False
        open_[self.set_aside] = False
        return open_

    def without(self, leave: np.ndarray, interests: Collection[int]) -> TasteState:
        """The state without the kept events of a mask (n,) bool and the older sums of some interests.

        The items left out still count as dealt with.
        """
        older = ~np.isin(self.older.interest, list(interests))
        left = Older(self.older.interest[older], self.older.at[older], self.older.weight[older])
        kept = self.history.where(~leave)
        aside = np.union1d(self.set_aside, self.items[leave]).astype(np.int64)
        return replace(self, items=kept.items, actions=kept.actions, at=kept.at, older=left, set_aside=aside)

    @classmethod
    def of(cls, history: History, user_id: str = "") -> TasteState:
        """Make the state of a user who is known by a history only, as the live graph would hold it.

        Times in whole seconds, each event once, the latest `learning.RING` seen events one by one; of those
        before only that their items were seen.
        """
        seen = history.seen()
        second = seen.at // SECOND * SECOND
        rows = np.lexsort((seen.actions, seen.items, second))
        items, actions, at = seen.items[rows], seen.actions[rows], second[rows]
        is_new = np.ones(len(rows), bool)
        is_new[1:] = (np.diff(at) != 0) | (np.diff(items) != 0) | (np.diff(actions) != 0)
        items, actions, at = items[is_new], actions[is_new], at[is_new]
        older = np.unique(items[:-RING]) if len(items) > RING else _nothing(np.int64)
        return cls(user_id, items[-RING:], actions[-RING:], at[-RING:], seen_before=older)


def microseconds(moment: datetime) -> int:
    """A moment as the log's whole microseconds since 1970; by integers, since a float may be one off.

    >>> microseconds(datetime(1969, 12, 31, 23, 59, 59, 999_999, UTC))
    -1
    """
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def decayed(weights: np.ndarray, age_us: np.ndarray, half_life_days: Sequence[float]) -> np.ndarray:
    """Weights left at an age, averaged over the time-scales: (n,), (n,) microseconds -> (n,) float64.

    >>> decayed(np.array([4.0]), np.array([DAY]), [1.0]).tolist()
    [2.0]
    """
    ages = np.maximum(0, age_us) / DAY
    left: np.ndarray = weights * np.mean([0.5 ** (ages / days) for days in half_life_days], axis=0)
    return left
