"""Exact nearest items by dot product.

Exact on purpose: 100,000 vectors of 256 float32 are 100 MB and one matrix product, and an approximate index
would mix its own misses into every evaluation. Ties go to the lower position, so that answers never flicker.
"""

from __future__ import annotations

import numpy as np

BLOCK_SCORES = 16_000_000
"""Scores held at once: 64 MB of float32."""


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
