"""One person's taste: the latest events that speak for or against something, and what follows from them.

The state is the set of the latest `RING` events by (time, id). A set does not depend on the order in which
its members came, so late, repeated and reordered events give exactly the same state, to the bit; everything
else (weights, interests) is computed from it in one fixed order. Weights decay exponentially at several
time-scales: an event of weight w and age a counts w · mean over h of 2^(−a/h), with half-lives h (a visit, a
week, a season).
"""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np

from bowerbird.data.interactions import WEIGHT_OF_CODE, History

RING = 256  # events kept for each person: about 40 bytes each
DAY = 86_400_000_000  # microseconds


@dataclass
class TasteState:
    """What is known of one person. `events` are (microseconds, event id, position, action code), in order."""

    user_id: str
    events: list[tuple[int, str, int, int]] = field(default_factory=list)
    muted: frozenset[int] = frozenset()
    """Groups of interests that the person does not want to see."""
    boosted: frozenset[int] = frozenset()
    seen: set[int] = field(default_factory=set)
    """Positions of everything the person ever dealt with, also of what the ring has let go of."""

    def learn(self, at: int, event_id: str, position: int, action: int) -> bool:
        """Take in one event; False if it is known already, says nothing of taste, or is too old to keep."""
        if WEIGHT_OF_CODE[action] == 0:
            return False
        self.seen.add(position)
        one = (at, event_id, position, action)
        place = bisect.bisect_left(self.events, one)
        if place < len(self.events) and self.events[place] == one:
            return False
        if len(self.events) >= RING and place == 0:
            return False
        self.events.insert(place, one)
        if len(self.events) > RING:
            del self.events[0]
        return True

    @property
    def history(self) -> History:
        """The kept events as arrays, oldest first."""
        if not self.events:
            return History.empty()
        at, _, items, actions = zip(*self.events, strict=True)
        return History(np.array(items, np.int64), np.array(actions, np.int8), np.array(at, np.int64))

    @property
    def last_at(self) -> int:
        """Time of the latest event, microseconds since 1970; 0 for a stranger."""
        return self.events[-1][0] if self.events else 0

    @classmethod
    def of(cls, history: History, user_id: str = "") -> TasteState:
        """The state of somebody known by a history only."""
        state = cls(user_id)
        for row, (item, action, at) in enumerate(
            zip(history.items, history.actions, history.at, strict=True)
        ):
            state.learn(int(at), f"{row:09d}", int(item), int(action))
        return state


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
