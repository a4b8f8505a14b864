"""The nearest items by dot product: exactly, or beyond 100,000 items by an approximate index.

Exact while it can be, because an approximate index would mix its own misses into every evaluation. Beyond
that, the index names candidates and their exact vectors rank them, so that scores are exact in both cases and
ties go to the lower position: answers never flicker.
"""

from __future__ import annotations

import numpy as np

from bowerbird.embed.index.ann import AnnIndex
from bowerbird.embed.index.rows import BLOCK, Rows
from bowerbird.progress import track

EXACT_UP_TO = 100_000
"""Items; 100,000 vectors of 256 float32 are 100 MB and one matrix product of some milliseconds."""
BLOCK_SCORES = 16_000_000
"""Scores held at once: 64 MB of float32."""
OVERFETCH = 3  # candidates for each item asked for: their order is the index's, in eight bits
LOOKS = 25  # items whose exact scores cost as much as one candidate of the index


class ItemIndex:
    """Finds items by their positions in a catalogue. Safe to ask from several threads."""

    def __init__(
        self,
        rows: Rows,
        approximate: AnnIndex | None = None,
        keys: np.ndarray | None = None,
        dense: np.ndarray | None = None,
    ) -> None:
        """`keys` (N,) int64: each item's key in the approximate index, -1 for none; else its position.

        Without an `approximate` index every answer is exact, by `dense` (N, D): all rows, where they are in
        memory already.
        """
        self.rows = rows
        self._approximate = approximate
        self._keys = keys
        self._dense = None
        if approximate is None:
            self._dense = rows.dense() if dense is None else dense
        self._positions = None if keys is None else _inverse(keys)

    def nearest(
        self, queries: np.ndarray, n: int, allowed: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """The n items with the highest dot product for each query (B, D), as the function `nearest`.

        By the approximate index where there is one: most of the n best, never one that `allowed` (items,)
        bool excludes, and all n where so many are allowed.
        """
        if self._dense is not None:
            return nearest(self._dense, queries, n, allowed)
        found = np.full((len(queries), max(n, 0)), -1, dtype=np.int64)
        scores = np.full(found.shape, -np.inf, dtype=np.float32)
        choice = len(self.rows) if allowed is None else int(np.count_nonzero(allowed))
        for row, query in enumerate(queries):
            best, values = self._one(np.asarray(query, np.float32), n, allowed, choice)
            found[row, : len(best)], scores[row, : len(best)] = best, values
        return found, scores

    def around(self, queries: np.ndarray, count: int, allowed: np.ndarray) -> np.ndarray:
        """Allowed items among about the `count` nearest to each query (B, D): positions (C,), ascending.

        For pools: quicker than `nearest`, since nothing is ranked, and fewer where little is allowed nearby.
        """
        choice = int(np.count_nonzero(allowed))
        fetched = count * len(self.rows) // max(1, choice)
        if self._approximate is None or fetched * LOOKS >= choice:
            found = np.unique(self.nearest(queries, count, allowed)[0])
            return found[found >= 0]
        keys = self._approximate.search_all(queries, fetched)
        found = keys if self._positions is None else self._positions[keys]
        found = found[found >= 0]
        pool: np.ndarray = found[allowed[found]]
        return np.sort(pool)

    def _one(
        self, query: np.ndarray, n: int, allowed: np.ndarray | None, choice: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """One query's answer among `choice` allowed items: more is fetched until enough of it is allowed,
        and all of them are looked at where that is cheaper."""
        assert self._approximate is not None
        if not query.any():  # no direction, all scores are 0: the first ones
            positions = np.flatnonzero(self._open(allowed))[:n]
            return positions, np.zeros(len(positions), np.float32)
        count = n * OVERFETCH * len(self.rows) // max(1, choice)
        while count * LOOKS < choice:
            keys = self._approximate.search(query, count)
            candidates = keys if self._positions is None else self._positions[keys]
            if allowed is not None:
                candidates = candidates[allowed[candidates] & (candidates >= 0)]
            elif self._positions is not None:
                candidates = candidates[candidates >= 0]
            if len(candidates) >= n:
                return ranked(candidates, self.rows[candidates] @ query, n)
            count = max(1, count) * 4
        return self._exactly(query, n, allowed)

    def _exactly(
        self, query: np.ndarray, n: int, allowed: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """As `nearest`, block by block, so that the vectors are never in memory as float32 all at once."""
        found, scores = np.zeros(0, np.int64), np.zeros(0, np.float32)
        positions = np.flatnonzero(self._open(allowed))
        for start in range(0, len(positions), BLOCK):
            part = positions[start : start + BLOCK]
            found = np.concatenate([found, part])
            scores = np.concatenate([scores, self.rows[part] @ query])
            found, scores = ranked(found, scores, n)
        return found, scores

    def _open(self, allowed: np.ndarray | None) -> np.ndarray:
        return self.rows.known if allowed is None else self.rows.known & allowed


def _inverse(keys: np.ndarray) -> np.ndarray:
    """Position of each key, -1 for keys of items that are gone."""
    positions = np.full(keys.max(initial=-1) + 1, -1, np.int64)
    positions[keys[keys >= 0]] = np.flatnonzero(keys >= 0)
    return positions


def ranked(positions: np.ndarray, scores: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """The n best of some positions, best first, ties to the lower position: (C,), (C,) -> (≤ n,), (≤ n,)."""
    order = np.lexsort((positions, -scores))[: max(n, 0)]
    return positions[order], scores[order].astype(np.float32)


def built(rows: Rows, threads: int = 2) -> AnnIndex:
    """An approximate index of all items that have a vector, under their positions."""
    index = AnnIndex(rows.dim)
    for start, block in track(rows.blocks(), "index", total=-(-len(rows) // BLOCK)):
        has = np.flatnonzero(block.any(axis=1))
        index.add(start + has, block[has], threads=threads)
    return index


def nearest(
    matrix: np.ndarray, queries: np.ndarray, n: int, allowed: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """The n rows with the highest dot product for each query, best first.

    `matrix` (N, D) and `queries` (B, D) float32; `allowed` (N,) bool names the rows that may be answered.
    Gives positions (B, n) int64, padded with -1, and scores (B, n) float32, padded with -inf. Rows of
    `matrix` that are all zeros (an item without a vector) are never answered.

    >>> nearest(np.eye(3, dtype=np.float32), np.array([[0.0, 1.0, 0.5]], dtype=np.float32), n=2)[0].tolist()
    [[1, 2]]
    """
    keep = matrix.any(axis=1) if allowed is None else matrix.any(axis=1) & allowed
    rows = np.flatnonzero(keep)
    found = np.full((len(queries), max(n, 0)), -1, dtype=np.int64)
    scores = np.full(found.shape, -np.inf, dtype=np.float32)
    if not len(rows) or n <= 0:
        return found, scores
    candidates = matrix if len(rows) == len(matrix) else matrix[rows]
    block = max(1, BLOCK_SCORES // len(rows))
    for start in range(0, len(queries), block):
        part = np.asarray(queries[start : start + block], dtype=np.float32) @ candidates.T
        best, best_scores = _top(part, min(n, len(rows)))
        found[start : start + block, : best.shape[1]] = rows[best]
        scores[start : start + block, : best.shape[1]] = best_scores
    return found, scores


def _top(scores: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Columns of the n highest scores of each row, best first, ties to the lower column: (B, N) -> (B, n)."""
    if n < scores.shape[1]:
        # argpartition breaks ties at the border as it likes: lower columns must win there.
        border = -np.partition(-scores, n - 1, axis=1)[:, n - 1]
        columns = np.stack([_fill(row, edge, n) for row, edge in zip(scores, border, strict=True)])
    else:
        columns = np.broadcast_to(np.arange(n), scores.shape)
    values = np.take_along_axis(scores, columns, axis=1)
    order = np.argsort(
        -values, axis=1, kind="stable"
    )  # columns are ascending: a stable sort keeps ties in order
    return np.take_along_axis(columns, order, axis=1), np.take_along_axis(values, order, axis=1)


def _fill(row: np.ndarray, border: float, n: int) -> np.ndarray:
    """The n columns with the highest scores, ascending, where the n-th highest score is `border`."""
    above = np.flatnonzero(row > border)
    level = np.flatnonzero(row == border)[: n - len(above)]
    columns: np.ndarray = np.sort(np.concatenate([above, level]))
    return columns
