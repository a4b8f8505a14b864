"""Diversity by one number: maximal marginal relevance (Carbonell & Goldstein, SIGIR 1998)."""

from __future__ import annotations

import numpy as np
from numba import njit

from bowerbird.recommend.rerank.exploration import draw
from bowerbird.recommend.rerank.reserve import Reserve


def diversify(
    relevance: np.ndarray,
    vectors: np.ndarray,
    n: int,
    diversity: float,
    explore: float = 0.0,
    rng: np.random.Generator | None = None,
    reserve: Reserve | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Choose n of C candidates: each next one maximises (1−d)·relevance − d·(similarity to those chosen).

    `relevance` (C,) is brought to [0, 1]; `vectors` (C, D) have length 1; `diversity` d is from 0 (relevance
    alone) to 1. With `explore` above 0 each next one is drawn instead (see `exploration`). Where a `reserve`
    of the C candidates falls behind, the choice is among its young ones. Gives rows in order, (min(n, C),),
    and the chance that each had at its rank, given those before it.
    """
    n = min(n, len(relevance))
    reserve = reserve or Reserve(np.zeros(len(relevance), bool), 0.0)
    is_young, quota = reserve.is_young, reserve.quota(n)
    spread = np.ptp(relevance) if len(relevance) else 0.0
    scaled = (relevance - relevance.min()) / spread if spread > 0 else np.zeros(len(relevance))
    similar = vectors @ vectors.T
    if not explore:
        rows = _best_by_turns(scaled, similar, n, diversity, is_young, quota)
        return rows, np.ones(len(rows))
    nearest = np.zeros(len(relevance))
    left = np.ones(len(relevance), dtype=bool)
    chosen: list[int] = []
    chances: list[float] = []
    for due in quota.tolist():
        is_behind = np.count_nonzero(is_young[chosen]) < due
        choice = left & is_young if is_behind and (left & is_young).any() else left
        value = np.where(choice, (1 - diversity) * scaled - diversity * nearest, -np.inf)
        best, chance = draw(value, explore, rng)
        chosen.append(best)
        chances.append(chance)
        left[best] = False
        nearest = np.maximum(nearest, similar[best])
    return np.array(chosen, dtype=np.int64), np.array(chances)


@njit(cache=True, nogil=True)
def _best_by_turns(relevance, similar, n, diversity, is_young, quota):  # type: ignore[no-untyped-def]
    """As `diversify` without exploration: similarities (C, C), `quota` (n,), rows in order, (n,)."""
    count = len(relevance)
    nearest, left = np.zeros(count), np.ones(count, np.bool_)
    chosen, n_young, young_left = np.empty(n, np.int64), 0, np.count_nonzero(is_young)
    for turn in range(n):
        best, highest = -1, -np.inf
        young_only = n_young < quota[turn] and young_left > 0
        for row in range(count):
            if young_only and not is_young[row]:
                continue
            value = (1 - diversity) * relevance[row] - diversity * nearest[row]
            if left[row] and (best < 0 or value > highest):
                best, highest = row, value
        chosen[turn], left[best] = best, False
        n_young += is_young[best]
        young_left -= is_young[best]
        for row in range(count):
            nearest[row] = max(nearest[row], similar[best, row])
    return chosen
