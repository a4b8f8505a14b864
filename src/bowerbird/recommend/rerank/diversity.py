"""Diversity by one number: maximal marginal relevance (Carbonell & Goldstein, SIGIR 1998)."""

from __future__ import annotations

import numpy as np
from numba import njit

from bowerbird.recommend.rerank.exploration import draw


def diversify(
    relevance: np.ndarray,
    vectors: np.ndarray,
    n: int,
    diversity: float,
    exploration: float = 0.0,
    rng: np.random.Generator | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Choose n of C candidates: each next one maximises (1−d)·relevance − d·(similarity to those chosen).

    `relevance` (C,) is brought to [0, 1]; `vectors` (C, D) have length 1; `diversity` d is from 0 (relevance
    alone) to 1. With `exploration` above 0 each next one is drawn instead (see `exploration`). Gives rows in
    order, (min(n, C),), and the chance that each had at its place, given those before it.
    """
    spread = np.ptp(relevance) if len(relevance) else 0.0
    scaled = (relevance - relevance.min()) / spread if spread > 0 else np.zeros(len(relevance))
    similar = vectors @ vectors.T
    if not exploration:
        rows = _best_by_turns(scaled, similar, min(n, len(relevance)), diversity)
        return rows, np.ones(len(rows))
    nearest = np.zeros(len(relevance))
    left = np.ones(len(relevance), dtype=bool)
    chosen: list[int] = []
    chances: list[float] = []
    for _ in range(min(n, len(relevance))):
        value = np.where(left, (1 - diversity) * scaled - diversity * nearest, -np.inf)
        best, chance = draw(value, exploration, rng)
        chosen.append(best)
        chances.append(chance)
        left[best] = False
        nearest = np.maximum(nearest, similar[best])
    return np.array(chosen, dtype=np.int64), np.array(chances)


@njit(cache=True, nogil=True)
def _best_by_turns(relevance, similar, n, diversity):  # type: ignore[no-untyped-def]
    """As `diversify` without exploration: similarities (C, C), rows in order, (n,)."""
    count = len(relevance)
    nearest, left = np.zeros(count), np.ones(count, np.bool_)
    chosen = np.empty(n, np.int64)
    for turn in range(n):
        best, highest = -1, -np.inf
        for row in range(count):
            value = (1 - diversity) * relevance[row] - diversity * nearest[row]
            if left[row] and (best < 0 or value > highest):
                best, highest = row, value
        chosen[turn], left[best] = best, False
        for row in range(count):
            nearest[row] = max(nearest[row], similar[best, row])
    return chosen
