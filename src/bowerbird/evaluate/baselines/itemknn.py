"""ItemKNN: items liked by the same users (Sarwar et al., WWW 2001; shrinkage as in Bell & Koren, ICDM 2007).

With n_i users who liked candidate i, sim(i, j) = |users of both| / (n_i^(1-a) n_j^a + shrink), for the
`neighbours` nearest of each item; an item's score is the sum of its similarities to the liked items.
a = 0.5 is the cosine; a larger a favours popular candidates (asymmetric cosine: Aiolli, RecSys 2013).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy import sparse

from bowerbird.data.arrays import FloatArray, RealArray
from bowerbird.data.interactions import Interactions
from bowerbird.evaluate.baselines.scoring import MatrixRanker

_ROWS = 1024  # items whose similarities are computed at a time


class ItemKNN(MatrixRanker):
    """Cosine similarity of items by their users (Sarwar et al., WWW 2001), the nearest neighbours only."""

    name = "ItemKNN"

    def __init__(
        self,
        neighbours: int = 100,
        shrink: float = 10.0,
        asymmetry: float = 0.5,
        half_life: float | None = None,
    ) -> None:
        self.neighbours = neighbours
        self.shrink = shrink
        self.asymmetry = asymmetry
        self.half_life = half_life

    @property
    def settings(self) -> Mapping[str, Any]:
        """Neighbours, shrinkage, asymmetry, and the half-life of a history."""
        names = ("neighbours", "shrink", "asymmetry", "half_life")
        return {name: getattr(self, name) for name in names}

    def learn(self, likes: Any, liked: Interactions) -> None:
        """Compute each item's nearest neighbours."""
        transposed = likes.T.tocsr()
        n_likers = np.asarray(likes.sum(axis=0)).ravel()
        blocks = [
            self._find_neighbours(transposed[start : start + _ROWS] @ likes, n_likers, start)
            for start in range(0, likes.shape[1], _ROWS)
        ]
        self._similar = sparse.vstack(blocks).tocsc()  # (N liked, N scored)

    def _find_neighbours(self, co_likes: Any, n_likers: RealArray, start: int) -> Any:
        """Numbers of common users of R items (R, N) -> similarities to their nearest neighbours (R, N)."""
        co_likes = co_likes.tocsr()
        co_likes.sort_indices()
        lengths = np.diff(co_likes.indptr)
        rows = np.repeat(np.arange(co_likes.shape[0]), lengths)
        norms = n_likers[rows + start] ** (1 - self.asymmetry) * n_likers[co_likes.indices] ** self.asymmetry
        values = co_likes.data / (norms + self.shrink)
        values[co_likes.indices == rows + start] = 0.0
        # One sort instead of one per row: similarities are at most 1, so 2 * row keeps the rows apart.
        order = np.argsort(2.0 * rows - values, kind="stable")
        rank = np.arange(len(order)) - np.repeat(co_likes.indptr[:-1], lengths)
        nearest = order[(rank < self.neighbours) & (values[order] > 0)]
        cells = (values[nearest].astype(np.float32), (rows[nearest], co_likes.indices[nearest]))
        return sparse.csr_matrix(cells, shape=co_likes.shape)

    def score(self, histories: Any) -> FloatArray:
        """Sum the similarities of the liked items that are among a candidate's neighbours."""
        # Neighbourhoods are those of the candidate, not of the liked item: popular items, which are
        # neighbours of most items, then do not dominate the scores.
        scores: FloatArray = (histories @ self._similar.T).toarray()
        return scores
