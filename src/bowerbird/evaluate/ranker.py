"""What every recommender that is judged can do: ours, and each baseline beside it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from bowerbird.data.interactions import History, Interactions


class Ranker(Protocol):
    """Learns from training events, then ranks the whole catalogue for people known by their history only."""

    name: str

    def fit(self, events: Interactions) -> None:
        """Learn from the training events (and nothing else)."""
        ...

    def rank(self, histories: Sequence[History], n: int) -> np.ndarray:
        """The best `n` items for each history: positions (B, n) int64, best first.

        Never an item of the history itself; filled with -1 where fewer than `n` are left.
        """
        ...
