"""EASE: a linear item-item model in closed form (Steck, "Embarrassingly Shallow Autoencoders", WWW 2019).

With P = (XᵀX + λI)⁻¹ the weights are B = I - P diag(1 / diag P), and scores are x B. Where there are fewer
people than items the same numbers come from the people's side, (XXᵀ + λI)⁻¹ (Woodbury), exactly and much
cheaper.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy import linalg

from bowerbird.data.interactions import Interactions
from bowerbird.evaluate.baselines.scoring import MatrixRanker

_COLUMNS = 2048  # items solved at once on the people's side


class EASE(MatrixRanker):
    """Beyond `at_most` people and items, only the `at_most` most liked items get weights: they are dense."""

    name = "EASE"

    def __init__(self, l2: float = 200.0, half_life: float | None = None, at_most: int = 8000) -> None:
        self.l2 = l2
        self.half_life = half_life
        self.at_most = at_most

    @property
    def settings(self) -> Mapping[str, Any]:
        return {"l2": self.l2, "half_life": self.half_life}

    def learn(self, likes: Any, liked: Interactions) -> None:
        self._n_items = likes.shape[1]
        self._on_people = likes.shape[0] <= min(likes.shape[1], self.at_most)
        if self._on_people:
            self._learn_on_people(likes)
        else:
            self._learn_on_items(likes)

    def _learn_on_people(self, likes: Any) -> None:
        """P = (I - Xᵀ K⁻¹ X) / λ with K = XXᵀ + λI; keeps K⁻¹ and 1 - diag(Xᵀ K⁻¹ X)."""
        people = likes.shape[0]
        kernel = (likes @ likes.T).toarray().astype(np.float64) + self.l2 * np.eye(people)
        self._inverse = linalg.inv(kernel).astype(np.float32) if people else np.zeros((0, 0), np.float32)
        self._likes, columns = likes, likes.tocsc()
        self._rest = np.ones(self._n_items, np.float32)
        for start in range(0, self._n_items, _COLUMNS):
            block = columns[:, start : start + _COLUMNS]
            explained = block.multiply(self._inverse @ block.toarray())
            self._rest[start : start + _COLUMNS] -= np.asarray(explained.sum(axis=0)).ravel()

    def _learn_on_items(self, likes: Any) -> None:
        liked_by = np.asarray(likes.sum(axis=0)).ravel()
        order = np.argsort(-liked_by, kind="stable")[: self.at_most]
        self._kept = np.sort(order[liked_by[order] > 0])
        some = likes[:, self._kept]
        gram = (some.T @ some).toarray().astype(np.float32)
        gram[np.diag_indices_from(gram)] += self.l2
        inverse = linalg.inv(gram, overwrite_a=True) if len(gram) else gram
        self._weights = inverse / -np.diag(inverse)
        np.fill_diagonal(self._weights, 0.0)

    def score(self, given: Any) -> np.ndarray:
        if self._on_people:
            # x B for the items outside x; those inside are never ranked.
            explained = ((given @ self._likes.T).toarray() @ self._inverse) @ self._likes
            return np.asarray(explained / self._rest, dtype=np.float32)
        scores = np.zeros((given.shape[0], self._n_items), np.float32)
        scores[:, self._kept] = given[:, self._kept] @ self._weights
        return scores
