"""EASE: a linear item-item model in closed form (Steck, "Embarrassingly Shallow Autoencoders", WWW 2019).

With P = (XᵀX + λI)⁻¹ the weights are B = I - P diag(1 / diag P), and scores are x B. Where there are fewer
users than items the same scores follow from the user-user matrix, (XXᵀ + λI)⁻¹ (Woodbury identity), exactly
and much cheaper.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy import linalg

from bowerbird.data.arrays import FloatArray
from bowerbird.data.interactions import Interactions
from bowerbird.evaluate.baselines.scoring import MatrixRanker

_COLUMNS = 2048  # items of one block of the user-user solution


class EASE(MatrixRanker):
    """Beyond `max_items` users and items, only the `max_items` most liked items get (dense) weights."""

    name = "EASE"

    def __init__(self, l2: float = 200.0, half_life: float | None = None, max_items: int = 8000) -> None:
        self.l2 = l2
        self.half_life = half_life
        self.max_items = max_items

    @property
    def settings(self) -> Mapping[str, Any]:
        """The L2 penalty, and the half-life of a history."""
        return {"l2": self.l2, "half_life": self.half_life}

    def learn(self, likes: Any, liked: Interactions) -> None:
        """Solve the ridge regression of each item on all others (Steck, WWW 2019)."""
        self._n_items = likes.shape[1]
        self._by_users = likes.shape[0] <= min(likes.shape[1], self.max_items)
        if self._by_users:
            self._learn_by_users(likes)
        else:
            self._learn_by_items(likes)

    def _learn_by_users(self, likes: Any) -> None:
        """P = (I - Xᵀ K⁻¹ X) / λ with K = XXᵀ + λI; stores K⁻¹ and 1 - diag(Xᵀ K⁻¹ X)."""
        n_users = likes.shape[0]
        kernel = (likes @ likes.T).toarray().astype(np.float64) + self.l2 * np.eye(n_users)
        self._inverse = linalg.inv(kernel).astype(np.float32) if n_users else np.zeros((0, 0), np.float32)
        self._likes, columns = likes, likes.tocsc()
        self._unexplained = np.ones(self._n_items, np.float32)
        for start in range(0, self._n_items, _COLUMNS):
            block = columns[:, start : start + _COLUMNS]
            explained = block.multiply(self._inverse @ block.toarray())
            self._unexplained[start : start + _COLUMNS] -= np.asarray(explained.sum(axis=0)).ravel()

    def _learn_by_items(self, likes: Any) -> None:
        n_likes = np.asarray(likes.sum(axis=0)).ravel()
        order = np.argsort(-n_likes, kind="stable")[: self.max_items]
        self._items = np.sort(order[n_likes[order] > 0])
        item_likes = likes[:, self._items]
        gram = (item_likes.T @ item_likes).toarray().astype(np.float32)
        gram[np.diag_indices_from(gram)] += self.l2
        inverse = linalg.inv(gram, overwrite_a=True) if len(gram) else gram
        self._weights = inverse / -np.diag(inverse)
        np.fill_diagonal(self._weights, 0.0)

    def score(self, histories: Any) -> FloatArray:
        """Multiply histories with the item–item weights."""
        if self._by_users:
            # x B for the items outside x; those of the history are never ranked.
            explained = ((histories @ self._likes.T).toarray() @ self._inverse) @ self._likes
            return np.asarray(explained / self._unexplained, dtype=np.float32)
        scores = np.zeros((histories.shape[0], self._n_items), np.float32)
        scores[:, self._items] = histories[:, self._items] @ self._weights
        return scores
