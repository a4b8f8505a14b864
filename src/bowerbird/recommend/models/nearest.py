"""The nearest items by vectors, exactly: lists computed once, and a search over rounded copies.

With lists no request compares all items with all likes. A user's nearest items are the best of the lists that
belong to their likes. An item that no list holds is at most as near as the last item of a list; so if the
worst of the requested items is nearer than that, the result is exact, and otherwise there is none.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numba import njit
from numpy.typing import NDArray

from bowerbird.data.arrays import BoolArray, FloatArray, IntArray
from bowerbird.data.ranks import best_first, top_positions
from bowerbird.data.store import Store
from bowerbird.embed.index.rows import quantize_int8
from bowerbird.progress import track

SPARE = 120  # neighbours stored beyond the requested ones, since a user may have seen some of those
MIN_ITEMS = 4_000  # fewer are compared faster than lists are read
_BLOCK = 256  # items compared with all others in one product: 100 MB for 100,000
FLOAT_ERROR = 1e-4
"""What sums of float32 may be off, as a share of the vectors' lengths: a bound up to 1,000 dimensions."""
_ROUNDED_TOGETHER = 4_096  # rows


class Neighbours:
    """For each of n items the K nearest among m of them."""

    def __init__(self, items: NDArray[np.int32], nearness: FloatArray, n_candidates: int) -> None:
        """`items` (n, K) int32, the nearest first; `nearness` (n, K) float32, their dot products."""
        # np.asarray keeps the same memory: indexing a memory map itself is slow for small slices.
        self.items = np.asarray(items)
        self.nearness = np.asarray(nearness)
        self.is_complete = self.items.shape[1] == n_candidates
        """Whether every list holds all m items."""

    @classmethod
    def build(cls, matrix: FloatArray, positions: IntArray, n_listed: int) -> Neighbours:
        """Compute the lists of all rows of a matrix (n, D) among positions (m,), ascending; K is at most
        `n_listed`.

        10,000 items among 10,000 take about two seconds.
        """
        n_listed = min(n_listed, len(positions))
        items = np.empty((len(matrix), n_listed), np.int32)
        nearness = np.empty((len(matrix), n_listed), np.float32)
        columns, all_eligible = np.ascontiguousarray(matrix[positions].T), np.ones(len(positions), bool)
        for start in track(range(0, len(matrix), _BLOCK), "neighbours"):
            for row, similar in enumerate(matrix[start : start + _BLOCK] @ columns, start=start):
                nearest = top_positions(similar, all_eligible, n_listed)
                nearest = nearest[np.argsort(-similar[nearest], kind="stable")]
                items[row], nearness[row] = positions[nearest], similar[nearest]
        return cls(items, nearness, len(positions))

    def nearest(self, liked: IntArray, eligible: BoolArray, count: int) -> IntArray | None:
        """Compute each item's nearness to the nearest liked one (H,), (n,) float32, -inf if unlisted.

        Exact for the `count` nearest `eligible` items, (n,) bool, not beyond them; None where that is not
        guaranteed.
        """
        near, n_exact = _merge_lists(self.items, self.nearness, liked, eligible)
        return near if self.is_complete or n_exact >= count else None


def cached_neighbours(
    store: Store, folder: Path, name: str, matrix: FloatArray, positions: IntArray, count: int
) -> Neighbours:
    """Load the lists stored in a version's folder under a name, for `count` neighbours; compute and store
    them first if they are missing."""
    path, nearness_path = folder / f"{name}.npy", folder / f"{name}-nearness.npy"
    if not path.exists():
        with store.exclusive("neighbours"):
            if not path.exists():  # another process may have stored them just now
                neighbours = Neighbours.build(matrix, positions, count + SPARE)
                np.save(nearness_path, neighbours.nearness)
                partial = folder / f".{name}"
                with partial.open("wb") as file:
                    np.save(file, neighbours.items)
                partial.replace(path)  # last: if this file exists, so does the other
    return Neighbours(np.load(path, mmap_mode="r"), np.load(nearness_path, mmap_mode="r"), len(positions))


@njit(cache=True, nogil=True)
def _merge_lists(items, nearness, liked, eligible):  # type: ignore[no-untyped-def]
    """Merge the lists of `liked` items: the largest nearness of each item, (n,), -inf where unlisted; and the
    number of eligible items that are at least as near as any unlisted one can be."""
    near = np.full(len(items), -np.inf, np.float32)
    unlisted = np.float32(-np.inf)
    length = items.shape[1]
    for row in liked:
        if length:
            unlisted = max(unlisted, nearness[row, length - 1])
        for column in range(length):
            item = items[row, column]
            near[item] = max(near[item], nearness[row, column])
    n_exact = 0
    for item in range(len(near)):
        n_exact += near[item] >= unlisted and near[item] > -np.inf and eligible[item]
    return near, n_exact


class RoundedRows:
    """Rows (n, D) float32 of length 1 or 0, and their copies in eight bits, for the nearest to one vector.

    A product with every float32 vector waits for memory: 25,000 rows of 256 dimensions are 25 MB and take
    2 ms on one core. In eight bits they are a quarter. How far a rounded product can be from the exact one is
    known, by Cauchy and Schwarz: at most the length of the query times that of what rounding took from the
    row. So only the rows that may be among the highest are multiplied exactly, some dozens more than are
    asked for.
    """

    def __init__(self, rows: FloatArray) -> None:
        self.rows = rows
        self._rounded = np.empty(rows.shape, np.int8)
        self._step = np.abs(rows).max(axis=1, initial=0.0) / np.float32(127)
        self._error = np.empty(len(rows), np.float32)
        for start in range(0, len(rows), _ROUNDED_TOGETHER):
            block = slice(start, start + _ROUNDED_TOGETHER)
            self._rounded[block] = quantize_int8(rows[block])
            lost = rows[block] - self._rounded[block] * self._step[block, None]
            self._error[block] = np.linalg.norm(lost, axis=1) + FLOAT_ERROR

    def top(self, query: FloatArray, eligible: BoolArray, count: int) -> IntArray:
        """Give the eligible (n,) rows with the highest products with a vector (D,), best first, (count,)."""
        query = np.ascontiguousarray(query, np.float32)
        lower, upper = _bounds(self._rounded, self._step, self._error, query)
        surely = top_positions(lower, eligible, count)
        if len(surely) == count:
            eligible = eligible & (upper >= lower[surely].min(initial=np.inf))
        positions = np.flatnonzero(eligible)
        return best_first(self.rows.take(positions, axis=0) @ query, positions, count)


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract"})
def _bounds(rounded, step, error, query):  # type: ignore[no-untyped-def]
    """Bounds of the products of n rows with a vector: (n,) float32 each."""
    n, length = len(rounded), np.float32(0)
    for value in query:
        length += value * value
    length = np.sqrt(length)
    lower, upper = np.empty(n, np.float32), np.empty(n, np.float32)
    for position in range(n):
        row, product = rounded[position], np.float32(0)
        for column in range(len(query)):
            product += np.float32(row[column]) * query[column]
        product *= step[position]
        lower[position] = product - length * error[position]
        upper[position] = product + length * error[position]
    return lower, upper
