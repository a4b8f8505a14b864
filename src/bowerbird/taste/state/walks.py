"""Random walks with restart over users and items: what lies near a user's taste in the live graph.

The graph is the live state itself: rings of latest likers by item, rings of latest events by user; nothing is
rebuilt for a walk. A walk goes from one of the user's likes to another user who liked it lately, on to an
item that they like, and so on, and returns to the start now and then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numba import njit

from bowerbird.data.arrays import DoubleArray, FloatArray, IntArray, IntegerArray
from bowerbird.data.interactions import IS_LIKE
from bowerbird.data.times import decayed
from bowerbird.taste.config import TASTE_CONFIG
from bowerbird.taste.state.user_state import TasteState

STEPS, STARTS = TASTE_CONFIG.walks.steps, TASTE_CONFIG.walks.starts
# Names of the module, since compiled code takes them as constants. A step goes from item by user to item.
RESTART, MIN_STEPS = TASTE_CONFIG.walks.restart, TASTE_CONFIG.walks.min_steps
LANES = 32  # walks of one start that advance side by side


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


@njit(cache=True, nogil=True)
def walk_from(  # type: ignore[no-untyped-def]
    asking, starts, shares, seed, item, action, count, liker, likers, is_like,
    visits, scores, max_visits, start_of, previous_item, through, visited,
):  # fmt: skip
    """Walk from each start in turn; return how many items were visited and how many steps were taken.

    After Pixie (Eksombatchai et al., "Pixie: A System for Recommending 3+ Billion Items to 200+ Million Users
    in Real-Time", WWW 2018): each start q walks its share of the steps; an item that several starts reach
    counts more than their sum, (Σ_q √visits_q)².

    `visits`, `scores` and `max_visits` (items,) are zeros before; afterwards `visited` lists the items, and
    `visits` is zeros again.
    """
    state = _scramble(seed)
    n_visited, n_steps = 0, 0
    current, after = np.empty(LANES, np.int64), np.empty(LANES, np.int64)
    user = np.empty(LANES, np.int64)
    for s in range(len(starts)):
        start = starts[s]
        if likers[start] == 0 or (likers[start] == 1 and liker[start, 0] == asking):
            continue  # liked by no other user: it leads nowhere
        n_from_start = 0
        from_start = np.empty(min(shares[s], len(visits)), np.int32)  # items that this start has visited
        current[:] = start
        for n_done in range(0, shares[s], LANES):
            lanes = min(LANES, shares[s] - n_done)
            state = _step(
                state, lanes, current, after, user, asking, item, action, count, liker, likers, is_like
            )
            n_steps += lanes
            for lane in range(lanes):
                i = after[lane]
                if i < 0:
                    continue  # no step: the lane stays where it is
                if visits[i] == 0:
                    from_start[n_from_start], previous_item[i] = i, current[lane]
                    n_from_start += 1
                visits[i] += 1
                state, number = _draw(state, 1 << 16)
                current[lane] = start if number < RESTART * (1 << 16) else i
        for k in range(n_from_start):  # add √visits of this start to the scores, and reset its counts
            i = from_start[k]
            if scores[i] == 0.0:
                visited[n_visited] = i
                n_visited += 1
            scores[i] += np.sqrt(np.float32(visits[i]))
            if visits[i] > max_visits[i]:
                max_visits[i], start_of[i], through[i] = visits[i], start, previous_item[i]
            visits[i] = 0
    for k in range(n_visited):
        scores[visited[k]] *= scores[visited[k]]
    return n_visited, n_steps


@njit(cache=True, nogil=True)
def _step(state, lanes, current, after, user, asking, item, action, count, liker, likers, is_like):  # type: ignore[no-untyped-def]
    """One step of each lane: from an item by a user who liked it to an item of one of their events.

    `after` is -1 where that is not a step (the asking user, not a like). The lanes advance side by side,
    because each load from memory waits for the one before in its own lane, and for none in the others.
    """
    for lane in range(lanes):
        state, number = _draw(state, likers[current[lane]])
        user[lane] = liker[current[lane], number]
    for lane in range(lanes):
        state, after[lane] = _draw(state, count[user[lane]])
    for lane in range(lanes):
        row, event = user[lane], after[lane]
        is_step = row != asking and count[row] > 0 and is_like[action[row, event]]
        after[lane] = item[row, event] if is_step else -1
    return state


@njit(cache=True, nogil=True)
def _scramble(seed):  # type: ignore[no-untyped-def]
    """A state other than 0 with mixed bits, so that first draws are good.

    By the finaliser of splitmix64 (Steele, Lea & Flood, "Fast Splittable Pseudorandom Number Generators",
    OOPSLA 2014).
    """
    x = seed + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return (x ^ (x >> np.uint64(31))) | np.uint64(1)


@njit(cache=True, nogil=True)
def _draw(state, below):  # type: ignore[no-untyped-def]
    """The next state of a xorshift generator (Marsaglia, 2003) and a number from 0 to below `below`."""
    state ^= state << np.uint64(13)
    state ^= state >> np.uint64(7)
    state ^= state << np.uint64(17)
    return state, np.int64(((state >> np.uint64(32)) * np.uint64(below)) >> np.uint64(32))
