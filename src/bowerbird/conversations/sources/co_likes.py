"""Items liked by the same users: EASE (Steck, WWW 2019) over the likes of the store's events.

It reaches items that no dialogue names. Its weights are sums over all users; it holds no user's rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy import sparse

from bowerbird.conversations.contexts import ConversationContext, DialogueExample
from bowerbird.conversations.sources.arrays import load_arrays, mention_rows
from bowerbird.conversations.sources.co_mentions import DECAY, DISLIKE, ease_weights
from bowerbird.data.arrays import FloatArray
from bowerbird.data.interactions import Interactions

L2 = 200.0
MAX_ITEMS = 6000
"""Items with weights: the most liked ones; the matrix is dense."""


class CoLikeSource:
    """Sums the item-to-item weights of the named items; learned from events, not from dialogues."""

    name = "co-likes"

    def __init__(self, n_items: int, events: Interactions | None = None) -> None:
        """`events` of the store; without any it says nothing until it is loaded."""
        self._n_items = n_items
        self._items = np.zeros(0, np.int64)
        self._weights = np.zeros((0, 0), np.float32)
        if events is not None and len(events):
            self._learn(events.liked())

    def _learn(self, likes: Interactions) -> None:
        shape = (len(likes.users), self._n_items)
        pairs = sparse.csr_matrix((np.ones(len(likes), np.float32), (likes.user, likes.item)), shape)
        pairs.data[:] = 1  # a repeated like counts once
        counts = np.asarray(pairs.sum(axis=0)).ravel()
        most_liked = np.argsort(-counts, kind="stable")[:MAX_ITEMS]
        self._items = np.sort(most_liked[counts[most_liked] > 0])
        self._weights = ease_weights(pairs[:, self._items], L2)

    def fit(self, examples: Sequence[DialogueExample]) -> None:
        """Learn nothing: the events were learned when it was made."""

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
