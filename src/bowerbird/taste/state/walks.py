"""Random walks with restart over users and items: what lies near a user's taste in the live graph.

The graph is the live state itself: rings of latest likers by item, rings of latest events by user; nothing is
rebuilt for a walk. A walk goes from one of the user's likes to another user who liked it lately, on to an
item that they like, and so on, and returns to the start now and then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bowerbird.data.arrays import DoubleArray, FloatArray, IntArray, IntegerArray
from bowerbird.data.interactions import IS_LIKE
from bowerbird.data.times import decayed
from bowerbird.taste.config import TASTE_CONFIG
from bowerbird.taste.state.user_state import TasteState
from bowerbird.taste.state.walk_kernel import walk_from

# A step goes from item by user to item.
STEPS, STARTS, MIN_STEPS = TASTE_CONFIG.walks.steps, TASTE_CONFIG.walks.starts, TASTE_CONFIG.walks.min_steps


@dataclass(frozen=True)
class WalkResult:
    """C items that a walk visited, the highest score first."""

    items: IntArray  # (C,) int64 positions
    scores: FloatArray  # (C,) float32: (Σ over starts √visits)²
    start: IntArray  # (C,) int64: position of the start that visited it most often
    through: IntArray
    """(C,) int64: position of the item from which that start first reached it; the start itself where it was
    one step away."""
    steps: int  # taken

    def scores_at(self, positions: IntArray) -> FloatArray:
        """Scores of some items, (C,) float32; 0 for those that were not visited."""
        if not len(self.items):
            return np.zeros(len(positions), np.float32)
        order = np.argsort(self.items)
        slot = np.minimum(np.searchsorted(self.items[order], positions), len(order) - 1)
        rows = order[slot]
        scores: FloatArray = np.where(self.items[rows] == positions, self.scores[rows], 0.0)
        return scores

    def way_to(self, position: int) -> tuple[int, int]:
        """The start of the way to a visited item, and the last item before it."""
        row = int(np.flatnonzero(self.items == position)[0])
        return int(self.start[row]), int(self.through[row])


def walk_starts(state: TasteState, half_life_days: Sequence[float]) -> tuple[IntArray, DoubleArray]:
    """Where a user's walk starts: the latest items that they like and have not hidden since, each once.

    Returns positions (S,) and their decayed weights (S,).
    """
    event_weights = decayed(state.history.weights.astype(float), state.last_at - state.at, half_life_days)
    items, item_of_event = np.unique(state.items, return_inverse=True)
    weights: DoubleArray = np.bincount(item_of_event, event_weights, len(items)).astype(
        np.float64, copy=False
    )
    last_event = np.zeros(len(items), np.int64)
    np.maximum.at(last_event, item_of_event, np.arange(len(item_of_event)))
    latest = np.argsort(-last_event)
    starts = latest[weights[latest] > 0][:STARTS]
    return items[starts], weights[starts]


class Walker:
    """Walks over rings. Holds scratch space for N items: one walker for each thread."""

    def __init__(self, n_items: int) -> None:
        self._visits = np.zeros(n_items, np.int32)
        self._scores = np.zeros(n_items, np.float32)
        self._max_visits = np.zeros(n_items, np.int32)
        self._start = np.zeros(n_items, np.int32)
        self._previous_item = np.zeros(n_items, np.int32)
        self._through = np.zeros(n_items, np.int32)
        self._visited = np.zeros(n_items, np.int32)

    def walk(
        self,
        user: int,
        starts: IntArray,
        weights: DoubleArray,
        users: tuple[IntegerArray, IntegerArray, IntegerArray],
        likers: tuple[IntegerArray, IntegerArray],
        steps: int = STEPS,
        seed: int = 0,
    ) -> WalkResult:
        """Walk from S positions with weights (S,) above 0, about `steps` steps in all.

        `user` is the row of the user who asks, whose own likes are passed by (-1 for an unknown one). `users`
        are the rows' `item`, `action` (U, RING) and `count` (U,), `likers` what `Likers.arrays` gives. The
        same arguments take the same walk.
        """
        shares = _steps_by_start(weights, steps)
        walking = shares > 0
        n_visited, n_steps = walk_from(
            *(np.int64(user), starts[walking], shares[walking], np.uint64(seed)),
            *(*users, *likers, IS_LIKE),
            *(self._visits, self._scores, self._max_visits),
            *(self._start, self._previous_item, self._through, self._visited),
        )
        items = self._visited[:n_visited].astype(np.int64)
        scores, start, through = self._scores[items], self._start[items], self._through[items]
        # Only what was touched is reset: clearing N items would cost more than the walk.
        self._scores[items] = 0.0
        self._max_visits[items] = 0
        order = np.lexsort((items, -scores))
        return WalkResult(
            items[order],
            scores[order],
            start[order].astype(np.int64),
            through[order].astype(np.int64),
            int(n_steps),
        )


def _steps_by_start(weights: DoubleArray, steps: int) -> IntArray:
    """Each start's share of the steps, (S,) int64; 0 for those that would get too few to be of use."""
    total = float(weights.sum())
    if total <= 0:
        return np.zeros(len(weights), np.int64)
    shares = steps * weights / total
    shares = np.where(shares >= min(MIN_STEPS, shares.max()), shares, 0.0)
    rounded: IntArray = np.floor(shares * steps / shares.sum()).astype(np.int64)
    return rounded
