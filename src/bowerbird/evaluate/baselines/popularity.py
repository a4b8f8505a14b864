"""Popularity: the most liked items, the same for every user. The floor that any ranker must beat."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from bowerbird.data.arrays import FloatArray
from bowerbird.data.interactions import Interactions
from bowerbird.data.times import DecayedPopularity
from bowerbird.evaluate.baselines.scoring import MatrixRanker, count_likers


class Popularity(MatrixRanker):
    """Ranks by the number of users who liked an item."""

    name = "popularity"

    def learn(self, likes: Any, liked: Interactions) -> None:
        """Count the users who like each item."""
        self._score = count_likers(liked).astype(np.float32)

    def score(self, histories: Any) -> FloatArray:
        """Give every user the same scores."""
        return np.tile(self._score, (histories.shape[0], 1))


class RecentPopularity(Popularity):
    """Popularity in which a like loses half its weight every `half_life_days`, counted from the last like."""

    name = "recent popularity"

    def __init__(self, half_life_days: float = 30.0) -> None:
        self.half_life_days = half_life_days

    @property
    def settings(self) -> Mapping[str, Any]:
        """The half-life, in days."""
        return {"half_life_days": self.half_life_days}

    def learn(self, likes: Any, liked: Interactions) -> None:
        """Sum decayed likes."""
        popularity = DecayedPopularity(liked.n_items, self.half_life_days)
        popularity.observe(liked.item, liked.at)
        self._score = popularity.counts.astype(np.float32)
