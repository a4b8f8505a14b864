"""Popularity: how often the assistants of the dialogues recommended an item."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from bowerbird.conversations.contexts import ConversationContext, DialogueExample
from bowerbird.conversations.sources.arrays import load_arrays, pad_rows
from bowerbird.data.arrays import FloatArray


class PopularitySource:
    """The logarithm of one plus the number of recommendations; the same for every conversation."""

    name = "popularity"

    def __init__(self, n_items: int) -> None:
        self.counts = np.zeros(n_items, np.float32)

    def fit(self, examples: Sequence[DialogueExample]) -> None:
        """Learn from training examples."""
        targets = np.array([item for example in examples for item in example.targets], np.int64)
        self.counts = np.bincount(targets, minlength=len(self.counts)).astype(np.float32)

    def scores(self, contexts: Sequence[ConversationContext]) -> FloatArray:
        """Score all items for each context, (contexts, items) float32."""
        return np.tile(np.log1p(self.counts), (len(contexts), 1))

    def save(self, folder: Path) -> None:
        """Write into a folder."""
        np.savez(folder / "counts.npz", counts=self.counts)

    def load(self, folder: Path) -> None:
        """Read what `save` wrote."""
        self.counts = pad_rows(load_arrays(folder / "counts.npz")["counts"], len(self.counts))
