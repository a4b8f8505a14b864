"""Who liked an item last: a ring for each item, which every event updates.

From these rings come the co-likes that walks follow (see `walks`) and what is trending. A ring is the set of
the latest `LIKERS` different users by their latest like of the item. The highest members of a set do not
depend on the order in which they came; so late, repeated and reordered events give the same rings.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numba import njit

from bowerbird.data.arrays import FloatArray, IntArray, IntegerArray
from bowerbird.taste.state.packed_rows import Columns, PackedRows, row_bytes

LIKERS = 64
"""Users remembered for each item."""
COLUMNS: Columns = {"at": (np.uint32, LIKERS), "user": (np.int32, LIKERS), "count": (np.int16, 1)}
ITEM_BYTES = row_bytes(COLUMNS)
FILE = "likers.npy"
MAX_AGE = 6.0  # half-lives after which a like no longer counts as trending


class Likers:
    """Rings of N items. Not safe between threads: the caller locks."""

    def __init__(self, n_items: int) -> None:
        self._rows = PackedRows(COLUMNS, n_items)
        self._columns = self._get_columns()

    def __len__(self) -> int:
        return len(self._rows)

    def learn(self, users: IntArray, seconds: IntegerArray, items: IntArray, id_hashes: IntegerArray) -> None:
        """Learn n likes of known users (rows), (n,) each.

        `id_hashes` (U,) uint64 orders users whose likes fall into one second, whatever their rows.
        """
        like_rows(*self._columns, users, seconds, items, id_hashes)

    def learn_one(self, user: int, second: np.uint32, item: int, id_hashes: IntegerArray) -> None:
        """As `learn`, one like."""
        like_row(*self._columns, user, second, item, id_hashes)

    def ring(self, item: int) -> tuple[IntArray, IntArray]:
        """The latest users (rows) who liked an item and when (seconds), (n,) each, oldest first."""
        at, user, count = self._columns
        n = int(count[item])
        return user[item, :n].astype(np.int64), at[item, :n].astype(np.int64)

    @property
    def arrays(self) -> tuple[IntegerArray, IntegerArray]:
        """`user` (N, LIKERS) int32 and `count` (N,) int16: views, as walks read them."""
        return self._columns[1], self._columns[2]

    def trending(self, second: int, half_life_days: float) -> FloatArray:
        """Sum of each item's likes up to a moment, each user's last one, decayed by age, (N,) float32.

        A full ring has dropped likes. They are estimated by assuming that they came as densely as those it
        holds: with K likes in T seconds, those before the oldest add K·h/(T·ln 2) · 2^(−age of the oldest/h).
        """
        at, _, count = self._columns
        scores: FloatArray = _trending(at, count, np.uint32(max(second, 0)), half_life_days * 86_400)
        return scores

    def forget(self, *users: int) -> None:
        """Remove users (rows) from every ring. A ring that was full holds fewer until the next likes."""
        is_forgotten = np.zeros(max(users) + 1, np.bool_)
        is_forgotten[list(users)] = True
        _remove_users(*self._columns, is_forgotten)

    def save(self, folder: Path) -> None:
        """Write into a folder. Raises `OSError` where that can't be done."""
        self._rows.save(folder / FILE, len(self))

    @classmethod
    def open(cls, folder: Path, n_items: int) -> Likers:
        """Open what `save` wrote, by memory map. Raises `OSError` or `ValueError` where it is broken."""
        likers = cls(0)
        likers._rows = PackedRows.open(COLUMNS, folder / FILE, n_items)
        likers._columns = likers._get_columns()
        return likers

    def _get_columns(self) -> tuple[IntegerArray, ...]:
        return tuple(self._rows[name] for name in COLUMNS)


@njit(cache=True, nogil=True)
def like_rows(at, user, count, users, seconds, items, id_hashes):  # type: ignore[no-untyped-def]
    """Learn n likes in turn: `at` (N, K) uint32, `user` (N, K) int32, `count` (N,) int16; see `Likers`."""
    for like in range(len(users)):
        like_row(at, user, count, users[like], seconds[like], items[like], id_hashes)


@njit(cache=True, nogil=True)
def like_row(at, user, count, liker, second, item, id_hashes):  # type: ignore[no-untyped-def]
    """Learn one like of an item by the user of row `liker`."""
    n = count[item]
    slot = 0
    while slot < n and user[item, slot] != liker:
        slot += 1
    if slot < n and at[item, slot] >= second:
        return  # a later like of the same user is there already
    if slot == n and n == LIKERS:
        if _is_before(second, liker, at[item, 0], user[item, 0], id_hashes):
            return  # older than all that the ring holds
        slot = 0  # the oldest makes room
    if slot == n:  # a new member: shift the later ones up
        count[item] = n + 1
        k = n
        while k > 0 and _is_before(second, liker, at[item, k - 1], user[item, k - 1], id_hashes):
            at[item, k], user[item, k] = at[item, k - 1], user[item, k - 1]
            k -= 1
    else:  # a later like of a member, or one in place of the oldest: shift the earlier ones down
        k = slot
        while k + 1 < n and _is_before(at[item, k + 1], user[item, k + 1], second, liker, id_hashes):
            at[item, k], user[item, k] = at[item, k + 1], user[item, k + 1]
            k += 1
    at[item, k], user[item, k] = second, liker


@njit(cache=True, nogil=True)
def _is_before(second, liker, other_second, other_liker, id_hashes):  # type: ignore[no-untyped-def]
    # Ties by a hash of the id, not by the row: rows are numbered in order of arrival.
    return second < other_second or (second == other_second and id_hashes[liker] < id_hashes[other_liker])


@njit(cache=True, nogil=True)
def _remove_users(at, user, count, is_forgotten):  # type: ignore[no-untyped-def]
    """`is_forgotten` (U,) bool, up to the last user to remove."""
    for item in range(len(count)):
        n = 0
        for k in range(count[item]):
            if user[item, k] >= len(is_forgotten) or not is_forgotten[user[item, k]]:
                at[item, n], user[item, n] = at[item, k], user[item, k]
                n += 1
        for k in range(n, count[item]):
            at[item, k], user[item, k] = 0, 0
        count[item] = n


@njit(cache=True, nogil=True)
def _trending(at, count, second, half_life):  # type: ignore[no-untyped-def]
    """See `Likers.trending`; `half_life` in seconds."""
    scores = np.zeros(len(count), np.float32)
    for item in range(len(count)):
        n = count[item]
        total, n_counted = 0.0, 0
        for k in range(n - 1, -1, -1):  # newest first, so that the age limit can end the loop
            if at[item, k] > second:
                continue
            age = (second - at[item, k]) / half_life
            if age > MAX_AGE:
                break
            total += 0.5**age
            n_counted += 1
        if n_counted == n == LIKERS:  # a full ring whose oldest like still counts has dropped some that do
            spread = max(float(at[item, n - 1] - at[item, 0]), 1.0)
            total += n / spread * half_life / np.log(2.0) * 0.5 ** ((second - at[item, 0]) / half_life)
        scores[item] = total
    return scores
