"""Generic embeddings: frozen, off-the-shelf vectors of picture and text. What training must improve on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from bowerbird.data.interactions import Interactions
from bowerbird.evaluate.baselines.scoring import MatrixRanker


class GenericMean(MatrixRanker):
    """Cosine of an item's vector with the mean vector of the liked items.

    `matrix` is (items, d) float32, rows normalised, zero rows for items without a vector: those come last.
    """

    def __init__(
        self,
        matrix: np.ndarray,
        name: str = "generic, mean of history",
        half_life: float | None = None,
    ) -> None:
        self.name = name
        self.half_life = half_life
        self.matrix = matrix
        self._without = ~matrix.any(axis=1)

    @property
    def settings(self) -> Mapping[str, Any]:
        return {"half_life": self.half_life}

    def learn(self, likes: Any, liked: Interactions) -> None:
        """Nothing to learn: the vectors are as they came."""

    def score(self, given: Any) -> np.ndarray:
        scores = (given @ self.matrix) @ self.matrix.T
        return self._unseen_last(np.asarray(scores, np.float32), given)

    def _unseen_last(self, scores: np.ndarray, given: Any) -> np.ndarray:
        """Items without a vector last, but a person without liked items keeps all scores equal."""
        known = np.diff(given.indptr) > 0
        scores[np.ix_(known, self._without)] = np.finfo(np.float32).min
        scores[~known] = 0.0
        return scores


class GenericMax(GenericMean):
    """Cosine of an item's vector with the nearest of the liked items' vectors."""

    def __init__(self, matrix: np.ndarray, name: str = "generic, max similarity") -> None:
        super().__init__(matrix, name)

    @property
    def settings(self) -> Mapping[str, Any]:
        return {}

    def score(self, given: Any) -> np.ndarray:
        scores = np.zeros((given.shape[0], len(self.matrix)), np.float32)
        for row in range(given.shape[0]):
            liked = given.indices[given.indptr[row] : given.indptr[row + 1]]
            if len(liked):
                scores[row] = (self.matrix[liked] @ self.matrix.T).max(axis=0)
        return self._unseen_last(scores, given)
