"""Diversity by one number: maximal marginal relevance (Carbonell & Goldstein, SIGIR 1998)."""

from __future__ import annotations

import numpy as np
from numba import njit

from bowerbird.recommend.rerank.exploration import sample
from bowerbird.recommend.rerank.reserve import Reserve


def diversify(
    relevance: np.ndarray,
    vectors: np.ndarray,
    n: int,
    diversity: float,
    exploration: float = 0.0,
    rng: np.random.Generator | None = None,
    reserve: Reserve | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Choose n of C candidates: each next one maximises (1−d)·relevance − d·(similarity to those chosen).

    `relevance` (C,) is brought to [0, 1]; `vectors` (C, D) have length 1; `diversity` d is from 0 (relevance
    alone) to 1. With `exploration` above 0 each next one is sampled instead (see `exploration`). Where a
    `reserve` of the C candidates falls behind, the choice is among its young ones. Returns rows in order,
    (min(n, C),), and the propensity of each at its rank, conditional on those before it.
    """
    n = min(n, len(relevance))
    reserve = reserve or Reserve(np.zeros(len(relevance), bool), 0.0)
    is_young, quota = reserve.is_young, reserve.quota(n)
    spread = np.ptp(relevance) if len(relevance) else 0.0
    scaled = (relevance - relevance.min()) / spread if spread > 0 else np.zeros(len(relevance))
    similar = vectors @ vectors.T
    if not exploration:
        rows = _select_greedily(scaled, similar, n, diversity, is_young, quota)
        return rows, np.ones(len(rows))
    nearest = np.zeros(len(relevance))
    is_left = np.ones(len(relevance), dtype=bool)
    chosen_rows: list[int] = []
    propensities: list[float] = []
    for n_due in quota.tolist():
        is_behind = np.count_nonzero(is_young[chosen_rows]) < n_due
        is_choice = is_left & is_young if is_behind and (is_left & is_young).any() else is_left
        value = np.where(is_choice, (1 - diversity) * scaled - diversity * nearest, -np.inf)
        best, propensity = sample(value, exploration, rng)
        chosen_rows.append(best)
        propensities.append(propensity)
        is_left[best] = False
        nearest = np.maximum(nearest, similar[best])
    return np.array(chosen_rows, dtype=np.int64), np.array(propensities)


@njit(cache=True, nogil=True)
def _select_greedily(relevance, similar, n, diversity, is_young, quota):  # type: ignore[no-untyped-def]
    """Select as `diversify` does without exploration: similarities (C, C), `quota` (n,) -> rows, (n,)."""
    count = len(relevance)
    nearest, is_left = np.zeros(count), np.ones(count, np.bool_)
    chosen_rows, n_young, n_young_left = np.empty(n, np.int64), 0, np.count_nonzero(is_young)
    for turn in range(n):
        best, highest = -1, -np.inf
        is_behind = n_young < quota[turn] and n_young_left > 0
        for row in range(count):
            if is_behind and not is_young[row]:
                continue
            value = (1 - diversity) * relevance[row] - diversity * nearest[row]
            if is_left[row] and (best < 0 or value > highest):
                best, highest = row, value
        chosen_rows[turn], is_left[best] = best, False
        n_young += is_young[best]
        n_young_left -= is_young[best]
        for row in range(count):
            nearest[row] = max(nearest[row], similar[best, row])
    return chosen_rows
