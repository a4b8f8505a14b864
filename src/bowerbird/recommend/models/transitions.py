"""Item-to-item transitions: pairs of likes near each other in one user's history.

A first-order Markov chain over a window (as in FPMC, Rendle et al., WWW 2010, without its factors), weighed
1/√distance, backwards at half weight, and normalised by how often both items are liked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sparse
from numba import njit

from bowerbird.data.interactions import History, Interactions
from bowerbird.taste.state.user_state import DAY

REACH = 30  # likes of one person apart, at most
WINDOW_DAYS = 365
MOST_LIKES = 300_000  # the latest; older transitions say little of today's
BACKWARDS = 0.5
SHRINK = 5.0
LATEST = 20  # likes of a user that count


@dataclass(frozen=True)
class Transitions:
    """Transitions between n items."""

    pairs: Any  # sparse (n, n) float32: from the item liked before to the one after

    @classmethod
    def fit(cls, events: Interactions) -> Transitions:
        liked = events.liked()
        latest = np.argsort(liked.at, kind="stable")[-MOST_LIKES:]
        order = latest[np.lexsort((liked.at[latest], liked.user[latest]))]
        user, item, at = liked.user[order], liked.item[order], liked.at[order]
        total = sparse.csr_matrix((events.n_items, events.n_items), dtype=np.float32)
        for distance in range(1, min(REACH, len(order) - 1) + 1):
            before, after = slice(None, -distance), slice(distance, None)
            near = (user[before] == user[after]) & (at[after] - at[before] <= WINDOW_DAYS * DAY)
            weights = np.full(int(near.sum()), distance**-0.5, np.float32)
            shape = total.shape
            total = total + sparse.csr_matrix((weights, (item[before][near], item[after][near])), shape=shape)
        scale = sparse.diags((np.bincount(item, minlength=events.n_items) + SHRINK) ** -0.5)
        both = total + BACKWARDS * total.T
        return cls((scale @ both @ scale).astype(np.float32).tocsr())

    def scores(self, liked: History) -> np.ndarray:
        """Scores of all items after a history of liked items, (n,) float32."""
        items, weights = self.weighted(liked)
        pairs = self.pairs
        return _summed(pairs.indptr, pairs.indices, pairs.data, items, weights, pairs.shape[0])  # type: ignore[no-any-return]

    def reachable(self, liked: History) -> tuple[np.ndarray, np.ndarray]:
        """The items that ever followed one of the latest likes, ascending, and their scores."""
        items, weights = self.weighted(liked)
        row = sparse.csr_matrix(weights[None]) @ self.pairs[items]
        row.sort_indices()
        return row.indices.astype(np.int64), row.data

    def after(self, items: np.ndarray, other: int) -> np.ndarray:
        """Give the strength of the transition from each of H items to another one, (H,) -> (H,) float32."""
        pairs = self.pairs
        return _column_of(pairs.indptr, pairs.indices, pairs.data, items, other)  # type: ignore[no-any-return]

    def is_followed(self, item: int, other: int) -> bool:
        """Say whether some user liked `other` after `item` or at the same moment, not only before it.

        With forward counts t, `pairs` holds p(i, j) = s_i s_j (t_ij + b t_ji), so t_ij > 0 exactly where
        p(i, j) > b p(j, i).
        """
        forward, backward = self.after(np.array([item]), other)[0], self.after(np.array([other]), item)[0]
        return bool(forward > BACKWARDS * backward * (1 + 1e-4))

    @staticmethod
    def weighted(liked: History) -> tuple[np.ndarray, np.ndarray]:
        """Give the likes that count, oldest first, and their weights, (L,) each."""
        items = liked.items[-LATEST:]
        return items, np.arange(len(items), 0, -1, dtype=np.float32) ** -0.5


@njit(cache=True, nogil=True)
def _summed(indptr, indices, data, rows, weights, columns):  # type: ignore[no-untyped-def]
    """Some rows of a sparse matrix, weighted and summed, (columns,) float32."""
    total = np.zeros(columns, np.float32)
    for row in range(len(rows)):
        for place in range(indptr[rows[row]], indptr[rows[row] + 1]):
            total[indices[place]] += weights[row] * data[place]
    return total


@njit(cache=True, nogil=True)
def _column_of(indptr, indices, data, rows, column):  # type: ignore[no-untyped-def]
    """One column of some rows of a sparse matrix."""
    values = np.zeros(len(rows), np.float32)
    for row in range(len(rows)):
        for place in range(indptr[rows[row]], indptr[rows[row] + 1]):
            if indices[place] == column:
                values[row] = data[place]
    return values
