"""Id-neighbourhood popularity: likes smoothed over the catalogue's order of ids.

Shops and databases assign ids in order, so items whose ids are neighbours were added at the same time and
often for the same purpose. If the neighbours of an item without likes are liked now, it is likely on sale
now; if they were liked years ago, it likely is not any more. In a catalogue whose ids have no order (random
ones) this is only noise, the same for liked and other items, and the ranker learns to ignore it.
"""

from __future__ import annotations

import re

import numpy as np
from numba import njit

from bowerbird.data.arrays import FloatArray, IntArray, RealArray


def rank_ids(ids: list[str]) -> IntArray:
    """Rank each item in the natural order of ids, (n,) int64: numbers within ids count as numbers.

    >>> rank_ids(["b-10", "b-9", "a-11"]).tolist()
    [2, 1, 0]
    """
    order = sorted(range(len(ids)), key=lambda row: _natural_key(ids[row]))
    id_ranks = np.empty(len(ids), np.int64)
    id_ranks[order] = np.arange(len(ids))
    return id_ranks


def _natural_key(item_id: str) -> list[tuple[int, int, str]]:
    tokens = re.findall(r"\d+|\D+", item_id)
    return [(0, int(token), "") if token.isdecimal() else (1, 0, token) for token in tokens]


def smooth(shares: RealArray, id_ranks: IntArray, width: int) -> FloatArray:
    """Smooth shares (n,) by a kernel estimate over the ranks (n,) from 0 of ids, (n,) float32.

    `width` is the kernel's standard deviation, items.

    Three boxes one after the other are nearly a Gaussian, and cost the same however wide they are.
    """
    by_rank = np.zeros(len(shares), np.float64)
    by_rank[id_ranks] = shares
    for _ in range(3):  # of b items each: variance 3 (b² − 1) / 12
        by_rank = _moving_mean(by_rank, min(width, max(1, len(by_rank) // 8)))
    smoothed: FloatArray = by_rank[id_ranks].astype(np.float32)
    return smoothed


def neighbours_of(liked: IntArray, id_ranks: IntArray, order: IntArray, reach: int) -> IntArray:
    """Find the items within `reach` ids of liked ones (H,), ascending, including them; `order` (n,) by
    rank."""
    ranks = id_ranks[liked][:, None] + np.arange(-reach, reach + 1)
    neighbours: IntArray = np.unique(order[ranks[(ranks >= 0) & (ranks < len(order))]])
    return neighbours


def id_distance(liked: IntArray, id_ranks: IntArray, positions: IntArray | slice = slice(None)) -> IntArray:
    """Measure the distance in the order of ids from each item, or some, to the nearest liked (H,): (C,)
    int64.

    Variants of one product have adjacent ids.
    """
    liked_ranks, ranks = np.sort(id_ranks[liked]), id_ranks[positions]
    insert_at = np.searchsorted(liked_ranks, ranks)
    upper = liked_ranks[np.minimum(insert_at, len(liked_ranks) - 1)]
    lower = liked_ranks[np.maximum(insert_at - 1, 0)]
    distance: IntArray = np.minimum(np.abs(upper - ranks), np.abs(ranks - lower))
    return distance


@njit(cache=True, nogil=True)
def _moving_mean(values, reach):  # type: ignore[no-untyped-def]
    """Mean of each number and `reach` before and after it, (n,) float64; the ends are repeated outside.

    As `scipy.ndimage.uniform_filter1d(mode="nearest")`, which takes a quarter of a second to be imported.
    """
    n, size = len(values), 2 * reach + 1
    means, total = np.empty(n), 0.0
    for index in range(-reach, reach + 1):
        total += values[min(max(index, 0), n - 1)]
    for index in range(n):
        if index:
            total += values[min(index + reach, n - 1)] - values[max(index - 1 - reach, 0)]
        means[index] = total / size
    return means
