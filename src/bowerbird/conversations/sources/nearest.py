"""Nearest training contexts: what assistants recommended where the conversation had similar words."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy import sparse

from bowerbird.conversations.contexts import ConversationContext, DialogueExample
from bowerbird.conversations.sources.arrays import load_arrays
from bowerbird.conversations.text_index import WordIndex
from bowerbird.data.arrays import FloatArray
from bowerbird.errors import StoreError

NEIGHBOURS = 100
LAST_TURNS = 6
"""Turns of a context that are compared."""
BLOCK = 256  # contexts compared at once


class NearestContextSource:
    """Votes of the nearest contexts by TF-IDF cosine, each weighing its squared similarity."""

    name = "nearest-contexts"

    def __init__(self, n_items: int) -> None:
        self._n_items = n_items
        self._words = WordIndex([], [])
        self._contexts = sparse.csr_matrix((0, 0), dtype=np.float32)
        self._targets = sparse.csr_matrix((0, n_items), dtype=np.float32)

    def fit(self, examples: Sequence[DialogueExample]) -> None:
        """Learn from training examples."""
        with_text = [example for example in examples if example.context.turns]
        texts = [_last_words(example.context) for example in with_text]
        self._words = WordIndex.of(texts)
        self._contexts = self._words.tf_idf(texts)
        sizes = [len(example.targets) for example in with_text]
        rows = np.repeat(np.arange(len(with_text)), sizes)
        columns = np.array([item for example in with_text for item in example.targets], np.int64)
        votes = np.repeat(1 / np.maximum(sizes, 1), sizes).astype(np.float32)
        self._targets = sparse.csr_matrix((votes, (rows, columns)), (len(with_text), self._n_items))

    def scores(self, contexts: Sequence[ConversationContext]) -> FloatArray:
        """Score all items for each context, (contexts, items) float32."""
        scores = np.zeros((len(contexts), self._n_items), np.float32)
        for start in range(0, len(contexts), BLOCK):
            part = contexts[start : start + BLOCK]
            rows = self._words.tf_idf([_last_words(context) for context in part])
            similarity = (rows @ self._contexts.T).toarray()
            scores[start : start + len(part)] = (_nearest(similarity) @ self._targets).toarray()
        return scores

    def save(self, folder: Path) -> None:
        """Write into a folder."""
        self._words.save(folder)
        sparse.save_npz(folder / "contexts.npz", self._contexts)
        sparse.save_npz(folder / "targets.npz", self._targets)

    def load(self, folder: Path) -> None:
        """Read what `save` wrote."""
        self._words = WordIndex.load(folder)
        for name in ("contexts", "targets"):
            load_arrays(folder / f"{name}.npz")  # a clear error where the file is broken
        try:
            self._contexts = sparse.load_npz(folder / "contexts.npz")
            self._targets = sparse.load_npz(folder / "targets.npz")
            self._targets.resize(self._targets.shape[0], self._n_items)  # items that came after the training
        except (OSError, ValueError) as error:
            raise StoreError(f"{folder} can't be read ({error}): run `bowerbird graft` again") from None


def _last_words(context: ConversationContext) -> str:
    return " ".join(turn.text for turn in context.turns[-LAST_TURNS:])


def _nearest(similarity: FloatArray) -> sparse.csr_matrix:
    """Squared similarities of the nearest contexts only, (contexts, training contexts)."""
    n = min(NEIGHBOURS, similarity.shape[1])
    if not n:
        return sparse.csr_matrix(similarity.shape, dtype=np.float32)
    columns = np.argpartition(-similarity, n - 1, axis=1)[:, :n]
    values = np.take_along_axis(similarity, columns, axis=1) ** 2
    rows = np.repeat(np.arange(len(similarity)), n)
    return sparse.csr_matrix((values.ravel(), (rows, columns.ravel())), similarity.shape)
