"""What the strongest directions of everybody's likes say: a low-pass filter over who likes what.

PureSVD (Cremonesi et al., RecSys 2010) on likes normalised by people and, less, by items, as graph filters
do (GF-CF, Shen et al., CIKM 2021). Co-engagement knows single items, this knows crowds: beside it, not
instead of it, it finds more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sparse

RANK = 32
PEOPLE_POWER, ITEM_POWER = 0.5, 0.3


@dataclass(frozen=True)
class LowRank:
    """Of n items, r directions."""

    into: np.ndarray  # (n, r) float32: from a history to its place
    out: np.ndarray  # (n, r) float32: from a place to every item's score

    @classmethod
    def fitted(cls, likes: Any) -> LowRank:
        """From sparse (people, items) of ones."""
        from scipy.sparse.linalg import svds

        people = np.asarray(likes.sum(axis=1)).ravel()
        likes = likes[people > 0]
        n_items, rank = likes.shape[1], min(RANK, min(likes.shape) - 1)
        if rank < 1:
            return cls(np.zeros((n_items, 1), np.float32), np.zeros((n_items, 1), np.float32))
        scale = (np.asarray(likes.sum(axis=0)).ravel() + 1.0) ** -ITEM_POWER
        normal = sparse.diags(people[people > 0] ** -PEOPLE_POWER) @ likes @ sparse.diags(scale)
        start = np.random.default_rng(0).normal(size=min(likes.shape))
        _, _, right = svds(normal.astype(np.float64), k=rank, v0=start)
        directions = right.T
        return cls(
            (directions * scale[:, None]).astype(np.float32), (directions / scale[:, None]).astype(np.float32)
        )

    def scores(
        self, items: np.ndarray, weights: np.ndarray, among: np.ndarray | slice = slice(None)
    ) -> np.ndarray:
        """Scores of all items, or `among` some, for one history of `items` (H,) and weights (H,)."""
        scores: np.ndarray = self.out[among] @ (weights @ self.into[items])
        return scores
