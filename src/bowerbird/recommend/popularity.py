"""How much everybody likes an item: over all time, and lately."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from bowerbird.data.interactions import Interactions
from bowerbird.taste.state import DAY

TREND_SHARE = 0.1  # half-life of the trend, as a share of the log's whole span


@dataclass(frozen=True)
class Popularity:
    """Counts of likes: (items,) float32 each."""

    total: np.ndarray
    recent: np.ndarray

    @cached_property
    def now(self) -> np.ndarray:
        """What is liked lately, and, where that says nothing, what was ever liked; (items,) float32."""
        now: np.ndarray = self.recent + 1e-3 * self.total
        return now

    @classmethod
    def of(cls, events: Interactions) -> Popularity:
        liked = events.liked()
        total = np.bincount(liked.item, minlength=events.n_items).astype(np.float32)
        if not len(liked):
            return cls(total, total)
        half_life = max(DAY, (liked.at.max() - liked.at.min()) * TREND_SHARE)
        left = 0.5 ** ((liked.at.max() - liked.at) / half_life)
        return cls(total, np.bincount(liked.item, weights=left, minlength=events.n_items).astype(np.float32))
