"""Latent factors of the user–item matrix: a low-pass filter over who likes what.

PureSVD (Cremonesi et al., RecSys 2010) on likes normalised by users and, less, by items, as graph filters do
(GF-CF, Shen et al., CIKM 2021). Co-engagement models pairs of items, this models groups of users: together
they find more than either.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sparse

from bowerbird.data.arrays import FloatArray, IntArray
from bowerbird.recommend.models.config import LatentFactorConfig


@dataclass(frozen=True)
class LatentFactors:
    """Factors of n items in r directions."""

    into: FloatArray  # (n, r): from a history to its factors
    out: FloatArray  # (n, r): from factors to every item's score

    @classmethod
    def fit(cls, likes: Any, config: LatentFactorConfig | None = None) -> LatentFactors:
        """Fit on a sparse (users, items) matrix of ones (PureSVD, Cremonesi et al., RecSys 2010)."""
        from scipy.sparse.linalg import svds

        config = config or LatentFactorConfig()
        likes_per_user = np.asarray(likes.sum(axis=1)).ravel()
        likes = likes[likes_per_user > 0]
        n_items, rank = likes.shape[1], min(config.rank, min(likes.shape) - 1)
        if rank < 1:
            return cls(np.zeros((n_items, 1), np.float32), np.zeros((n_items, 1), np.float32))
        scale = (np.asarray(likes.sum(axis=0)).ravel() + 1.0) ** -config.item_power
        user_scale = likes_per_user[likes_per_user > 0] ** -config.user_power
        normal = sparse.diags(user_scale) @ likes @ sparse.diags(scale)
        start = np.random.default_rng(0).normal(size=min(likes.shape))
        _, _, right = svds(normal.astype(np.float64), k=rank, v0=start)
        directions = right.T
        return cls(
            (directions * scale[:, None]).astype(np.float32), (directions / scale[:, None]).astype(np.float32)
        )

    def scores(
        self, items: IntArray, weights: FloatArray, positions: IntArray | slice = slice(None)
    ) -> FloatArray:
        """Score all items, or those at `positions`, for one history of `items` (H,) and weights (H,)."""
        scores: FloatArray = self.out[positions] @ (weights @ self.into[items])
        return scores
