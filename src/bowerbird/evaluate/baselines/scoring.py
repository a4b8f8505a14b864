"""What all baselines share: likes as a matrix, a score for every item, the top n of the unseen items.

P training users, N items of the catalogue, B histories to rank. All use likes only (clicks and more).
Ties are broken by popularity, and cold-start users get popular items, so every ranker serves every user.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy import sparse

from bowerbird.data.arrays import DoubleArray, FloatArray, IntArray, RealArray
from bowerbird.data.interactions import History, Interactions
from bowerbird.data.ranks import top_k

_BATCH_NUMBERS = 16_000_000  # scores of one batch: 64 MB


class ScoringRanker(ABC):
    """A `Ranker` made of `learn` (from training likes) and `score_likes` (scores all items per history)."""

    name: str

    @property
    def settings(self) -> Mapping[str, Any]:
        """The settings that the ranker runs with."""
        return {}

    def fit(self, events: Interactions) -> None:
        """Learn from the likes among training events."""
        liked = events.liked()
        users, rows = np.unique(liked.user, return_inverse=True)
        self._popularity = count_likers(liked)
        self._by_popularity = np.argsort(-self._popularity, kind="stable")
        self.learn(_binary_matrix(rows, liked.item, (len(users), events.n_items)), liked)

    def rank(self, histories: Sequence[History], n: int) -> IntArray:
        """Rank the unseen items of each history, batch by batch, ties by popularity."""
        n_items = len(self._popularity)
        batch = max(1, _BATCH_NUMBERS // max(1, n_items))
        batches = [self._rank_batch(histories[i : i + batch], n) for i in range(0, len(histories), batch)]
        return np.concatenate([np.empty((0, n), np.int64), *batches])

    @abstractmethod
    def learn(self, likes: Any, liked: Interactions) -> None:
        """Learn from the training likes: `likes` is a binary CSR matrix (P, N), `liked` their events."""

    @abstractmethod
    def score_likes(self, likes: Sequence[IntArray]) -> FloatArray:
        """Score all items, (B, N) float32, by the liked items of each history in time order."""

    def _rank_batch(self, histories: Sequence[History], n: int) -> IntArray:
        scores = self.score_likes([history.liked().items for history in histories])
        for row, history in zip(scores, histories, strict=True):
            row[history.items] = -np.inf
        return top_n(scores, n, self._by_popularity)


class MatrixRanker(ScoringRanker):
    """A `ScoringRanker` that takes a history as a row of a matrix, not as a sequence."""

    half_life: float | None = None
    """Likes after which an older like of a history counts half; None: all count the same."""

    def score_likes(self, likes: Sequence[IntArray]) -> FloatArray:
        """Score by a matrix of recency-weighted likes."""
        return self.score(recency_weighted_matrix(likes, len(self._popularity), self.half_life))

    @abstractmethod
    def score(self, histories: Any) -> FloatArray:
        """Score all items, (B, N) float32, by a CSR matrix (B, N) of liked items, weights up to 1."""


def recency_weighted_matrix(likes: Sequence[IntArray], n_items: int, half_life: float | None) -> Any:
    """Build a CSR matrix (B, N) of the liked items of each history, which are in time order.

    The last like weighs 1, a like `half_life` likes before it 0.5; None: all weigh the same. An item that was
    liked twice counts by its last like.
    """
    last_likes = [
        items[np.sort(len(items) - 1 - np.unique(items[::-1], return_index=True)[1])] for items in likes
    ]
    rows = np.repeat(np.arange(len(last_likes)), [len(items) for items in last_likes])
    columns = np.concatenate([*last_likes, np.empty(0, np.int64)])
    ages = np.concatenate([*(np.arange(len(items))[::-1] for items in last_likes), np.empty(0, np.int64)])
    weights = np.ones(len(columns)) if half_life is None else 0.5 ** (ages / half_life)
    return sparse.csr_matrix((weights.astype(np.float32), (rows, columns)), shape=(len(likes), n_items))


def count_likers(liked: Interactions) -> DoubleArray:
    """Count the different users who liked each item, (N,) float64."""
    pairs = np.unique(liked.user * liked.n_items + liked.item)
    return np.bincount(pairs % max(1, liked.n_items), minlength=liked.n_items).astype(np.float64)


def top_n(scores: RealArray, n: int, tie_order: IntArray) -> IntArray:
    """Select the `n` highest scores of each row, (B, N) -> (B, n) positions, -1 where only -inf remains.

    Equal scores come in `tie_order`, a permutation of the items: the same ranking on every machine.
    """
    rankings = np.full((len(scores), n), -1, dtype=np.int64)
    in_tie_order = scores[:, tie_order]
    best = top_k(in_tie_order, n)
    is_ranked = np.take_along_axis(in_tie_order, best, axis=1) > -np.inf
    rankings[:, : best.shape[1]] = np.where(is_ranked, tie_order[best], -1)
    return rankings


def _binary_matrix(rows: IntArray, items: IntArray, shape: tuple[int, int]) -> Any:
    matrix = sparse.csr_matrix((np.ones(len(rows), np.float32), (rows, items)), shape=shape)
    matrix.data[:] = 1.0  # an item liked twice counts once
    return matrix
