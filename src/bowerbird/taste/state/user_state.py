"""One user's taste: the latest events that carry preference, and sums of the older ones.

What follows from them (weights, interests) is computed on request. Weights decay exponentially at several
time-scales: an event of weight w and age a counts w · mean over h of 2^(−a/h), with half-lives h (a session,
a week, a season).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from bowerbird.data.arrays import BoolArray, DoubleArray, IntArray
from bowerbird.data.interactions import History
from bowerbird.data.times import SECOND
from bowerbird.taste.state.learning import RING

Scalar = TypeVar("Scalar", bound=np.generic)


@dataclass(frozen=True)
class OlderSums:
    """Sums of a user's older events, one for each interest and period of a month; m of them."""

    interest: IntArray  # (m,) int64, numbers of interests
    at: IntArray  # (m,) int64, the middle of the period, microseconds
    weight: DoubleArray  # (m,) float64, in clicks

    @classmethod
    def empty(cls) -> OlderSums:
        """The state of a user without events."""
        return cls(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))


def _empty_array(dtype: type[Scalar]) -> NDArray[Scalar]:
    return np.zeros(0, dtype)


@dataclass(frozen=True, eq=False)
class TasteState:
    """What is known of one user: n stored events, oldest first, and sums of the older ones."""

    user_id: str
    items: IntArray = field(default_factory=lambda: _empty_array(np.int64))
    actions: NDArray[np.int8] = field(default_factory=lambda: _empty_array(np.int8))
    at: IntArray = field(default_factory=lambda: _empty_array(np.int64))  # microseconds
    older: OlderSums = field(default_factory=OlderSums.empty)
    seen_before: IntArray = field(default_factory=lambda: _empty_array(np.int64))
    """Items of events before the stored ones, (K,)."""
    muted: frozenset[int] = frozenset()
    """Interests that the user does not want to see."""
    boosted: frozenset[int] = frozenset()
    corrected: Mapping[int, float] = field(default_factory=dict)
    """Weights, in clicks, that the user set for interests."""
    excluded_items: IntArray = field(default_factory=lambda: _empty_array(np.int64))
    """Seen items whose events don't count, because the user excluded them (a gift, say)."""

    @property
    def history(self) -> History:
        """The stored events as arrays, oldest first."""
        return History(self.items, self.actions, self.at)

    @property
    def last_at(self) -> int:
        """Time of the latest event, microseconds since 1970; 0 for an unknown user."""
        return int(self.at[-1]) if len(self.at) else 0

    def unseen(self, n_items: int) -> BoolArray:
        """Which of n items the user has not seen, (n,) bool."""
        is_unseen = np.ones(n_items, bool)
        is_unseen[self.items] = False
        is_unseen[self.seen_before] = False
        is_unseen[self.excluded_items] = False
        return is_unseen

    def without(self, excluded: BoolArray, interests: Collection[int]) -> TasteState:
        """The state without the stored events of a mask (n,) bool and the older sums of some interests.

        The items of excluded events still count as seen.
        """
        keep = ~np.isin(self.older.interest, list(interests))
        older = OlderSums(self.older.interest[keep], self.older.at[keep], self.older.weight[keep])
        history = self.history.where(~excluded)
        return replace(
            self,
            items=history.items,
            actions=history.actions,
            at=history.at,
            older=older,
            excluded_items=np.union1d(self.excluded_items, self.items[excluded]).astype(np.int64),
        )

    def with_events(self, later: History) -> TasteState:
        """The state with events of a session that is not logged, which are later than the stored ones."""
        seen = later.seen()
        return replace(
            self,
            items=np.concatenate([self.items, seen.items]),
            actions=np.concatenate([self.actions, seen.actions]),
            at=np.concatenate([self.at, np.maximum(seen.at, self.last_at)]),
        )

    @classmethod
    def of(cls, history: History, user_id: str = "") -> TasteState:
        """Make the state of a user who is known by a history only, as the live graph would hold it.

        Times in whole seconds, each event once, the latest `learning.RING` seen events one by one; of the
        older ones only that their items were seen.
        """
        seen = history.seen()
        second = seen.at // SECOND * SECOND
        rows = np.lexsort((seen.actions, seen.items, second))
        items, actions, at = seen.items[rows], seen.actions[rows], second[rows]
        is_new = np.ones(len(rows), bool)
        is_new[1:] = (np.diff(at) != 0) | (np.diff(items) != 0) | (np.diff(actions) != 0)
        items, actions, at = items[is_new], actions[is_new], at[is_new]
        seen_before = np.unique(items[:-RING]) if len(items) > RING else _empty_array(np.int64)
        return cls(user_id, items[-RING:], actions[-RING:], at[-RING:], seen_before=seen_before)


def microseconds(moment: datetime) -> int:
    """A moment as the log's whole microseconds since 1970; by integers, since a float may be one off.

    >>> microseconds(datetime(1969, 12, 31, 23, 59, 59, 999_999, UTC))
    -1
    """
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
