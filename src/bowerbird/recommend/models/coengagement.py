"""Items that people like together: ridge regression of each item on all others, from the side of the people.

The model is EASE (Steck, WWW 2019): scores h·B with B = I − P·diag(1/diag P), P = (XᵀX + λI)⁻¹, where X
(people × items) holds who liked what. Here P is never formed: by the Woodbury identity P = (I − Xᵀ K X) / λ
with K = (λI + XXᵀ)⁻¹, a matrix over people instead of items. A thousand people cost a thousand-square inverse
however many items there are, and the scores of a history are two sparse products.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import scipy.sparse as sparse
from numba import njit

from bowerbird.data.interactions import Interactions

BLOCK = 4096  # items looked at together: 64 MB beside 4,000 people
MAX_USERS = 4000  # the most active; more would cost memory (64 MB) and add little


@dataclass(frozen=True)
class CoEngagement:
    """Fitted on P people and n items."""

    likes: Any  # sparse (P, n) float32
    inverse: np.ndarray  # (P, P) float32: K
    diagonal: np.ndarray  # (n,) float32: diag P
    ridge: float  # λ

    @classmethod
    def fit(cls, events: Interactions, ridge: float) -> CoEngagement:
        """Fit on liked events; an item liked twice counts once."""
        likes = like_matrix(events)
        counts = np.asarray(likes.sum(axis=1)).ravel()
        kept = np.sort(np.argsort(-counts, kind="stable")[:MAX_USERS])
        likes = likes[kept[counts[kept] > 0]]
        gram = (likes @ likes.T).toarray().astype(np.float64)
        inverse = np.linalg.inv(gram + ridge * np.eye(len(gram))).astype(np.float32)
        # diag(Xᵀ K X): for each item the sum of K over the pairs of people who both liked it.
        carried = np.zeros(likes.shape[1])
        columns = likes.tocsc()
        for start in range(0, likes.shape[1], BLOCK):
            part = columns[:, start : start + BLOCK]
            carried[start : start + BLOCK] = np.asarray(
                part.multiply((part.T @ inverse).T).sum(axis=0)
            ).ravel()
        return cls(likes.tocsr(), inverse, ((1.0 - carried) / ridge).astype(np.float32), ridge)

    @cached_property
    def likers(self) -> Any:
        """Who likes each item, sparse (n, P) float32: transposed once, not for every answer."""
        return self.likes.T.tocsr()

    @cached_property
    def warm(self) -> tuple[np.ndarray, Any]:
        """Positions of the items that somebody likes, (W,), and who likes each, sparse (W, P) float32."""
        positions = np.flatnonzero(np.diff(self.likers.indptr))
        return positions, self.likers[positions]

    @cached_property
    def scale(self) -> np.ndarray:
        """λ diag P, (n,) float32."""
        return self.ridge * self.diagonal

    def through(self, items: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """What a history of items (H,) and weights (H,) says of each of the people, (P,) float32: h Xᵀ K.

        Only the rows of K are read that belong to people who like one of the items.
        """
        likers = self.likers
        return _through(likers.indptr, likers.indices, items, weights, self.inverse)  # type: ignore[no-any-return]

    def scores_of(self, items: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Scores of all items for one history: items, each once, and weights, (H,), (H,) -> (n,) float32."""
        scores: np.ndarray = self.likers @ self.through(items, weights)
        scores /= self.scale
        scores[items] += weights - weights / self.scale[items]
        return scores

    def common_likers(self, item: int, other: int) -> int:
        """Count the users among the fitted ones who like both items."""
        likers = self.likers
        mine, theirs = (likers.indices[likers.indptr[k] : likers.indptr[k + 1]] for k in (item, other))
        return len(np.intersect1d(mine, theirs, assume_unique=True))

    def shares_of(self, item: int, liked: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """What each of some likes (L,), weighted (L,), adds to the score of an item that is none of them.

        Of h·Xᵀ K X / (λ diag P) at the item: a like's own row of X, times K summed over who likes the item,
        (L,) float32. Of an item that is liked twice the last weight counts.
        """
        likers = self.likers
        shares = _shares(likers.indptr, likers.indices, item, liked, weights, self.inverse)
        return shares / self.scale[item]  # type: ignore[no-any-return]

    def scores(self, histories: Any) -> np.ndarray:
        """Scores of all items for B histories, weighted or not: sparse (B, n) -> (B, n) float32."""
        seen = histories.astype(np.float32)
        through = (seen @ self.likers).toarray() @ self.inverse  # (B, P)
        back = (self.likers @ through.T).T  # (B, n): h Xᵀ K X
        dense = seen.toarray()
        scores: np.ndarray = dense - (dense - back) / self.scale
        return scores


def last_of_each(items: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Items each once, with their last weights."""
    once, last = np.unique(items[::-1], return_index=True)
    return once, weights[::-1][last]


def like_matrix(events: Interactions) -> Any:
    """Who liked what, sparse (people, items) float32 of ones."""
    liked = events.liked()
    return _ones_at(liked.user, liked.item, (len(events.users), events.n_items))


def history_matrix(items: list[np.ndarray], n_items: int, weights: list[np.ndarray] | None = None) -> Any:
    """B lists of positions as a sparse (B, n_items) float32 matrix of ones, or of their weights.

    Of an item that is there twice the last weight counts.
    """
    rows = np.repeat(np.arange(len(items)), [len(one) for one in items])
    columns = np.concatenate(items) if items else np.zeros(0, np.int64)
    if weights is None:
        return _ones_at(rows, columns, (len(items), n_items))
    values = np.concatenate(weights) if weights else np.zeros(0, np.float32)
    _, last = np.unique((rows * n_items + columns)[::-1], return_index=True)
    kept = len(rows) - 1 - last
    return sparse.csr_matrix(
        (values[kept].astype(np.float32), (rows[kept], columns[kept])), shape=(len(items), n_items)
    )


def _ones_at(rows: np.ndarray, columns: np.ndarray, shape: tuple[int, int]) -> Any:
    """A sparse float32 matrix that is 1 at some places, however often a place is named."""
    matrix = sparse.csr_matrix((np.ones(len(rows), np.float32), (rows, columns)), shape=shape)
    matrix.data[:] = 1.0  # repeats were summed
    return matrix


@njit(cache=True, nogil=True)
def _through(indptr, likers, items, weights, inverse):  # type: ignore[no-untyped-def]
    people = len(inverse)
    shared = np.zeros(people, np.float32)  # the weight of the items that each likes
    for row in range(len(items)):
        for place in range(indptr[items[row]], indptr[items[row] + 1]):
            shared[likers[place]] += weights[row]
    through = np.zeros(people, np.float32)
    for person in range(people):
        if shared[person] != 0:
            through += shared[person] * inverse[person]
    return through


@njit(cache=True, nogil=True)
def _shares(indptr, likers, item, liked, weights, inverse):  # type: ignore[no-untyped-def]
    carried = np.zeros(len(inverse), np.float32)
    for place in range(indptr[item], indptr[item + 1]):
        carried += inverse[likers[place]]  # a row, since K is symmetric and columns lie apart
    shares = np.zeros(len(liked), np.float32)
    for row in range(len(liked)):
        if not np.any(liked[row + 1 :] == liked[row]):
            for place in range(indptr[liked[row]], indptr[liked[row] + 1]):
                shares[row] += weights[row] * carried[likers[place]]
    return shares
