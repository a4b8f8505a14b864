"""The nearest items by dot product: exact, or beyond 100,000 items by an approximate index.

Exact where possible, because an approximate index would add its own misses to every evaluation. Beyond that,
the index returns candidates, which are ranked by their exact vectors. So scores are exact in both cases, and
ties go to the lower position: results are stable.
"""

from __future__ import annotations

import numpy as np

from bowerbird.data.arrays import BoolArray, FloatArray, IntArray, RealArray
from bowerbird.embed.index.ann import AnnIndex
from bowerbird.embed.index.rows import BLOCK, VectorRows
from bowerbird.progress import track

ONE_THREAD_UP_TO = 10_000  # items whose index one thread builds, in about a second
EXACT_UP_TO = 100_000
"""Items; 100,000 vectors of 256 float32 are 100 MB and one matrix product of some milliseconds."""
BLOCK_SCORES = 16_000_000
"""Scores in memory at a time: 64 MB of float32."""
CANDIDATES_PER_RESULT = 3  # the index orders its candidates by eight bits, so more than needed are ranked
EXACT_SCORES_PER_CANDIDATE = 25  # exact scores that take as long as one candidate of the index


class ItemIndex:
    """Finds the nearest items, by their positions in a catalogue. Thread-safe."""

    def __init__(
        self,
        rows: VectorRows,
        approximate: AnnIndex | None = None,
        keys: IntArray | None = None,
        dense: FloatArray | None = None,
    ) -> None:
        """`keys` (N,) int64: each item's key in the approximate index, -1 for none; else its position.

        Without an `approximate` index every search is exact, by `dense` (N, D): all rows, if they are in
        memory already.
        """
        self.rows = rows
        self._approximate = approximate
        self._keys = keys
        self._dense = None
        if approximate is None:
            self._dense = rows.dense() if dense is None else dense
        self._positions = None if keys is None else _invert_keys(keys)

    def nearest(
        self, queries: FloatArray, n: int, allowed: BoolArray | None = None
    ) -> tuple[IntArray, FloatArray]:
        """Find the n items with the highest dot product for each query (B, D), as the function `nearest`.

        With an approximate index: most of the n best, never one that `allowed` (items,) bool excludes, and
        n items if that many are allowed.
        """
        if self._dense is not None:
            return nearest(self._dense, queries, n, allowed)
        positions = np.full((len(queries), max(n, 0)), -1, dtype=np.int64)
        scores = np.full(positions.shape, -np.inf, dtype=np.float32)
        n_allowed = len(self.rows) if allowed is None else int(np.count_nonzero(allowed))
        for row, query in enumerate(queries):
            best_positions, best_scores = self._search_one(
                np.asarray(query, np.float32), n, allowed, n_allowed
            )
            positions[row, : len(best_positions)], scores[row, : len(best_positions)] = (
                best_positions,
                best_scores,
            )
        return positions, scores

    def find_nearby(self, queries: FloatArray, count: int, allowed: BoolArray) -> IntArray:
        """Find allowed items among about the `count` nearest of each query (B, D): positions (C,), ascending.

        For candidate pools: faster than `nearest`, since nothing is ranked; fewer if few nearby items are
        allowed.
        """
        n_allowed = int(np.count_nonzero(allowed))
        fetched = count * len(self.rows) // max(1, n_allowed)
        if self._approximate is None or fetched * EXACT_SCORES_PER_CANDIDATE >= n_allowed:
            positions = np.unique(self.nearest(queries, count, allowed)[0])
            return positions[positions >= 0]
        keys = self._approximate.search_union(queries, fetched)
        positions = keys if self._positions is None else self._positions[keys]
        positions = positions[positions >= 0]
        eligible: IntArray = positions[allowed[positions]]
        return np.sort(eligible)

    def _search_one(
        self, query: FloatArray, n: int, allowed: BoolArray | None, n_allowed: int
    ) -> tuple[IntArray, FloatArray]:
        """Search one query among `n_allowed` items: fetch more candidates until enough of them are allowed,
        or score all allowed items if that is cheaper."""
        assert self._approximate is not None
        if not query.any():  # no direction, all scores are 0: return the first items
            positions = np.flatnonzero(self._eligible(allowed))[:n]
            return positions, np.zeros(len(positions), np.float32)
        count = n * CANDIDATES_PER_RESULT * len(self.rows) // max(1, n_allowed)
        while count * EXACT_SCORES_PER_CANDIDATE < n_allowed:
            keys = self._approximate.search(query, count)
            candidates = keys if self._positions is None else self._positions[keys]
            if allowed is not None:
                candidates = candidates[allowed[candidates] & (candidates >= 0)]
            elif self._positions is not None:
                candidates = candidates[candidates >= 0]
            if len(candidates) >= n:
                return select_top(candidates, self.rows[candidates] @ query, n)
            count = max(1, count) * 4
        return self._search_exactly(query, n, allowed)

    def _search_exactly(
        self, query: FloatArray, n: int, allowed: BoolArray | None
    ) -> tuple[IntArray, FloatArray]:
        """The same as `nearest`, block by block, so that never all vectors are in memory as float32."""
        best, scores = np.zeros(0, np.int64), np.zeros(0, np.float32)
        positions = np.flatnonzero(self._eligible(allowed))
        for start in range(0, len(positions), BLOCK):
            block = positions[start : start + BLOCK]
            best = np.concatenate([best, block])
            scores = np.concatenate([scores, self.rows[block] @ query])
            best, scores = select_top(best, scores, n)
        return best, scores

    def _eligible(self, allowed: BoolArray | None) -> BoolArray:
        return self.rows.has_vector if allowed is None else self.rows.has_vector & allowed


def _invert_keys(keys: IntArray) -> IntArray:
    """Map each key to its position, -1 for keys of removed items."""
    positions = np.full(keys.max(initial=-1) + 1, -1, np.int64)
    positions[keys[keys >= 0]] = np.flatnonzero(keys >= 0)
    return positions


def select_top(positions: IntArray, scores: RealArray, n: int) -> tuple[IntArray, FloatArray]:
    """Select the n best positions, best first, ties to the lower position: (C,), (C,) -> (≤ n,), (≤ n,)."""
    order = np.lexsort((positions, -scores))[: max(n, 0)]
    return positions[order], scores[order].astype(np.float32)


def build_index(rows: VectorRows, threads: int = 2) -> AnnIndex:
    """Build an approximate index of all items that have a vector, with positions as keys.

    Threads that add to a graph of few vectors at once leave some of them nearly without links, so a small
    index is built by one thread: it is the same each time.
    """
    if len(rows) <= ONE_THREAD_UP_TO:
        threads = 1
    index = AnnIndex(rows.dim)
    for start, block in track(rows.blocks(), "index", total=-(-len(rows) // BLOCK)):
        with_vector = np.flatnonzero(block.any(axis=1))
        index.add(start + with_vector, block[with_vector], threads=threads)
    return index


def nearest(
    matrix: FloatArray, queries: FloatArray, n: int, allowed: BoolArray | None = None
) -> tuple[IntArray, FloatArray]:
    """Find the n rows with the highest dot product for each query, best first.

    `matrix` (N, D) and `queries` (B, D) float32; `allowed` (N,) bool masks the rows that may be returned.
    Returns positions (B, n) int64, padded with -1, and scores (B, n) float32, padded with -inf. Rows of
    `matrix` that are all zeros (an item without a vector) are never returned.

    >>> nearest(np.eye(3, dtype=np.float32), np.array([[0.0, 1.0, 0.5]], dtype=np.float32), n=2)[0].tolist()
    [[1, 2]]
    """
    keep = matrix.any(axis=1) if allowed is None else matrix.any(axis=1) & allowed
    rows = np.flatnonzero(keep)
    positions = np.full((len(queries), max(n, 0)), -1, dtype=np.int64)
    scores = np.full(positions.shape, -np.inf, dtype=np.float32)
    if not len(rows) or n <= 0:
        return positions, scores
    candidates = matrix if len(rows) == len(matrix) else matrix[rows]
    block = max(1, BLOCK_SCORES // len(rows))
    for start in range(0, len(queries), block):
        part = np.asarray(queries[start : start + block], dtype=np.float32) @ candidates.T
        best, best_scores = _top_columns(part, min(n, len(rows)))
        positions[start : start + block, : best.shape[1]] = rows[best]
        scores[start : start + block, : best.shape[1]] = best_scores
    return positions, scores


def _top_columns(scores: FloatArray, n: int) -> tuple[IntArray, FloatArray]:
    """The n best columns of each row and their scores, ties to the lower column: (B, N) -> (B, n)."""
    if n < scores.shape[1]:
        # argpartition breaks ties at the border arbitrarily: lower columns must win there.
        border = -np.partition(-scores, n - 1, axis=1)[:, n - 1]
        columns = np.stack(
            [_columns_from_border(row, edge, n) for row, edge in zip(scores, border, strict=True)]
        )
    else:
        columns = np.broadcast_to(np.arange(n), scores.shape)
    values = np.take_along_axis(scores, columns, axis=1)
    # Columns are ascending: a stable sort keeps ties in order.
    order = np.argsort(-values, axis=1, kind="stable")
    return np.take_along_axis(columns, order, axis=1), np.take_along_axis(values, order, axis=1)


def _columns_from_border(row: FloatArray, border: float, n: int) -> IntArray:
    """The n columns with the highest scores, ascending; `border` is the n-th highest score."""
    above = np.flatnonzero(row > border)
    at_border = np.flatnonzero(row == border)[: n - len(above)]
    columns: IntArray = np.sort(np.concatenate([above, at_border]))
    return columns
