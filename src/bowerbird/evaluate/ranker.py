"""What every recommender under test can do: bowerbird's own and each baseline."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from bowerbird.data.arrays import IntArray
from bowerbird.data.interactions import History, Interactions


class Ranker(Protocol):
    """Learns from training events, then ranks the whole catalogue for users known by their history only."""

    name: str

    def fit(self, events: Interactions) -> None:
        """Learn from the training events (and nothing else)."""
        ...

    def rank(self, histories: Sequence[History], n: int) -> IntArray:
        """Rank the best `n` items for each history: positions (B, n) int64, best first.

        Never an item of the history itself; filled with -1 where fewer than `n` items remain.
        """
        ...
