"""Item-to-item weights of sets of items, summed over the items that a conversation names.

EASE (Steck, "Embarrassingly Shallow Autoencoders for Sparse Data", WWW 2019) for the most frequent items.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy import linalg, sparse

from bowerbird.conversations.contexts import ConversationContext
from bowerbird.conversations.sources.arrays import load_arrays, mention_rows
from bowerbird.data.arrays import FloatArray

WEIGHTS_FILE = "weights.npz"
DECAY = 0.85
"""Weight of a named item for each other item that was named after it."""
DISLIKE = -0.3
"""Weight of a disliked item."""


class ItemWeights:
    """Weights between items; without any until it is fitted or loaded."""

    def __init__(self, n_items: int) -> None:
        self._n_items = n_items
        self._items = np.zeros(0, np.int64)
        self._weights = np.zeros((0, 0), np.float32)

    def fit(self, sets: sparse.csr_matrix, l2: float, max_items: int) -> None:
        """Learn from sets (sets, items) of ones; the `max_items` most frequent items get (dense) weights."""
        counts = np.asarray(sets.sum(axis=0)).ravel()
        most_frequent = np.argsort(-counts, kind="stable")[:max_items]
        self._items = np.sort(most_frequent[counts[most_frequent] > 0])
        self._weights = ease_weights(sets[:, self._items], l2)

    def scores(self, contexts: Sequence[ConversationContext]) -> FloatArray:
        """Sum the weights of the named items, (contexts, items) float32."""
        scores = np.zeros((len(contexts), self._n_items), np.float32)
        if len(self._items):
            rows = mention_rows(contexts, self._n_items, DECAY, DISLIKE)
            scores[:, self._items] = rows[:, self._items] @ self._weights
        return scores

    def save(self, folder: Path) -> None:
        """Write the weights, as float16."""
        np.savez(folder / WEIGHTS_FILE, items=self._items, weights=self._weights.astype(np.float16))

    def load(self, folder: Path) -> None:
        """Read what `save` wrote. Raises `StoreError` where it is missing or broken."""
        arrays = load_arrays(folder / WEIGHTS_FILE)
        self._items, self._weights = arrays["items"], arrays["weights"].astype(np.float32)


def ease_weights(sets: sparse.csr_matrix, l2: float) -> FloatArray:
    """Item-to-item weights, (items, items) with a zero diagonal, of sets (sets, items) of ones."""
    gram = (sets.T @ sets).toarray().astype(np.float32)
    if not len(gram):
        return np.zeros((0, 0), np.float32)
    gram[np.diag_indices_from(gram)] += l2
    inverse = linalg.inv(gram, overwrite_a=True, check_finite=False)
    weights: FloatArray = inverse / -np.diag(inverse)
    np.fill_diagonal(weights, 0.0)
    return weights
