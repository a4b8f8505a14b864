"""iALS: matrix factorisation for implicit feedback (Hu, Koren & Volinsky, ICDM 2008), by `implicit`.

A user known by history only is folded in: their factors are solved for with the items' factors fixed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from bowerbird.data.arrays import FloatArray
from bowerbird.data.interactions import Interactions
from bowerbird.evaluate.baselines.scoring import MatrixRanker


class IALS(MatrixRanker):
    """Implicit alternating least squares (Hu et al., ICDM 2008), by `implicit`."""

    name = "iALS"

    def __init__(
        self, factors: int = 64, l2: float = 1.0, confidence: float = 10.0, rounds: int = 15, seed: int = 0
    ) -> None:
        self.factors = factors
        self.l2 = l2
        self.confidence = confidence
        """Weight of a like, relative to 1 for every other item."""
        self.rounds = rounds
        self.seed = seed

    @property
    def settings(self) -> Mapping[str, Any]:
        """Factors, penalty, weight of likes, and rounds."""
        return {"factors": self.factors, "l2": self.l2, "confidence": self.confidence, "rounds": self.rounds}

    def learn(self, likes: Any, liked: Interactions) -> None:
        """Alternate between the factors of users and items."""
        # implicit has its own threads; nested BLAS threads compete for the same cores (it warns about it).
        with threadpool_limits(1, "blas"):
            from implicit.als import AlternatingLeastSquares

            self._model: Any = AlternatingLeastSquares(
                factors=self.factors,
                regularization=self.l2,
                alpha=self.confidence,
                iterations=self.rounds,
                random_state=self.seed,
                use_gpu=False,
                num_threads=1,
            )
            if likes.nnz:
                self._model.fit(likes, show_progress=False)
            else:
                self._model.item_factors = np.zeros((likes.shape[1], self.factors), np.float32)

    def score(self, histories: Any) -> FloatArray:
        """Solve for each history's factors and multiply with the items'."""
        with threadpool_limits(1, "blas"):
            users = self._model.recalculate_user(np.arange(histories.shape[0]), histories)
        users[np.diff(histories.indptr) == 0] = 0.0
        scores: FloatArray = users @ self._model.item_factors.T
        return scores
