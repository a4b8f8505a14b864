"""Durations in microseconds, the unit of every time in an array; sessions of users; decay by age."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np

from bowerbird.data.arrays import DoubleArray, FloatArray, IntArray

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
SESSION_GAP = 30 * MINUTE
"""A pause longer than this ends a session: the usual convention of web analytics."""


def microseconds(moment: datetime) -> int:
    """Convert a moment to whole microseconds since 1970, by integers: a float may be one off.

    >>> microseconds(datetime(1969, 12, 31, 23, 59, 59, 999_999, UTC))
    -1
    """
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def format_utc(moment: datetime) -> str:
    """Write a time in UTC as ISO 8601.

    >>> format_utc(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
    '2026-01-02T03:04:05Z'
    """
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def sessions_of(at: IntArray, user: IntArray | None = None, gap: int = SESSION_GAP) -> IntArray:
    """Number the sessions of events from 0, (n,): a new one begins after a pause longer than `gap`.

    `at` (n,) are microseconds, ascending; of several users, `user` (n,) are their indices, and the events of
    a user stand together.

    >>> sessions_of(np.array([0, 10, 80]) * MINUTE).tolist()
    [0, 0, 1]
    >>> sessions_of(np.array([0, 10, 15]) * MINUTE, np.array([3, 3, 5])).tolist()
    [0, 0, 1]
    """
    begins = np.diff(at, prepend=at[:1]) > gap
    if user is not None:
        begins |= np.diff(user, prepend=user[:1]) != 0
    return np.cumsum(begins, dtype=np.int64)


def decayed(
    weights: DoubleArray | FloatArray, age: IntArray | int, half_life_days: Sequence[float]
) -> DoubleArray:
    """Weights after exponential decay, averaged over time-scales: w · mean over h of 2^(−a/h), (n,).

    `age` (n,) is in microseconds; negative ages count as 0.

    >>> decayed(np.array([4.0]), np.array([DAY]), [1.0]).tolist()
    [2.0]
    """
    age_days = np.maximum(0, age) / DAY
    remaining: DoubleArray = weights * np.mean([0.5 ** (age_days / days) for days in half_life_days], axis=0)
    return remaining


class DecayedPopularity:
    """Likes of each item, of which each loses half its weight in every half-life.

    >>> popularity = DecayedPopularity(2, half_life_days=1.0)
    >>> popularity.observe(np.array([0]), np.array([0]))
    >>> popularity.observe(np.array([1]), np.array([DAY]))
    >>> popularity.counts.tolist()
    [0.5, 1.0]
    """

    def __init__(self, n_items: int, half_life_days: float) -> None:
        self.counts: DoubleArray = np.zeros(n_items)
        """Decayed likes of each item at `latest`, (items,)."""
        self.latest = 0
        """Time of the latest like so far, microseconds."""
        self._half_life = half_life_days * DAY

    def observe(self, items: IntArray, at: IntArray, weights: DoubleArray | None = None) -> None:
        """Count likes of items (n,) at times (n,), microseconds, each with a weight, (n,), by default 1."""
        if not len(items):
            return
        latest = max(self.latest, int(at.max()))
        self.counts *= 0.5 ** ((latest - self.latest) / self._half_life)
        new_weights = 0.5 ** ((latest - at) / self._half_life)
        if weights is not None:
            new_weights = new_weights * weights
        self.counts += np.bincount(items, new_weights, minlength=len(self.counts))
        self.latest = latest
