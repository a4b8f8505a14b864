"""The user's own words against the items' texts: genres, actors, descriptions; finds items nobody named."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from bowerbird.conversations.contexts import ConversationContext, DialogueExample
from bowerbird.conversations.text_index import WordIndex
from bowerbird.data.arrays import FloatArray
from bowerbird.data.dialogues import Role

USER_TURNS = 3
"""Last turns of the user that are compared."""


class RequestTextSource:
    """TF-IDF cosine of the user's last turns to each item's text; nothing is learned."""

    name = "request-text"

    def __init__(self, item_texts: Sequence[str]) -> None:
        self._words = WordIndex.of(item_texts, min_texts=2)
        self._items = self._words.tf_idf(item_texts).T.tocsr()

    def fit(self, examples: Sequence[DialogueExample]) -> None:
        """Learn nothing: the items' texts are all it needs."""

    def scores(self, contexts: Sequence[ConversationContext]) -> FloatArray:
        """Score all items for each context, (contexts, items) float32."""
        texts = [
            " ".join([turn.text for turn in context.turns if turn.role is Role.USER][-USER_TURNS:])
            for context in contexts
        ]
        scores: FloatArray = (self._words.tf_idf(texts) @ self._items).toarray()
        return scores.astype(np.float32, copy=False)

    def save(self, folder: Path) -> None:
        """Write nothing: it is made again from the catalogue."""

    def load(self, folder: Path) -> None:
        """Read nothing."""
