"""What all baselines share: likes as a matrix, a score for every item, the best n of the unknown ones.

P training people, N items of the catalogue, B histories to rank. All read likes only (clicks and more).
Ties, and people of whom nothing is known, are settled by popularity, so every ranker answers everyone.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy import sparse

from bowerbird.data.interactions import History, Interactions

_BATCH_NUMBERS = 16_000_000  # scores held at once: 64 MB


class ScoringRanker(ABC):
    """A `Ranker` made of `learn` (from training likes) and `score_likes` (of every item, for histories)."""

    name: str

    @property
    def settings(self) -> Mapping[str, Any]:
        """The settings it runs with."""
        return {}

    def fit(self, events: Interactions) -> None:
        liked = events.liked()
        people, rows = np.unique(liked.user, return_inverse=True)
        self._popularity = popularity_of(liked)
        self._by_popularity = np.argsort(-self._popularity, kind="stable")
        self.learn(_binary(rows, liked.item, (len(people), events.n_items)), liked)

    def rank(self, histories: Sequence[History], n: int) -> np.ndarray:
        n_items = len(self._popularity)
        batch = max(1, _BATCH_NUMBERS // max(1, n_items))
        parts = [self._rank(histories[i : i + batch], n) for i in range(0, len(histories), batch)]
        return np.concatenate([np.empty((0, n), np.int64), *parts])

    @abstractmethod
    def learn(self, likes: Any, liked: Interactions) -> None:
        """Learn from the training likes: `likes` is a binary CSR matrix (P, N), `liked` their events."""

    @abstractmethod
    def score_likes(self, likes: Sequence[np.ndarray]) -> np.ndarray:
        """Scores of all items, (B, N) float32, for the liked items of each history in time order."""

    def _rank(self, histories: Sequence[History], n: int) -> np.ndarray:
        scores = self.score_likes([history.liked().items for history in histories])
        for row, history in zip(scores, histories, strict=True):
            row[history.items] = -np.inf
        return best(scores, n, self._by_popularity)


class MatrixRanker(ScoringRanker):
    """A `ScoringRanker` to which a history is a row of a matrix, not a sequence."""

    half_life: float | None = None
    """How many likes ago a like of a history counts half; None: all count alike."""

    def score_likes(self, likes: Sequence[np.ndarray]) -> np.ndarray:
        return self.score(given_matrix(likes, len(self._popularity), self.half_life))

    @abstractmethod
    def score(self, given: Any) -> np.ndarray:
        """Scores of all items, (B, N) float32, for a CSR matrix (B, N) of liked items, 1 or less each."""


def given_matrix(likes: Sequence[np.ndarray], n_items: int, half_life: float | None) -> Any:
    """Liked items of each history, in time order, as a CSR matrix (B, N).

    The last like weighs 1, one `half_life` likes before it 0.5; None weighs all alike. What was liked twice
    counts by its last time.
    """
    lasts = [items[np.sort(len(items) - 1 - np.unique(items[::-1], return_index=True)[1])] for items in likes]
    rows = np.repeat(np.arange(len(lasts)), [len(one) for one in lasts])
    items = np.concatenate([*lasts, np.empty(0, np.int64)])
    ages = np.concatenate([*(np.arange(len(one))[::-1] for one in lasts), np.empty(0, np.int64)])
    weights = np.ones(len(items)) if half_life is None else 0.5 ** (ages / half_life)
    return sparse.csr_matrix((weights.astype(np.float32), (rows, items)), shape=(len(likes), n_items))


def popularity_of(liked: Interactions) -> np.ndarray:
    """How many different people liked each item, (N,) float64."""
    pairs = np.unique(liked.user * liked.n_items + liked.item)
    return np.bincount(pairs % max(1, liked.n_items), minlength=liked.n_items).astype(np.float64)


def best(scores: np.ndarray, n: int, tie_order: np.ndarray) -> np.ndarray:
    """The `n` highest of each row, (B, N) -> (B, n) positions, -1 where only -inf is left.

    Equal scores come in `tie_order`, a permutation of the items: the same answer on every machine.
    """
    chosen = np.full((len(scores), n), -1, dtype=np.int64)
    for place, row in enumerate(scores[:, tie_order]):
        take = min(n, len(row))
        if not take:
            continue
        worst = np.partition(row, len(row) - take)[len(row) - take]
        above = np.flatnonzero(row > worst)
        ties = np.flatnonzero(row == worst)[: take - len(above)]
        found = np.concatenate([above, ties])
        found = found[np.argsort(-row[found], kind="stable")]
        found = found[row[found] > -np.inf]
        chosen[place, : len(found)] = tie_order[found]
    return chosen


def _binary(rows: np.ndarray, items: np.ndarray, shape: tuple[int, int]) -> Any:
    matrix = sparse.csr_matrix((np.ones(len(rows), np.float32), (rows, items)), shape=shape)
    matrix.data[:] = 1.0  # a thing liked twice is liked
    return matrix
