"""Items named together in dialogues: EASE (Steck, WWW 2019) over the sets of items of each dialogue."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy import linalg, sparse

from bowerbird.conversations.contexts import ConversationContext, DialogueExample, Sentiment
from bowerbird.conversations.sources.arrays import load_arrays, mention_rows
from bowerbird.data.arrays import FloatArray

L2 = 30.0
MAX_ITEMS = 8000
"""Items with weights: the most named ones; the matrix is dense."""
DECAY = 0.85
"""Weight of a named item for each other item that was named after it."""
DISLIKE = -0.3
"""Weight of a disliked item."""


class CoMentionSource:
    """Sums the item-to-item weights of the named items."""

    name = "co-mentions"

    def __init__(self, n_items: int) -> None:
        self._n_items = n_items
        self._items = np.zeros(0, np.int64)
        self._weights = np.zeros((0, 0), np.float32)

    def fit(self, examples: Sequence[DialogueExample]) -> None:
        sets: dict[str, set[int]] = {}
        for example in examples:
            named = {
                mention.item
                for mention in example.context.mentions
                if mention.sentiment is not Sentiment.DISLIKED
            }
            sets.setdefault(example.dialogue_id, set()).update(named, example.targets)
        rows = np.repeat(np.arange(len(sets)), [len(items) for items in sets.values()])
        columns = np.array([item for items in sets.values() for item in sorted(items)], np.int64)
        ones = np.ones(len(columns), np.float32)
        matrix = sparse.csr_matrix((ones, (rows, columns)), (len(sets), self._n_items))
        counts = np.asarray(matrix.sum(axis=0)).ravel()
        most_named = np.argsort(-counts, kind="stable")[:MAX_ITEMS]
        self._items = np.sort(most_named[counts[most_named] > 0])
        self._weights = ease_weights(matrix[:, self._items], L2)

    def scores(self, contexts: Sequence[ConversationContext]) -> FloatArray:
        scores = np.zeros((len(contexts), self._n_items), np.float32)
        if len(self._items):
            rows = mention_rows(contexts, self._n_items, DECAY, DISLIKE)
            scores[:, self._items] = rows[:, self._items] @ self._weights
        return scores

    def save(self, folder: Path) -> None:
        np.savez(folder / "weights.npz", items=self._items, weights=self._weights.astype(np.float16))

    def load(self, folder: Path) -> None:
        arrays = load_arrays(folder / "weights.npz")
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
