"""Generic embeddings: frozen, pretrained vectors of images and texts, on which training must improve."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from bowerbird.data.arrays import FloatArray
from bowerbird.data.interactions import Interactions
from bowerbird.evaluate.baselines.scoring import MatrixRanker


class GenericMean(MatrixRanker):
    """Cosine of an item's vector with the mean vector of the liked items.

    `matrix` is (items, d) float32, rows normalised, zero rows for items without a vector, which are
    ranked last.
    """

    def __init__(
        self,
        matrix: FloatArray,
        name: str = "generic, mean of history",
        half_life: float | None = None,
    ) -> None:
        self.name = name
        self.half_life = half_life
        self.matrix = matrix
        self._has_no_vector = ~matrix.any(axis=1)

    @property
    def settings(self) -> Mapping[str, Any]:
        """The half-life of a history."""
        return {"half_life": self.half_life}

    def learn(self, likes: Any, liked: Interactions) -> None:
        """Do nothing: the vectors are used as they are."""

    def score(self, histories: Any) -> FloatArray:
        """Order by the cosine with the mean of the liked vectors."""
        scores = (histories @ self.matrix) @ self.matrix.T
        return self._rank_vectorless_last(np.asarray(scores, np.float32), histories)

    def _rank_vectorless_last(self, scores: FloatArray, histories: Any) -> FloatArray:
        """Items without a vector last; for a user without liked items all scores are equal."""
        has_likes = np.diff(histories.indptr) > 0
        scores[np.ix_(has_likes, self._has_no_vector)] = np.finfo(np.float32).min
        scores[~has_likes] = 0.0
        return scores


class GenericMax(GenericMean):
    """Cosine of an item's vector with the nearest of the liked items' vectors."""

    def __init__(self, matrix: FloatArray, name: str = "generic, max similarity") -> None:
        super().__init__(matrix, name)

    @property
    def settings(self) -> Mapping[str, Any]:
        """None."""
        return {}

    def score(self, histories: Any) -> FloatArray:
        """Compute cosines with the nearest liked vector."""
        scores = np.zeros((histories.shape[0], len(self.matrix)), np.float32)
        for row in range(histories.shape[0]):
            liked = histories.indices[histories.indptr[row] : histories.indptr[row + 1]]
            if len(liked):
                scores[row] = (self.matrix[liked] @ self.matrix.T).max(axis=0)
        return self._rank_vectorless_last(scores, histories)
