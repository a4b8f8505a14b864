"""Ranking metrics: the one home of nDCG, recall, reciprocal rank and coverage.

B users, n ranks, best first. A ranking is (B, n) positions filled with -1; `relevant` holds each user's
relevant positions. Every metric per user is a float array (B,), NaN where nothing is relevant: for such a
user a metric is undefined, and means leave them out.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bowerbird.data.arrays import BoolArray, DoubleArray, IntArray, RealArray


def discount(rank: ArrayLike) -> NDArray[np.float64]:
    """Discount of ranks from 1 in the DCG, 1 / log2(rank + 1) (Järvelin & Kekäläinen, TOIS 2002).

    With one relevant item this is its nDCG.

    >>> discount([1, 3]).tolist()
    [1.0, 0.5]
    """
    return np.asarray(1.0 / np.log2(np.asarray(rank, np.float64) + 1.0))


def ndcg_of_gains(gains: RealArray | BoolArray, n_relevant: int, k: int) -> float:
    """Compute one user's nDCG@k from the gain at each rank, (n,), best first; `n_relevant` must be above 0.

    The ideal list has gain 1 at its first `n_relevant` ranks; relevant items that are not ranked count as
    missed.

    >>> round(ndcg_of_gains(np.array([False, True, False]), n_relevant=2, k=3), 3)
    0.387
    """
    discounts = discount(np.arange(1, k + 1))
    return float((gains[:k] * discounts[: len(gains)]).sum() / discounts[:n_relevant].sum())


def find_hits(ranking: IntArray, relevant: Sequence[IntArray]) -> BoolArray:
    """Mark the ranked items that are relevant to their user: (B, n) -> (B, n) bool; -1 never is.

    >>> find_hits(np.array([[3, 1, -1]]), [np.array([1, 7])]).tolist()
    [[False, True, False]]
    """
    sizes = [len(positions) for positions in relevant]
    all_relevant = np.concatenate([*relevant, np.empty(0, np.int64)]).astype(np.int64)
    width = int(max(ranking.max(initial=0), all_relevant.max(initial=0))) + 1
    # One key per (user, item) pair, so that a single `isin` answers for all users.
    relevant_keys = np.repeat(np.arange(len(relevant)), sizes) * width + all_relevant
    keys = np.arange(len(ranking))[:, None] * width + ranking
    hits: BoolArray = np.isin(keys, relevant_keys) & (ranking >= 0)
    return hits


def recall_at(ranking: IntArray, relevant: Sequence[IntArray], k: int) -> DoubleArray:
    """Share of a user's relevant items among the first k: |top k ∩ relevant| / |relevant|.

    >>> recall_at(np.array([[3, 1, 5], [0, 1, 2]]), [np.array([1, 7]), np.array([])], k=2).tolist()
    [0.5, nan]
    """
    return _divide(find_hits(ranking[:, :k], relevant).sum(axis=1), _count(relevant))


def ndcg_at(ranking: IntArray, relevant: Sequence[IntArray], k: int) -> DoubleArray:
    """nDCG@k with binary relevance (Järvelin & Kekäläinen, TOIS 2002): DCG / ideal DCG.

    DCG@k = Σ `discount(rank)` over the relevant items of the first k; the ideal ranking has them first.
    With the one hit at rank 2 of two relevant items: (1/log2 3) / (1/log2 2 + 1/log2 3) = 0.387.

    >>> ndcg_at(np.array([[3, 1, 5]]), [np.array([1, 7])], k=3).round(3).tolist()
    [0.387]
    """
    discounts = discount(np.arange(1, k + 1))
    hits = find_hits(ranking[:, :k], relevant)
    ideal = np.concatenate([[0.0], np.cumsum(discounts)])[np.minimum(_count(relevant), k)]
    return _divide(hits @ discounts[: hits.shape[1]], ideal)


def mrr(ranking: IntArray, relevant: Sequence[IntArray]) -> DoubleArray:
    """Reciprocal rank of the first relevant item; 0 where the ranking holds none.

    >>> mrr(np.array([[3, 1, 5], [0, 2, 4]]), [np.array([1, 5]), np.array([9])]).tolist()
    [0.5, 0.0]
    """
    hits = find_hits(ranking, relevant)
    # The first hit's reciprocal rank is the largest of the row.
    reciprocal = (hits / np.arange(1, hits.shape[1] + 1)).max(axis=1, initial=0.0)
    return np.where(_count(relevant) > 0, reciprocal, np.nan)


def coverage(ranking: IntArray, n_items: int) -> float:
    """Share of the catalogue that is shown to at least one user.

    >>> coverage(np.array([[0, 1], [1, -1]]), n_items=4)
    0.5
    """
    return len(np.unique(ranking[ranking >= 0])) / n_items if n_items else float("nan")


def cold_recall_at(ranking: IntArray, relevant: Sequence[IntArray], cold: BoolArray, k: int) -> DoubleArray:
    """Recall of the relevant items that are not in the training events; `cold` is (items,) bool.

    The ranking stays that of the whole catalogue: a cold item competes with every warm one.

    >>> cold_recall_at(np.array([[3, 1]]), [np.array([1, 2, 3])], np.array([0, 1, 1, 0], bool), k=2).tolist()
    [0.5]
    """
    return recall_at(ranking, [positions[cold[positions]] for positions in relevant], k)


def _count(relevant: Sequence[IntArray]) -> IntArray:
    return np.array([len(positions) for positions in relevant], dtype=np.int64)


def _divide(numerator: RealArray | IntArray, denominator: RealArray | IntArray) -> DoubleArray:
    """The quotient, NaN where the denominator is 0."""
    undefined = np.full(len(denominator), np.nan)
    quotient: DoubleArray = np.divide(numerator, denominator, out=undefined, where=denominator > 0)
    return quotient
