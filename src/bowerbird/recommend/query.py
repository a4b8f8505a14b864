"""One user's request for a list: what they liked, when they ask, and which items they may get."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from bowerbird.data.arrays import BoolArray, FloatArray
from bowerbird.data.interactions import History
from bowerbird.data.times import decayed
from bowerbird.recommend.context import SourceContext
from bowerbird.taste.state.user_state import TasteState

T = TypeVar("T")


class Query:
    """A user at a moment. Sources keep what they computed for it in `once`, so that nothing is done twice."""

    def __init__(self, state: TasteState, eligible: BoolArray, context: SourceContext) -> None:
        """`eligible` (n,) bool names the items that may be answered; items seen must not be among them."""
        self.state = state
        self.eligible = eligible
        self.liked = state.history.liked()
        self.weights = recency_weights(len(self.liked))
        """Of the likes by their order, (L,) float32."""
        self.recent = latest(self.liked, context.config.query.recent)
        """The latest liked items, each once, oldest first; R of them."""
        self.recent_weights = decay_weights(self.recent, context.config.query.half_life)
        self.at = int(state.at[-1]) if len(self.liked) else context.popularity.end
        """When the user asks, microseconds: right after their last event, or now, if they like nothing yet.
        """
        self._memo: dict[str, Any] = {}

    @property
    def is_cold_start(self) -> bool:
        """Whether the user likes nothing yet."""
        return not len(self.liked)

    def once(self, key: str, compute: Callable[[], T]) -> T:
        """Compute something the first time that it is asked for under a key."""
        if key not in self._memo:
            self._memo[key] = compute()
        value: T = self._memo[key]
        return value

    def remember(self, key: str, value: object) -> None:
        """Keep what was computed for many queries together, for `once`."""
        self._memo[key] = value


def recency_weights(count: int) -> FloatArray:
    """Weigh a user's likes by their order, √(k/count) for the k-th, so that late ones count more.

    >>> recency_weights(4).round(2).tolist()
    [0.5, 0.7099999785423279, 0.8700000047683716, 1.0]
    """
    weights: FloatArray = np.sqrt(np.arange(1, count + 1, dtype=np.float32) / max(count, 1))
    return weights


def decay_weights(recent: History, half_life_days: float) -> FloatArray:
    """Weigh recent likes by action and age before the last of them, summing to 1, (R,) float32."""
    if not len(recent):
        return np.zeros(0, np.float32)
    weights = decayed(recent.weights, recent.at[-1] - recent.at, [half_life_days])
    shares: FloatArray = (weights / max(float(weights.sum()), 1e-9)).astype(np.float32)
    return shares


def latest(liked: History, count: int) -> History:
    """Give the latest `count` liked items, each once, oldest first."""
    _, first = np.unique(liked.items[::-1], return_index=True)
    rows = np.sort(len(liked) - 1 - first)[-count:]
    return liked.where(rows)
