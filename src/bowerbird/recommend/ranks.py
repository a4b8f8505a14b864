"""Top-k, ranks with ties, rank fusion and coarse steps: one home for what every source does with scores."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numba import njit

FUSION_K = 60.0
MIN_LOGS = 4_096  # of ranks; more where more candidates come

_log_tables: dict[str, np.ndarray] = {}


def fuse_ranks(parts: Sequence[tuple[float, np.ndarray]]) -> np.ndarray:
    """Fuse orders by weighted reciprocal ranks (Cormack et al., SIGIR 2009), (C,) float32.

    score = Σ weight / (60 + rank), with a weight and ranks from 0, (C,), of each order.
    """
    total = np.zeros(len(parts[0][1]))
    for weight, ranks in parts:
        total += weight / (FUSION_K + ranks)
    return total.astype(np.float32)


def best_first(scores: np.ndarray, positions: np.ndarray, count: int) -> np.ndarray:
    """Order positions (C,) by their scores (C,), best first, at most `count`; of equal ones the first."""
    if len(positions) > count:
        rows = top_positions(scores, np.ones(len(scores), bool), count)
        scores, positions = scores[rows], positions[rows]
    order: np.ndarray = positions[np.argsort(-scores, kind="stable")]
    return order


def distinct(positions: np.ndarray) -> np.ndarray:
    """Give positions (C,) each once, ascending; of a few thousand sorting is quicker than `np.unique`."""
    ascending = np.sort(positions)
    is_new = np.ones(len(ascending), bool)
    np.not_equal(ascending[1:], ascending[:-1], out=is_new[1:])
    once: np.ndarray = ascending[is_new]
    return once


def coarse_log(shares: np.ndarray) -> np.ndarray:
    """Round to whole numbers: an exact share identifies its item, and a ranker would memorise it."""
    rounded: np.ndarray = np.round(np.log(shares + 1e-6))
    return rounded


def log_ranks(scores: np.ndarray) -> np.ndarray:
    """Give the logarithm of 1 + each score's rank, (C,) float32."""
    logs: np.ndarray = _logs_up_to(len(scores))[ranks_of(scores)]
    return logs


def ranks_of(scores: np.ndarray) -> np.ndarray:
    """Rank each score from 0, the best; equal scores share the best of their ranks, (C,) -> (C,) int64.

    Shared, because a source that knows nothing (zeros for all) must not prefer the catalogue's first items.

    >>> ranks_of(np.array([0.0, 2.0, 0.0, 1.0])).tolist()
    [2, 0, 2, 1]
    """
    ranks: np.ndarray = _ranks(scores, np.argsort(-scores))
    return ranks


def ranks_among(scores: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Rank some rows (n,) among scores (C,), as `ranks_of` does, (n,) int64."""
    ranks: np.ndarray = _ahead(scores, scores[rows])
    return ranks


def top_positions(scores: np.ndarray, eligible: np.ndarray, count: int, above: float = -np.inf) -> np.ndarray:
    """Give the positions, ascending, of the `count` highest of n scores that are `eligible`, (n,) bool, and
    above a number; of equal ones the lower positions.

    Nearly all scores are only compared with the lowest one that is still among the best.
    """
    positions: np.ndarray = _highest(scores, eligible, count, above)
    return positions


def _logs_up_to(count: int) -> np.ndarray:
    """Logarithms of 1 + each rank below `count`, (count or more,) float32, taken once for many requests."""
    logs = _log_tables.get("ranks")
    if logs is None or len(logs) < count:
        logs = _log_tables["ranks"] = np.log1p(np.arange(max(2 * count, MIN_LOGS), dtype=np.float32))
    return logs


@njit(cache=True, nogil=True)
def _ranks(scores, order):  # type: ignore[no-untyped-def]
    places = np.empty(len(scores), np.int64)
    place = 0
    for row in range(len(order)):
        if row == 0 or scores[order[row]] != scores[order[row - 1]]:
            place = row
        places[order[row]] = place
    return places


@njit(cache=True, nogil=True)
def _ahead(scores, mine):  # type: ignore[no-untyped-def]
    """How many scores are higher than each of some."""
    ahead = np.zeros(len(mine), np.int64)
    for row in range(len(mine)):
        one, count = mine[row], 0
        for score in scores:
            count += score > one
        ahead[row] = count
    return ahead


@njit(cache=True, nogil=True)
def _highest(scores, eligible, count, above):  # type: ignore[no-untyped-def]
    """A heap of the best so far, the worst of them on top: lowest score, of equal ones the last position."""
    heap, values = np.empty(max(count, 0), np.int64), np.empty(max(count, 0), scores.dtype)
    size, least = 0, above
    for position in range(len(scores)):
        score = scores[position]
        if not (score > least and eligible[position]):
            continue
        if size < count:  # positions come ascending: of equal scores the last is the worst, and goes up
            place = size
            size += 1
            while place > 0 and values[(place - 1) >> 1] >= score:
                heap[place], values[place] = heap[(place - 1) >> 1], values[(place - 1) >> 1]
                place = (place - 1) >> 1
        else:
            place = 0
            while True:
                child = 2 * place + 1
                if child + 1 < size and (
                    values[child + 1] < values[child]
                    or (values[child + 1] == values[child] and heap[child + 1] > heap[child])
                ):
                    child += 1
                if child >= size or values[child] >= score:
                    break
                heap[place], values[place] = heap[child], values[child]
                place = child
        if size:
            heap[place], values[place] = position, score
        if size == count and size:
            least = values[0]
    return np.sort(heap[:size])
