"""How good a ranking is, one person a row.

B people, n ranks, best first. A ranking is (B, n) positions filled with -1; `relevant` holds each person's
relevant positions. Every per-person metric is a float array (B,), NaN where nothing is relevant: such a
person says nothing about a ranker, and means leave them out.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def hits_of(ranking: np.ndarray, relevant: Sequence[np.ndarray]) -> np.ndarray:
    """Whether each ranked item is relevant to its person: (B, n) -> (B, n) bool; -1 never is.

    >>> hits_of(np.array([[3, 1, -1]]), [np.array([1, 7])]).tolist()
    [[False, True, False]]
    """
    sizes = [len(one) for one in relevant]
    wanted = np.concatenate([*relevant, np.empty(0, np.int64)]).astype(np.int64)
    width = int(max(ranking.max(initial=0), wanted.max(initial=0))) + 1
    wanted_keys = np.repeat(np.arange(len(relevant)), sizes) * width + wanted
    keys = np.arange(len(ranking))[:, None] * width + ranking
    found: np.ndarray = np.isin(keys, wanted_keys) & (ranking >= 0)
    return found


def recall_at(ranking: np.ndarray, relevant: Sequence[np.ndarray], k: int) -> np.ndarray:
    """Share of a person's relevant items found in the first k: |top k ∩ relevant| / |relevant|.

    >>> recall_at(np.array([[3, 1, 5], [0, 1, 2]]), [np.array([1, 7]), np.array([])], k=2).tolist()
    [0.5, nan]
    """
    return _ratio(hits_of(ranking[:, :k], relevant).sum(axis=1), _counts(relevant))


def ndcg_at(ranking: np.ndarray, relevant: Sequence[np.ndarray], k: int) -> np.ndarray:
    """Gain 1/log2(rank + 1) of the relevant items in the first k, over the best gain possible there.

    With the one hit at rank 2 of two relevant items: (1/log2 3) / (1/log2 2 + 1/log2 3) = 0.387.

    >>> ndcg_at(np.array([[3, 1, 5]]), [np.array([1, 7])], k=3).round(3).tolist()
    [0.387]
    """
    gains = 1.0 / np.log2(np.arange(2, k + 2))
    hits = hits_of(ranking[:, :k], relevant)
    best = np.concatenate([[0.0], np.cumsum(gains)])[np.minimum(_counts(relevant), k)]
    return _ratio(hits @ gains[: hits.shape[1]], best)


def mrr(ranking: np.ndarray, relevant: Sequence[np.ndarray]) -> np.ndarray:
    """One over the rank of the first relevant item; 0 where the ranking holds none.

    >>> mrr(np.array([[3, 1, 5], [0, 2, 4]]), [np.array([1, 5]), np.array([9])]).tolist()
    [0.5, 0.0]
    """
    hits = hits_of(ranking, relevant)
    # The first hit's reciprocal rank is the largest of the row.
    first = (hits / np.arange(1, hits.shape[1] + 1)).max(axis=1, initial=0.0)
    return np.where(_counts(relevant) > 0, first, np.nan)


def coverage(ranking: np.ndarray, n_items: int) -> float:
    """Share of the catalogue that is shown to at least one person.

    >>> coverage(np.array([[0, 1], [1, -1]]), n_items=4)
    0.5
    """
    return len(np.unique(ranking[ranking >= 0])) / n_items if n_items else float("nan")


def cold_recall_at(
    ranking: np.ndarray, relevant: Sequence[np.ndarray], cold: np.ndarray, k: int
) -> np.ndarray:
    """Recall of the relevant items that training never saw; `cold` is (items,) bool.

    The ranking stays that of the whole catalogue: a cold item competes with every warm one.

    >>> cold_recall_at(np.array([[3, 1]]), [np.array([1, 2, 3])], np.array([0, 1, 1, 0], bool), k=2).tolist()
    [0.5]
    """
    return recall_at(ranking, [one[cold[one]] for one in relevant], k)


def _counts(relevant: Sequence[np.ndarray]) -> np.ndarray:
    return np.array([len(one) for one in relevant], dtype=np.int64)


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    ratio: np.ndarray = np.divide(part, whole, out=np.full(len(whole), np.nan), where=whole > 0)
    return ratio
