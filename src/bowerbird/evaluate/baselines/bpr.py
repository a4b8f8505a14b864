"""BPR: matrix factorisation with a pairwise loss (Rendle et al., UAI 2009), by `implicit`.

Two additions to the library's stochastic gradient descent:

- It samples negatives in proportion to their likes, so it learns log p(item | user) - log p(item):
  popularity is divided out. It is added back: `popularity` times the logarithm of an item's likes (1 is exact
  but for regularisation).
- A user known by history only has no vector. They get `scale` times the mean of their likes' vectors, which
  is the direction of the first gradient step on their own pairs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from bowerbird.data.arrays import FloatArray
from bowerbird.data.interactions import Interactions
from bowerbird.evaluate.baselines.scoring import MatrixRanker, count_likers


class BPR(MatrixRanker):
    """Bayesian personalised ranking (Rendle et al., UAI 2009), by `implicit`."""

    name = "BPR"

    def __init__(
        self,
        factors: int = 64,
        learning_rate: float = 0.05,
        l2: float = 0.01,
        epochs: int = 100,
        popularity: float = 1.0,
        scale: float = 4.0,
        seed: int = 0,
    ) -> None:
        self.factors = factors
        self.learning_rate = learning_rate
        self.l2 = l2
        self.epochs = epochs
        self.popularity = popularity
        """Weight of the logarithm of an item's likes in its score."""
        self.scale = scale
        """Length of a new user's vector, relative to the mean of their likes' vectors."""
        self.seed = seed

    @property
    def settings(self) -> Mapping[str, Any]:
        """What the search chose from, by the names of the parameters."""
        names = ("factors", "learning_rate", "l2", "epochs", "popularity", "scale")
        return {name: getattr(self, name) for name in names}

    def learn(self, likes: Any, liked: Interactions) -> None:
        """Fit on sampled pairs of a liked and another item; no like leaves all vectors at 0."""
        from implicit.cpu.bpr import BayesianPersonalizedRanking

        model = BayesianPersonalizedRanking(
            factors=self.factors,
            learning_rate=self.learning_rate,
            regularization=self.l2,
            iterations=self.epochs,
            num_threads=1,  # threads race for the same vectors: runs would not be reproducible
            random_state=self.seed,
        )
        if likes.nnz:
            model.fit(likes, show_progress=False)
            factors = model.item_factors
        else:
            factors = np.zeros((likes.shape[1], self.factors + 1), np.float32)
        self._vectors = factors[:, :-1]
        # 0.5: items without likes come below all others, and the logarithm stays finite.
        log_count = np.log(np.maximum(count_likers(liked), 0.5))
        self._bias = factors[:, -1] + (self.popularity * log_count).astype(np.float32)

    def score(self, histories: Any) -> FloatArray:
        """Score by the mean of the liked items' vectors, plus each item's bias and popularity."""
        n_likes = np.asarray(histories.sum(axis=1))
        users = self.scale * (histories @ self._vectors) / np.maximum(n_likes, 1e-9)
        scores = np.asarray(users @ self._vectors.T + self._bias, dtype=np.float32)
        scores[n_likes[:, 0] == 0] = 0.0
        return scores
