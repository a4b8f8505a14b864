"""ItemKNN: items liked by the same people (Sarwar et al., WWW 2001; shrinkage as in Bell & Koren, ICDM 2007).

With n_i people who liked candidate i, sim(i, j) = |people of both| / (n_i^(1-a) n_j^a + shrink), the
`neighbours` nearest of each item kept; an item's score is the sum of its similarities to the liked items.
a = 0.5 is the cosine; more favours popular candidates (asymmetric cosine: Aiolli, RecSys 2013).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy import sparse

from bowerbird.data.interactions import Interactions
from bowerbird.evaluate.baselines.scoring import MatrixRanker

_ROWS = 1024  # items whose similarities are held dense at once


class ItemKNN(MatrixRanker):
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
        names = ("neighbours", "shrink", "asymmetry", "half_life")
        return {name: getattr(self, name) for name in names}

    def learn(self, likes: Any, liked: Interactions) -> None:
        transposed = likes.T.tocsr()
        people = np.asarray(likes.sum(axis=0)).ravel()
        parts = [
            self._nearest(transposed[start : start + _ROWS] @ likes, people, start)
            for start in range(0, likes.shape[1], _ROWS)
        ]
        self._similar = sparse.vstack(parts).tocsc()  # (N liked, N scored)

    def _nearest(self, both: Any, people: np.ndarray, start: int) -> Any:
        """The nearest of some items (R, N): counts of common people -> similarities, the largest kept."""
        both = both.tocsr()
        both.sort_indices()
        lengths = np.diff(both.indptr)
        rows = np.repeat(np.arange(both.shape[0]), lengths)
        norms = people[rows + start] ** (1 - self.asymmetry) * people[both.indices] ** self.asymmetry
        values = both.data / (norms + self.shrink)
        values[both.indices == rows + start] = 0.0
        # One sort instead of one a row: similarities are at most 1, so 2 * row keeps the rows apart.
        order = np.argsort(2.0 * rows - values, kind="stable")
        rank = np.arange(len(order)) - np.repeat(both.indptr[:-1], lengths)
        kept = order[(rank < self.neighbours) & (values[order] > 0)]
        cells = (values[kept].astype(np.float32), (rows[kept], both.indices[kept]))
        return sparse.csr_matrix(cells, shape=both.shape)

    def score(self, given: Any) -> np.ndarray:
        # Each candidate asks its own nearest items which of them were liked: popular items, which are
        # everybody's neighbours, then don't crowd the others out.
        scores: np.ndarray = (given @ self._similar.T).toarray()
        return scores
