"""The contract of a source of scores: learn from examples, score the whole catalogue for contexts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from bowerbird.conversations.contexts import ConversationContext, DialogueExample


class ConversationSource(Protocol):
    """One opinion on which items fit a conversation; the fusion learns how much it weighs.

    A source is fitted twice: on a part of the dialogues, to learn its weight on the others, and then on all.
    """

    @property
    def name(self) -> str:
        """Short and stable: the name of its files and of its row in the evaluation."""

    def fit(self, examples: Sequence[DialogueExample]) -> None:
        """Learn from examples, in place of whatever was learned before."""

    def scores(self, contexts: Sequence[ConversationContext]) -> NDArray[np.float32]:
        """Scores of all items, (contexts, items) float32: higher is better, 0 says nothing.

        Finite everywhere. Items already named are scored too; they are left out later.
        """

    def save(self, folder: Path) -> None:
        """Write what was learned into an empty folder."""

    def load(self, folder: Path) -> None:
        """Read what `save` wrote; the catalogue may have items after those that were trained on.

        Raises `StoreError` where it is missing or broken.
        """
