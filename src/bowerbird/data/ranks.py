"""Orders of scores: the best k with ties, ranks, reciprocal-rank fusion, min-max scaling."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numba import njit

from bowerbird.data.arrays import BoolArray, FloatArray, IntArray, RealArray

FUSION_K = 60.0
"""Constant of the fusion, as in its paper: how flat the weights of the first ranks are."""
MIN_LOGS = 4_096  # ranks whose logarithms are cached at least

_log_tables: dict[str, FloatArray] = {}


def fuse_ranks(parts: Sequence[tuple[float, IntArray | RealArray]]) -> FloatArray:
    """Fuse orders by weighted reciprocal ranks (Cormack et al., SIGIR 2009), (C,) float32.

    score = Σ weight / (60 + rank), with a weight and ranks from 0, (C,), of each order.
    """
    total = np.zeros(len(parts[0][1]))
    for weight, ranks in parts:
        total += weight / (FUSION_K + ranks)
    return total.astype(np.float32)


def top_k(scores: RealArray, k: int) -> IntArray:
    """Select the k highest scores of each row, best first: (B, N) -> (B, min(k, N)) columns.

    Of equal scores the lower column comes first, at the border of the k as well; the same on every machine.

    >>> top_k(np.array([[0.0, 2.0, 1.0, 2.0]]), 3).tolist()
    [[1, 3, 2]]
    """
    k = min(max(k, 0), scores.shape[1])
    if 0 < k < scores.shape[1]:
        # `argpartition` breaks ties at the border arbitrarily, so only its threshold is used.
        borders = -np.partition(-scores, k - 1, axis=1)[:, k - 1]
        rows = [_columns_down_to(row, border, k) for row, border in zip(scores, borders, strict=True)]
        columns = np.stack(rows) if rows else np.zeros((0, k), np.int64)
    else:
        columns = np.broadcast_to(np.arange(k), (len(scores), k))
    # Columns ascend: a stable sort leaves equal scores in their order.
    order = np.argsort(-np.take_along_axis(scores, columns, axis=1), axis=1, kind="stable")
    return np.take_along_axis(columns, order, axis=1)


def min_max(scores: RealArray, if_equal: float = 0.0) -> RealArray:
    """Scale scores (C,) linearly to [0, 1]; where all are equal, to `if_equal`.

    >>> min_max(np.array([1.0, 3.0, 2.0])).tolist()
    [0.0, 1.0, 0.5]
    """
    if not len(scores):
        return scores
    lowest, highest = scores.min(), scores.max()
    if highest <= lowest:
        return np.full_like(scores, if_equal)
    scaled: RealArray = (scores - lowest) / (highest - lowest)
    return scaled


def best_first(scores: RealArray, positions: IntArray, count: int) -> IntArray:
    """Order positions (C,) by their scores (C,), best first, at most `count`; of equal ones the first."""
    if len(positions) > count:
        rows = top_positions(scores, np.ones(len(scores), bool), count)
        scores, positions = scores[rows], positions[rows]
    order: IntArray = positions[np.argsort(-scores, kind="stable")]
    return order


def distinct(positions: IntArray) -> IntArray:
    """Return the different positions of (C,), ascending; for a few thousand faster than `np.unique`."""
    ascending = np.sort(positions)
    is_new = np.ones(len(ascending), bool)
    np.not_equal(ascending[1:], ascending[:-1], out=is_new[1:])
    once: IntArray = ascending[is_new]
    return once


def coarse_log(shares: RealArray) -> RealArray:
    """Round to whole numbers: an exact share identifies its item, and a ranker would memorise it."""
    rounded: RealArray = np.round(np.log(shares + 1e-6))
    return rounded


def log_ranks(scores: RealArray) -> FloatArray:
    """Compute the logarithm of 1 + each score's rank, (C,) float32."""
    logs: FloatArray = _logs_up_to(len(scores))[ranks_of(scores)]
    return logs


def ranks_of(scores: RealArray) -> IntArray:
    """Rank each score from 0, the best; equal scores share the best of their ranks, (C,) -> (C,) int64.

    Otherwise a source without information (zeros for all) would prefer the catalogue's first items.

    >>> ranks_of(np.array([0.0, 2.0, 0.0, 1.0])).tolist()
    [2, 0, 2, 1]
    """
    ranks: IntArray = _ranks(scores, np.argsort(-scores))
    return ranks


def top_positions(scores: RealArray, eligible: BoolArray, count: int, above: float = -np.inf) -> IntArray:
    """Return the positions, ascending, of the `count` highest of n scores that are `eligible`, (n,) bool, and
    above a number; of equal ones the lower positions.

    Nearly all scores are only compared with the lowest one that is still among the best.
    """
    positions: IntArray = _highest(scores, eligible, count, above)
    return positions


def _columns_down_to(row: RealArray, border: float, k: int) -> IntArray:
    """The columns of the k highest scores of a row (N,), ascending; `border` is the k-th highest."""
    above = np.flatnonzero(row > border)
    at_border = np.flatnonzero(row == border)[: k - len(above)]
    return np.sort(np.concatenate([above, at_border]))


def _logs_up_to(count: int) -> FloatArray:
    """Logarithms of 1 + each rank below `count`, (count or more,) float32, cached for many requests."""
    logs = _log_tables.get("ranks")
    if logs is None or len(logs) < count:
        logs = _log_tables["ranks"] = np.log1p(np.arange(max(2 * count, MIN_LOGS), dtype=np.float32))
    return logs


@njit(cache=True, nogil=True)
def _ranks(scores, order):  # type: ignore[no-untyped-def]
    ranks = np.empty(len(scores), np.int64)
    rank = 0
    for row in range(len(order)):
        if row == 0 or scores[order[row]] != scores[order[row - 1]]:
            rank = row
        ranks[order[row]] = rank
    return ranks


@njit(cache=True, nogil=True)
def _highest(scores, eligible, count, above):  # type: ignore[no-untyped-def]
    """Keep a heap of the best so far, the worst on top: lowest score, of equal ones the last position."""
    heap, values = np.empty(max(count, 0), np.int64), np.empty(max(count, 0), scores.dtype)
    size, lowest = 0, above
    for position in range(len(scores)):
        score = scores[position]
        if not (score > lowest and eligible[position]):
            continue
        if size < count:  # positions come ascending: of equal scores the last is the worst, and moves up
            node = size
            size += 1
            while node > 0 and values[(node - 1) >> 1] >= score:
                heap[node], values[node] = heap[(node - 1) >> 1], values[(node - 1) >> 1]
                node = (node - 1) >> 1
        else:
            node = 0
            while True:
                child = 2 * node + 1
                if child + 1 < size and (
                    values[child + 1] < values[child]
                    or (values[child + 1] == values[child] and heap[child + 1] > heap[child])
                ):
                    child += 1
                if child >= size or values[child] >= score:
                    break
                heap[node], values[node] = heap[child], values[child]
                node = child
        if size:
            heap[node], values[node] = position, score
        if size == count and size:
            lowest = values[0]
    return np.sort(heap[:size])
