"""Who liked an item last: a ring for each item, which every event updates.

From these rings come what people like together (see `walks`) and what is liked at the moment. A ring is the
set of the latest `LIKERS` different people by their latest like of the item. The highest members of a set do
not depend on the order in which they came; so late, repeated and reordered events give the same rings.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numba import njit

from bowerbird.data.interactions import WEIGHT_OF_CODE
from bowerbird.taste.state.packed_rows import Columns, PackedRows, row_bytes

LIKERS = 64
"""People remembered for each item."""
COLUMNS: Columns = {"at": (np.uint32, LIKERS), "person": (np.int32, LIKERS), "count": (np.int16, 1)}
ITEM_BYTES = row_bytes(COLUMNS)
LIKED = WEIGHT_OF_CODE >= 1.0
"""Which action codes speak for an item: a click or more."""
FILE = "likers.npy"
FORGOTTEN = 6.0  # half-lives after which a like counts no more


class Likers:
    """Rings of N items. Not safe between threads: whoever holds it locks."""

    def __init__(self, n_items: int) -> None:
        self._rows = PackedRows(COLUMNS, n_items)
        self._arrays = self._in_order()

    def __len__(self) -> int:
        return len(self._rows)

    def learn(self, people: np.ndarray, seconds: np.ndarray, items: np.ndarray, names: np.ndarray) -> None:
        """Learn n likes of known people (rows), (n,) each; `names` (P,) uint64 orders people whose likes fall
        into one second, whatever their rows."""
        like_rows(*self._arrays, people, seconds, items, names)

    def learn_one(self, person: int, second: np.uint32, item: int, names: np.ndarray) -> None:
        """As `learn`, one like."""
        like_row(*self._arrays, person, second, item, names)

    def of(self, item: int) -> tuple[np.ndarray, np.ndarray]:
        """The latest people (rows) who liked an item and when (seconds), (n,) each, oldest first."""
        at, person, count = self._arrays
        n = int(count[item])
        return person[item, :n].astype(np.int64), at[item, :n].astype(np.int64)

    @property
    def arrays(self) -> tuple[np.ndarray, np.ndarray]:
        """`person` (N, LIKERS) int32 and `count` (N,) int16: views, as walks read them."""
        return self._arrays[1], self._arrays[2]

    def trending(self, second: int, half_life_days: float) -> np.ndarray:
        """How much each item is liked at a moment: its likes before, each person's last one, decayed by age,
        (N,) float32.

        A full ring has let go of likes; they are counted as if they had come as densely as those that it
        holds: K in T seconds before the oldest add K·h/(T·ln 2) of what one so old counts.
        """
        at, _, count = self._arrays
        found: np.ndarray = _trending(at, count, np.uint32(max(second, 0)), half_life_days * 86_400)
        return found

    def forget(self, *people: int) -> None:
        """Take people out of every ring. A ring that was full holds fewer until the next likes."""
        gone = np.zeros(max(people) + 1, np.bool_)
        gone[list(people)] = True
        _take_out(*self._arrays, gone)

    def save(self, folder: Path) -> None:
        """Write into a folder. Raises `OSError` where that can't be done."""
        self._rows.save(folder / FILE, len(self))

    @classmethod
    def opened(cls, folder: Path, n_items: int) -> Likers:
        """What `save` wrote, by memory map. Raises `OSError` or `ValueError` where it is broken."""
        likers = cls(0)
        likers._rows = PackedRows.opened(COLUMNS, folder / FILE, n_items)
        likers._arrays = likers._in_order()
        return likers

    def _in_order(self) -> tuple[np.ndarray, ...]:
        return tuple(self._rows[name] for name in COLUMNS)


@njit(cache=True, nogil=True)
def like_rows(at, person, count, people, when, what, names):  # type: ignore[no-untyped-def]
    """Learn n likes in turn: `at` (N, K) uint32, `person` (N, K) int32, `count` (N,) int16; see `Likers`."""
    for like in range(len(people)):
        like_row(at, person, count, people[like], when[like], what[like], names)


@njit(cache=True, nogil=True)
def like_row(at, person, count, who, second, item, names):  # type: ignore[no-untyped-def]
    """Learn one like of an item."""
    n = count[item]
    held = 0
    while held < n and person[item, held] != who:
        held += 1
    if held < n and at[item, held] >= second:
        return
    if held == n and n == LIKERS:
        if _before(second, who, at[item, 0], person[item, 0], names):
            return  # older than all that is kept
        held = 0  # the oldest makes room
    if held == n:
        count[item] = n + 1
        k = n
        while k > 0 and _before(second, who, at[item, k - 1], person[item, k - 1], names):
            at[item, k], person[item, k] = at[item, k - 1], person[item, k - 1]
            k -= 1
    else:
        k = held
        while k + 1 < n and _before(at[item, k + 1], person[item, k + 1], second, who, names):
            at[item, k], person[item, k] = at[item, k + 1], person[item, k + 1]
            k += 1
    at[item, k], person[item, k] = second, who


@njit(cache=True, nogil=True)
def _before(second, who, other_second, other, names):  # type: ignore[no-untyped-def]
    return second < other_second or (second == other_second and names[who] < names[other])


@njit(cache=True, nogil=True)
def _take_out(at, person, count, gone):  # type: ignore[no-untyped-def]
    """`gone` (P,) bool, for the people up to the last one who goes."""
    for item in range(len(count)):
        kept = 0
        for k in range(count[item]):
            if person[item, k] >= len(gone) or not gone[person[item, k]]:
                at[item, kept], person[item, kept] = at[item, k], person[item, k]
                kept += 1
        for k in range(kept, count[item]):
            at[item, k], person[item, k] = 0, 0
        count[item] = kept


@njit(cache=True, nogil=True)
def _trending(at, count, second, half_life):  # type: ignore[no-untyped-def]
    found = np.zeros(len(count), np.float32)
    for item in range(len(count)):
        n = count[item]
        total, known = 0.0, 0
        for k in range(n - 1, -1, -1):
            if at[item, k] > second:
                continue
            age = (second - at[item, k]) / half_life
            if age > FORGOTTEN:
                break
            total += 0.5**age
            known += 1
        if known == n == LIKERS:
            spread = max(float(at[item, n - 1] - at[item, 0]), 1.0)
            total += n / spread * half_life / np.log(2.0) * 0.5 ** ((second - at[item, 0]) / half_life)
        found[item] = total
    return found
