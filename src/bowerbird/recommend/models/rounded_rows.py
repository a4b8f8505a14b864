"""The nearest items to one vector, exactly, after a look at eight-bit copies of all of them.

A product with every float32 vector waits for memory: 25,000 rows of 256 dimensions are 25 MB and take 2 ms on
one core. In eight bits they are a quarter. How far a rounded product can be from the exact one is known, by
Cauchy and Schwarz: at most the length of the query times that of what rounding took from the row. So only the
rows that may be among the highest are multiplied exactly, some dozens more than are asked for.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from bowerbird.data.ranks import best_first, top_positions
from bowerbird.embed.index.rows import quantize_int8

FLOAT_ERROR = 1e-4
"""What sums of float32 may be off, as a share of the vectors' lengths: a bound up to 1,000 dimensions."""
_BLOCK = 4_096  # rows rounded at once


class RoundedRows:
    """Rows (n, D) float32 of length 1 or 0, and their copies in eight bits."""

    def __init__(self, rows: np.ndarray) -> None:
        self.rows = rows
        self._rounded = np.empty(rows.shape, np.int8)
        self._step = np.abs(rows).max(axis=1, initial=0.0) / np.float32(127)
        self._error = np.empty(len(rows), np.float32)
        for start in range(0, len(rows), _BLOCK):
            part = slice(start, start + _BLOCK)
            self._rounded[part] = quantize_int8(rows[part])
            lost = rows[part] - self._rounded[part] * self._step[part, None]
            self._error[part] = np.linalg.norm(lost, axis=1) + FLOAT_ERROR

    def top(self, query: np.ndarray, eligible: np.ndarray, count: int) -> np.ndarray:
        """Give the eligible (n,) rows with the highest products with a vector (D,), best first, (count,)."""
        query = np.ascontiguousarray(query, np.float32)
        least, most = _bounds(self._rounded, self._step, self._error, query)
        surely = top_positions(least, eligible, count)
        if len(surely) == count:
            eligible = eligible & (most >= least[surely].min(initial=np.inf))
        positions = np.flatnonzero(eligible)
        return best_first(self.rows.take(positions, axis=0) @ query, positions, count)


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract"})
def _bounds(rounded, step, error, query):  # type: ignore[no-untyped-def]
    """Bounds of the products of n rows with a vector: (n,) float32 each."""
    n, length = len(rounded), np.float32(0)
    for value in query:
        length += value * value
    length = np.sqrt(length)
    least, most = np.empty(n, np.float32), np.empty(n, np.float32)
    for position in range(n):
        row, product = rounded[position], np.float32(0)
        for column in range(len(query)):
            product += np.float32(row[column]) * query[column]
        product *= step[position]
        least[position] = product - length * error[position]
        most[position] = product + length * error[position]
    return least, most
