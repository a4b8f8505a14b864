"""Which row belongs to whom: a table of ids that stays as quick with a million people as with a thousand.

A dictionary of a million strings touches four scattered places of memory for each look-up; this table touches
one. It keeps two hashes of an id instead of the id itself, 128 bits that differ with each process: the chance
that any two of a million ids meet is below 10⁻²⁴, and nobody outside can make them meet.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numba import njit

HASH, CHECK, ROW = 0, 1, 2
"""Columns of the table: one plain array, since compiled code takes such in a fraction of the time that it
needs for several, or for one of records."""
FIRST_SLOTS = 1024  # a power of two
NOBODY = -1


class Roster:
    """Ids in the order of their rows, and rows by ids. Not safe between threads."""

    def __init__(self, ids: Sequence[str] = ()) -> None:
        self.ids: list[str] = []
        self._slots = _empty(FIRST_SLOTS)
        self._add(list(ids))

    def __len__(self) -> int:
        return len(self.ids)

    def __contains__(self, user_id: object) -> bool:
        return isinstance(user_id, str) and self.find(user_id) != NOBODY

    def find(self, user_id: str) -> int:
        """The row of one person, `NOBODY` for a stranger."""
        return int(_find(self._slots, hash(user_id), hash(user_id + "\0")))

    def row_of(self, user_id: str) -> int:
        """The row of one person, made where there is none yet."""
        first, second = hash(user_id), hash(user_id + "\0")
        row = int(_find(self._slots, first, second))
        if row == NOBODY:
            row = len(self)
            if 2 * (row + 1) > len(self._slots):
                self._add([user_id])
            else:  # many times quicker than a batch of one
                self.ids.append(user_id)
                _insert_row(self._slots, first, second, row)
        return row

    def rows_of(self, user_ids: Sequence[str]) -> np.ndarray:
        """Rows of n people, made where there are none yet, (n,) int64."""
        rows: np.ndarray = _find_all(self._slots, *_hashes(user_ids))
        strangers = np.flatnonzero(rows == NOBODY)
        if len(strangers):
            self._add(list(dict.fromkeys(user_ids[int(k)] for k in strangers)))
            rows[strangers] = _find_all(self._slots, *_hashes([user_ids[int(k)] for k in strangers]))
        return rows

    def forget(self, user_id: str) -> int:
        """Let go of an id; gives the row that it had, which nobody gets again, `NOBODY` for a stranger."""
        row = self.find(user_id)
        if row != NOBODY:
            self.ids[row] = ""
            # Marked, not emptied: a chain of probing may lead over it.
            place = np.flatnonzero(self._slots[:, ROW] == row)
            self._slots[place, HASH] = self._slots[place, CHECK] = 0
        return row

    def _add(self, ids: list[str]) -> None:
        """Give rows to ids that have none; an empty one is of somebody who was forgotten."""
        first = len(self.ids)
        self.ids += ids
        if 2 * len(self.ids) <= len(self._slots):
            _insert(self._slots, ids, first)
            return
        kept, size = self._slots[self._slots[:, ROW] != NOBODY], len(self._slots)
        while size < 2 * len(self.ids):
            size *= 2
        self._slots = _empty(size)
        _insert_rows(self._slots, *kept.T)
        _insert(self._slots, ids, first)


def _empty(size: int) -> np.ndarray:
    slots = np.zeros((size, 3), np.int64)
    slots[:, ROW] = NOBODY
    return slots


def _hashes(ids: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    both = np.array([[hash(one) for one in ids], [hash(one + "\0") for one in ids]], np.int64)
    return both[0], both[1]


@njit(cache=True, nogil=True)
def _find(slots, hash_, check):  # type: ignore[no-untyped-def]
    """By linear probing (Knuth, vol. 3, 6.4) from the slot that the hash names."""
    mask = len(slots) - 1
    place = hash_ & mask
    while slots[place, ROW] != NOBODY:
        if slots[place, HASH] == hash_ and slots[place, CHECK] == check:
            return slots[place, ROW]
        place = (place + 1) & mask
    return np.int64(NOBODY)


@njit(cache=True, nogil=True)
def _find_all(slots, hashes, checks):  # type: ignore[no-untyped-def]
    found = np.empty(len(hashes), np.int64)
    for k in range(len(hashes)):
        found[k] = _find(slots, hashes[k], checks[k])
    return found


@njit(cache=True, nogil=True)
def _insert_row(slots, hash_, check, row):  # type: ignore[no-untyped-def]
    mask = len(slots) - 1
    place = hash_ & mask
    while slots[place, ROW] != NOBODY:
        place = (place + 1) & mask
    slots[place, HASH], slots[place, CHECK], slots[place, ROW] = hash_, check, row


@njit(cache=True, nogil=True)
def _insert_rows(slots, hashes, checks, rows):  # type: ignore[no-untyped-def]
    for k in range(len(hashes)):
        _insert_row(slots, hashes[k], checks[k], rows[k])


def _insert(slots: np.ndarray, ids: Sequence[str], first: int) -> None:
    named = np.flatnonzero([bool(one) for one in ids])
    _insert_rows(slots, *_hashes([ids[int(k)] for k in named]), first + named)
