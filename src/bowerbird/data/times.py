"""Durations in microseconds, the unit of every time in an array, and the sessions of users."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np

from bowerbird.data.arrays import IntArray

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
