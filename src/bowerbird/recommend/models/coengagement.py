"""Co-engagement: ridge regression of each item's likes on those of all others, solved over users.

The model is EASE (Steck, WWW 2019): scores h·B with B = I − P·diag(1/diag P), P = (XᵀX + λI)⁻¹, where X
(users × items) holds the likes. Here P is never formed: by the Woodbury identity P = (I − Xᵀ K X) / λ
with K = (λI + XXᵀ)⁻¹, a matrix over users instead of items. A thousand users cost a thousand-square inverse
however many items there are, and the scores of a history are two sparse products.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import scipy.sparse as sparse
from numba import njit

from bowerbird.data.arrays import FloatArray, IntArray, RealArray
from bowerbird.data.interactions import Interactions
from bowerbird.recommend.models.config import CoEngagementConfig

BLOCK = 4096  # items processed together: 64 MB for 4,000 users


@dataclass(frozen=True)
class CoEngagement:
    """Fitted on P users and n items."""

    likes: Any  # sparse (P, n) float32
    inverse: FloatArray  # (P, P): K
    diagonal: FloatArray  # (n,): diag P
    ridge: float  # λ

    @classmethod
    def fit(cls, events: Interactions, config: CoEngagementConfig | None = None) -> CoEngagement:
        """Fit on liked events; an item liked twice counts once.

        EASE (Steck, WWW 2019) by the Woodbury identity over the most active users.
        """
        config = config or CoEngagementConfig()
        ridge = config.ridge
        likes = like_matrix(events)
        counts = np.asarray(likes.sum(axis=1)).ravel()
        users = np.sort(np.argsort(-counts, kind="stable")[: config.max_users])
        likes = likes[users[counts[users] > 0]]
        gram = (likes @ likes.T).toarray().astype(np.float64)
        inverse = np.linalg.inv(gram + ridge * np.eye(len(gram))).astype(np.float32)
        # diag(Xᵀ K X): for each item the sum of K over the pairs of users who both liked it.
        carried = np.zeros(likes.shape[1])
        columns = likes.tocsc()
        for start in range(0, likes.shape[1], BLOCK):
            block = columns[:, start : start + BLOCK]
            carried[start : start + BLOCK] = np.asarray(
                block.multiply((block.T @ inverse).T).sum(axis=0)
            ).ravel()
        return cls(likes.tocsr(), inverse, ((1.0 - carried) / ridge).astype(np.float32), ridge)

    @cached_property
    def likers(self) -> Any:
        """Users who like each item, sparse (n, P) float32: transposed once, not for every request."""
        return self.likes.T.tocsr()

    @cached_property
    def warm(self) -> tuple[IntArray, Any]:
        """Positions of the items with at least one like, (W,), and their likers, sparse (W, P) float32."""
        positions = np.flatnonzero(np.diff(self.likers.indptr))
        return positions, self.likers[positions]

    @cached_property
    def scale(self) -> FloatArray:
        """λ diag P, (n,) float32."""
        return self.ridge * self.diagonal

    def user_weights(self, items: IntArray, weights: RealArray) -> FloatArray:
        """Weight each fitted user by a history of items (H,) and weights (H,), (P,) float32: h Xᵀ K.

        Reads only the rows of K that belong to users who like one of the items.
        """
        likers = self.likers
        return _user_weights(likers.indptr, likers.indices, items, weights, self.inverse)  # type: ignore[no-any-return]

    def scores_of(self, items: IntArray, weights: RealArray) -> FloatArray:
        """Score all items for one history: distinct items and weights, (H,), (H,) -> (n,) float32."""
        scores: FloatArray = self.likers @ self.user_weights(items, weights)
        scores /= self.scale
        scores[items] += weights - weights / self.scale[items]
        return scores

    def common_likers(self, item: int, other_item: int) -> int:
        """Count the users among the fitted ones who like both items."""
        likers = self.likers
        likers_of_item, likers_of_other = (
            likers.indices[likers.indptr[position] : likers.indptr[position + 1]]
            for position in (item, other_item)
        )
        return len(np.intersect1d(likers_of_item, likers_of_other, assume_unique=True))

    def shares_of(self, item: int, liked: IntArray, weights: RealArray) -> FloatArray:
        """Attribute the score of an item outside the history to its likes (L,), weighted (L,): (L,) float32.

        Of h·Xᵀ K X / (λ diag P) at the item: a like's own row of X, times K summed over the item's likers. Of
        an item that is liked twice the last weight counts.
        """
        likers = self.likers
        shares = _shares(likers.indptr, likers.indices, item, liked, weights, self.inverse)
        return shares / self.scale[item]  # type: ignore[no-any-return]

    def scores(self, histories: Any) -> FloatArray:
        """Score all items for B histories, weighted or not: sparse (B, n) -> (B, n) float32."""
        histories_f32 = histories.astype(np.float32)
        user_weights = (histories_f32 @ self.likers).toarray() @ self.inverse  # (B, P)
        back = (self.likers @ user_weights.T).T  # (B, n): h Xᵀ K X
        dense = histories_f32.toarray()
        scores: FloatArray = dense - (dense - back) / self.scale
        return scores


def last_of_each(items: IntArray, weights: RealArray) -> tuple[IntArray, RealArray]:
    """Deduplicate items, each with its last weight."""
    distinct, last = np.unique(items[::-1], return_index=True)
    return distinct, weights[::-1][last]


def like_matrix(events: Interactions) -> Any:
    """Build the matrix of likes, sparse (users, items) float32 of ones."""
    liked = events.liked()
    return _ones_at(liked.user, liked.item, (len(events.users), events.n_items))


def history_matrix(items: list[IntArray], n_items: int, weights: list[RealArray] | None = None) -> Any:
    """Build a sparse (B, n_items) float32 matrix of ones, or of weights, from B lists of positions.

    Of an item that occurs twice the last weight counts.
    """
    rows = np.repeat(np.arange(len(items)), [len(row_items) for row_items in items])
    columns = np.concatenate(items) if items else np.zeros(0, np.int64)
    if weights is None:
        return _ones_at(rows, columns, (len(items), n_items))
    values = np.concatenate(weights) if weights else np.zeros(0, np.float32)
    _, last = np.unique((rows * n_items + columns)[::-1], return_index=True)
    last_entries = len(rows) - 1 - last
    return sparse.csr_matrix(
        (values[last_entries].astype(np.float32), (rows[last_entries], columns[last_entries])),
        shape=(len(items), n_items),
    )


def _ones_at(rows: IntArray, columns: IntArray, shape: tuple[int, int]) -> Any:
    """Build a sparse float32 matrix that is 1 at the given cells, however often a cell is named."""
    matrix = sparse.csr_matrix((np.ones(len(rows), np.float32), (rows, columns)), shape=shape)
    matrix.data[:] = 1.0  # repeats were summed
    return matrix


@njit(cache=True, nogil=True)
def _user_weights(indptr, likers, items, weights, inverse):  # type: ignore[no-untyped-def]
    n_users = len(inverse)
    like_weights = np.zeros(n_users, np.float32)  # the summed weight of the items that each user likes
    for row in range(len(items)):
        for entry in range(indptr[items[row]], indptr[items[row] + 1]):
            like_weights[likers[entry]] += weights[row]
    user_weights = np.zeros(n_users, np.float32)
    for user in range(n_users):
        if like_weights[user] != 0:
            user_weights += like_weights[user] * inverse[user]
    return user_weights


@njit(cache=True, nogil=True)
def _shares(indptr, likers, item, liked, weights, inverse):  # type: ignore[no-untyped-def]
    inverse_sum = np.zeros(len(inverse), np.float32)
    for entry in range(indptr[item], indptr[item + 1]):
        inverse_sum += inverse[likers[entry]]  # a row, since K is symmetric and columns lie apart
    shares = np.zeros(len(liked), np.float32)
    for row in range(len(liked)):
        if not np.any(liked[row + 1 :] == liked[row]):
            for entry in range(indptr[liked[row]], indptr[liked[row] + 1]):
                shares[row] += weights[row] * inverse_sum[likers[entry]]
    return shares
