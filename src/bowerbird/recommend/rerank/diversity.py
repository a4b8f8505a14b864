"""Diversity by one number, and exploration by another: the choice of a list from ranked candidates."""

from __future__ import annotations

import numpy as np
from numba import njit

from bowerbird.data.arrays import DoubleArray, FloatArray, IntArray, RealArray
from bowerbird.data.ranks import min_max
from bowerbird.recommend.config import ListConfig
from bowerbird.recommend.rerank.reserve import Reserve


def diversify(
    relevance: RealArray,
    vectors: FloatArray,
    n: int,
    diversity: float,
    exploration: float = 0.0,
    rng: np.random.Generator | None = None,
    reserve: Reserve | None = None,
    temperature: float = ListConfig.temperature,
) -> tuple[IntArray, DoubleArray]:
    """Choose n of C candidates: each next one maximises (1−d)·relevance − d·(similarity to those chosen).

    Maximal marginal relevance (Carbonell & Goldstein, SIGIR 1998).
    `relevance` (C,) is brought to [0, 1]; `vectors` (C, D) have length 1; `diversity` d is from 0 (relevance
    alone) to 1. With `exploration` above 0 each next one is sampled instead (see `sample`). Where a
    `reserve` of the C candidates falls behind, the choice is among its young ones. Returns rows in order,
    (min(n, C),), and the propensity of each at its rank, conditional on those before it.
    """
    n = min(n, len(relevance))
    reserve = reserve or Reserve(np.zeros(len(relevance), bool), 0.0)
    is_young, quota = reserve.is_young, reserve.quota(n)
    scaled = min_max(relevance)
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
        best, propensity = sample(value, exploration, rng, temperature)
        chosen_rows.append(best)
        propensities.append(propensity)
        is_left[best] = False
        nearest = np.maximum(nearest, similar[best])
    return np.array(chosen_rows, dtype=np.int64), np.array(propensities)


def sample(
    values: DoubleArray, exploration: float, rng: np.random.Generator | None, temperature: float
) -> tuple[int, float]:
    """Sample one of C values (C,), -inf for those already taken: its row and its propensity.

    `exploration` is from 0 (always the highest, propensity 1) to 1, where the softmax over the values has the
    full `temperature`: a Plackett–Luce policy (as in Oosterhuis, SIGIR 2022). A logged item can be weighted
    by its inverse propensity later (Horvitz–Thompson; Swaminathan & Joachims, ICML 2015), to evaluate
    another policy on the same log. Without `rng` the highest is returned.
    """
    best = int(values.argmax())
    if exploration <= 0 or rng is None:
        return best, 1.0
    odds = np.exp((values - values[best]) / (temperature * exploration))
    odds /= odds.sum()
    row = int(rng.choice(len(values), p=odds))
    return row, float(odds[row])


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
