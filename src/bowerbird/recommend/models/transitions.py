"""Item-to-item transitions: pairs of likes near each other in one user's history.

A first-order Markov chain over a window (as in FPMC, Rendle et al., WWW 2010, without its factors), weighed
1/√distance, backwards at half weight, and normalised by how often both items are liked.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import scipy.sparse as sparse
from numba import njit

from bowerbird.data.arrays import FloatArray, IntArray
from bowerbird.data.interactions import History, Interactions
from bowerbird.data.times import DAY
from bowerbird.recommend.models.config import TransitionConfig


@dataclass(frozen=True)
class Transitions:
    """Transitions between n items."""

    pairs: Any  # sparse (n, n) float32: from the item liked before to the one after
    config: TransitionConfig = field(default_factory=TransitionConfig)

    @classmethod
    def fit(cls, events: Interactions, config: TransitionConfig | None = None) -> Transitions:
        """Fit on the latest likes of all users."""
        config = config or TransitionConfig()
        liked = events.liked()
        latest = np.argsort(liked.at, kind="stable")[-config.max_likes :]
        order = latest[np.lexsort((liked.at[latest], liked.user[latest]))]
        user, item, at = liked.user[order], liked.item[order], liked.at[order]
        total = sparse.csr_matrix((events.n_items, events.n_items), dtype=np.float32)
        for distance in range(1, min(config.reach, len(order) - 1) + 1):
            before, after = slice(None, -distance), slice(distance, None)
            is_soon = at[after] - at[before] <= config.window * DAY
            near = (user[before] == user[after]) & is_soon
            weights = np.full(int(near.sum()), distance**-0.5, np.float32)
            shape = total.shape
            total = total + sparse.csr_matrix((weights, (item[before][near], item[after][near])), shape=shape)
        scale = sparse.diags((np.bincount(item, minlength=events.n_items) + config.shrink) ** -0.5)
        symmetric = total + config.backwards * total.T
        return cls((scale @ symmetric @ scale).astype(np.float32).tocsr(), config)

    def scores(self, liked: History) -> FloatArray:
        """Score all items after a history of liked items, (n,) float32."""
        items, weights = self.recent_likes(liked)
        pairs = self.pairs
        return _weighted_row_sum(pairs.indptr, pairs.indices, pairs.data, items, weights, pairs.shape[0])  # type: ignore[no-any-return]

    def successors(self, liked: History) -> tuple[IntArray, FloatArray]:
        """Return the items that ever followed one of the latest likes, ascending, and their scores."""
        items, weights = self.recent_likes(liked)
        row = sparse.csr_matrix(weights[None]) @ self.pairs[items]
        row.sort_indices()
        return row.indices.astype(np.int64), row.data

    def strengths_to(self, items: IntArray, target: int) -> FloatArray:
        """Return the strength of the transition from each of H items to a target item, (H,) -> (H,)
        float32."""
        pairs = self.pairs
        return _column_of(pairs.indptr, pairs.indices, pairs.data, items, target)  # type: ignore[no-any-return]

    def is_followed(self, item: int, other_item: int) -> bool:
        """Say whether any user liked `other_item` after `item` or at the same moment, not only before it.

        With forward counts t, `pairs` holds p(i, j) = s_i s_j (t_ij + b t_ji), so t_ij > 0 exactly where
        p(i, j) > b p(j, i).
        """
        forward, backward = (
            self.strengths_to(np.array([item]), other_item)[0],
            self.strengths_to(np.array([other_item]), item)[0],
        )
        return bool(forward > self.config.backwards * backward * (1 + 1e-4))

    def recent_likes(self, liked: History) -> tuple[IntArray, FloatArray]:
        """Return the likes that count, oldest first, and their weights, (L,) each."""
        items = liked.items[-self.config.latest :]
        return items, np.arange(len(items), 0, -1, dtype=np.float32) ** -0.5


@njit(cache=True, nogil=True)
def _weighted_row_sum(indptr, indices, data, rows, weights, columns):  # type: ignore[no-untyped-def]
    """Sum weighted rows of a sparse matrix, (columns,) float32."""
    total = np.zeros(columns, np.float32)
    for row in range(len(rows)):
        for entry in range(indptr[rows[row]], indptr[rows[row] + 1]):
            total[indices[entry]] += weights[row] * data[entry]
    return total


@njit(cache=True, nogil=True)
def _column_of(indptr, indices, data, rows, column):  # type: ignore[no-untyped-def]
    """Read one column of the given rows of a sparse matrix."""
    values = np.zeros(len(rows), np.float32)
    for row in range(len(rows)):
        for entry in range(indptr[rows[row]], indptr[rows[row] + 1]):
            if indices[entry] == column:
                values[row] = data[entry]
    return values
