"""The row of each user id: a hash table that stays as quick with a million users as with a thousand.

A dictionary of a million strings touches four scattered places of memory for each look-up; this table touches
one. It stores two hashes of an id instead of the id itself, 128 bits that differ with each process: the
chance that any two of a million ids collide is below 10⁻²⁴, and nobody outside can make them collide.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numba import njit

from bowerbird.data.arrays import IntArray

HASH, CHECK, ROW = 0, 1, 2
"""Columns of the table: one plain array, since compiled code takes such in a fraction of the time that it
needs for several, or for one of records."""
FIRST_SLOTS = 1024  # a power of two
MISSING = -1
"""Row of an unknown user."""


class UserIndex:
    """Ids in the order of their rows, and rows by ids. Not safe between threads."""

    def __init__(self, ids: Sequence[str] = ()) -> None:
        self.ids: list[str] = []
        self._slots = _empty_slots(FIRST_SLOTS)
        self._add(list(ids))

    def __len__(self) -> int:
        return len(self.ids)

    def __contains__(self, user_id: object) -> bool:
        return isinstance(user_id, str) and self.find(user_id) != MISSING

    def find(self, user_id: str) -> int:
        """The row of a user, `MISSING` for an unknown one."""
        return int(_find(self._slots, hash(user_id), hash(user_id + "\0")))

    def row_of(self, user_id: str) -> int:
        """The row of a user, made where there is none yet."""
        first_hash, second_hash = hash(user_id), hash(user_id + "\0")
        row = int(_find(self._slots, first_hash, second_hash))
        if row == MISSING:
            row = len(self)
            if 2 * (row + 1) > len(self._slots):
                self._add([user_id])
            else:  # many times quicker than a batch of one
                self.ids.append(user_id)
                _insert_row(self._slots, first_hash, second_hash, row)
        return row

    def rows_of(self, user_ids: Sequence[str]) -> IntArray:
        """Rows of n users, made where there are none yet, (n,) int64."""
        rows: IntArray = _find_all(self._slots, *_hashes(user_ids))
        unknown = np.flatnonzero(rows == MISSING)
        if len(unknown):
            self._add(list(dict.fromkeys(user_ids[int(k)] for k in unknown)))
            rows[unknown] = _find_all(self._slots, *_hashes([user_ids[int(k)] for k in unknown]))
        return rows

    def forget(self, user_id: str) -> int:
        """Remove an id; return its former row, which is never given again, `MISSING` for an unknown user."""
        row = self.find(user_id)
        if row != MISSING:
            self.ids[row] = ""
            # Marked, not emptied: a chain of probing may lead over it.
            slot = np.flatnonzero(self._slots[:, ROW] == row)
            self._slots[slot, HASH] = self._slots[slot, CHECK] = 0
        return row

    def _add(self, ids: list[str]) -> None:
        """Give rows to ids that have none; an empty id is that of a forgotten user."""
        first = len(self.ids)
        self.ids += ids
        if 2 * len(self.ids) <= len(self._slots):  # at most half full, so that chains stay short
            _insert(self._slots, ids, first)
            return
        used_slots, size = self._slots[self._slots[:, ROW] != MISSING], len(self._slots)
        while size < 2 * len(self.ids):
            size *= 2
        self._slots = _empty_slots(size)
        _insert_rows(self._slots, *used_slots.T)
        _insert(self._slots, ids, first)


def _empty_slots(size: int) -> IntArray:
    slots = np.zeros((size, 3), np.int64)
    slots[:, ROW] = MISSING
    return slots


def _hashes(ids: Sequence[str]) -> tuple[IntArray, IntArray]:
    hashes = np.array([[hash(id_) for id_ in ids], [hash(id_ + "\0") for id_ in ids]], np.int64)
    return hashes[0], hashes[1]


@njit(cache=True, nogil=True)
def _find(slots, hash_, check):  # type: ignore[no-untyped-def]
    """Row of an id by linear probing (Knuth, "The Art of Computer Programming", vol. 3, 1973, 6.4)."""
    mask = len(slots) - 1
    slot = hash_ & mask
    while slots[slot, ROW] != MISSING:
        if slots[slot, HASH] == hash_ and slots[slot, CHECK] == check:
            return slots[slot, ROW]
        slot = (slot + 1) & mask
    return np.int64(MISSING)


@njit(cache=True, nogil=True)
def _find_all(slots, hashes, checks):  # type: ignore[no-untyped-def]
    rows = np.empty(len(hashes), np.int64)
    for k in range(len(hashes)):
        rows[k] = _find(slots, hashes[k], checks[k])
    return rows


@njit(cache=True, nogil=True)
def _insert_row(slots, hash_, check, row):  # type: ignore[no-untyped-def]
    mask = len(slots) - 1
    slot = hash_ & mask
    while slots[slot, ROW] != MISSING:
        slot = (slot + 1) & mask
    slots[slot, HASH], slots[slot, CHECK], slots[slot, ROW] = hash_, check, row


@njit(cache=True, nogil=True)
def _insert_rows(slots, hashes, checks, rows):  # type: ignore[no-untyped-def]
    for k in range(len(hashes)):
        _insert_row(slots, hashes[k], checks[k], rows[k])


def _insert(slots: IntArray, ids: Sequence[str], first: int) -> None:
    """Insert ids whose rows are numbered from `first` on, without the forgotten ones."""
    rows = np.flatnonzero([bool(id_) for id_ in ids])
    _insert_rows(slots, *_hashes([ids[int(k)] for k in rows]), first + rows)
