"""Items named together in dialogues: EASE (Steck, WWW 2019) over the sets of items of each dialogue."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy import sparse

from bowerbird.conversations.contexts import ConversationContext, DialogueExample, Sentiment
from bowerbird.conversations.sources.item_weights import ItemWeights
from bowerbird.data.arrays import FloatArray

L2 = 30.0
MAX_ITEMS = 8000
"""Items with weights: the most named ones; the matrix is dense."""


class CoMentionSource:
    """Sums the item-to-item weights of the named items."""

    name = "co-mentions"

    def __init__(self, n_items: int) -> None:
        self._n_items, self._weights = n_items, ItemWeights(n_items)

    def fit(self, examples: Sequence[DialogueExample]) -> None:
        """Learn from training examples."""
        sets: dict[str, set[int]] = {}
        for example in examples:
            mentioned = {
                mention.item
                for mention in example.context.mentions
                if mention.sentiment is not Sentiment.DISLIKED
            }
            sets.setdefault(example.dialogue_id, set()).update(mentioned, example.targets)
        rows = np.repeat(np.arange(len(sets)), [len(items) for items in sets.values()])
        columns = np.array([item for items in sets.values() for item in sorted(items)], np.int64)
        ones = np.ones(len(columns), np.float32)
        matrix = sparse.csr_matrix((ones, (rows, columns)), (len(sets), self._n_items))
        self._weights.fit(matrix, L2, MAX_ITEMS)

    def scores(self, contexts: Sequence[ConversationContext]) -> FloatArray:
        """Score all items for each context, (contexts, items) float32."""
        return self._weights.scores(contexts)

    def save(self, folder: Path) -> None:
        """Write into a folder."""
        self._weights.save(folder)

    def load(self, folder: Path) -> None:
        """Read what `save` wrote."""
        self._weights.load(folder)
