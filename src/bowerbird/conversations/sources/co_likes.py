"""Items liked by the same users: EASE (Steck, WWW 2019) over the likes of the store's events.

It reaches items that no dialogue names. Its weights are sums over all users; it holds no user's rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy import sparse

from bowerbird.conversations.contexts import ConversationContext, DialogueExample
from bowerbird.conversations.sources.item_weights import ItemWeights
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
        self._n_items, self._weights = n_items, ItemWeights(n_items)
        if events is not None and len(events):
            self._learn(events.liked())

    def _learn(self, likes: Interactions) -> None:
        shape = (len(likes.users), self._n_items)
        pairs = sparse.csr_matrix((np.ones(len(likes), np.float32), (likes.user, likes.item)), shape)
        pairs.data[:] = 1  # a repeated like counts once
        self._weights.fit(pairs, L2, MAX_ITEMS)

    def fit(self, examples: Sequence[DialogueExample]) -> None:
        """Learn nothing: the events were learned when it was made."""

    def scores(self, contexts: Sequence[ConversationContext]) -> FloatArray:
        """Score all items for each context, (contexts, items) float32."""
        return self._weights.scores(contexts)

    def save(self, folder: Path) -> None:
        """Write into a folder."""
        self._weights.save(folder)

    def load(self, folder: Path) -> None:
        """Read what `save` wrote."""
        self._weights.load(folder)
