"""Random walks with restart over people and items: what lies near a person's taste in the live graph.

After Pixie (Eksombatchai et al., WWW 2018): from one of the person's likes to somebody who liked it lately,
on to something that they like, and so on, back to the start now and then. Each start walks its share of the
steps; an item that several starts reach counts more than their sum, (Σ_q √visits_q)². The graph is the live
state itself: rings of latest likers by item, rings of latest events by person; nothing is rebuilt for a walk.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numba import njit

from bowerbird.taste.state.likers import LIKED
from bowerbird.taste.state.user_state import TasteState, decayed

STEPS = 10_000
STARTS = 32
"""Latest liked items from which a person's walk starts."""
RESTART = 0.5
"""Chance to go back to the start after each step. A step goes from an item by a person to an item."""
LEAST_STEPS = 20  # of a start; starts with a smaller share do not walk
LANES = 32  # walks of one start that go side by side


@dataclass(frozen=True)
class Walked:
    """What a walk met, C items, the most visited first."""

    items: np.ndarray  # (C,) int64 positions
    scores: np.ndarray  # (C,) float32: (Σ over starts √visits)²
    start: np.ndarray  # (C,) int64: position of the start that came most often
    through: np.ndarray
    """(C,) int64: position of the item from which it was first reached from there; the start itself where it
    was one step away."""
    steps: int  # taken

    def scores_at(self, positions: np.ndarray) -> np.ndarray:
        """Scores of some items, (C,) float32; 0 for those that it did not meet."""
        if not len(self.items):
            return np.zeros(len(positions), np.float32)
        order = np.argsort(self.items)
        place = np.minimum(np.searchsorted(self.items[order], positions), len(order) - 1)
        found = order[place]
        scores: np.ndarray = np.where(self.items[found] == positions, self.scores[found], 0.0)
        return scores

    def way_to(self, position: int) -> tuple[int, int]:
        """Where the way to an item that it met began, and by which item it came there last."""
        row = int(np.flatnonzero(self.items == position)[0])
        return int(self.start[row]), int(self.through[row])


def starts_of(state: TasteState, half_life_days: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    """Where a person's walk starts: the latest items that they like and have not hidden since, each once,
    (S,) positions, and their decayed weights, (S,)."""
    left = decayed(state.history.weights.astype(float), state.last_at - state.at, half_life_days)
    items, place = np.unique(state.items, return_inverse=True)
    weights = np.bincount(place, weights=left, minlength=len(items))
    last = np.zeros(len(items), np.int64)
    np.maximum.at(last, place, np.arange(len(place)))
    latest = np.argsort(-last)
    kept = latest[weights[latest] > 0][:STARTS]
    return items[kept], weights[kept]


class Walker:
    """Walks over some rings. Holds scratch space for N items: one for each thread."""

    def __init__(self, n_items: int) -> None:
        self._visits = np.zeros(n_items, np.int32)
        self._score = np.zeros(n_items, np.float32)
        self._most = np.zeros(n_items, np.int32)
        self._start = np.zeros(n_items, np.int32)
        self._first = np.zeros(n_items, np.int32)
        self._through = np.zeros(n_items, np.int32)
        self._met = np.zeros(n_items, np.int32)

    def walk(
        self,
        person: int,
        starts: np.ndarray,
        weights: np.ndarray,
        people: tuple[np.ndarray, np.ndarray, np.ndarray],
        likers: tuple[np.ndarray, np.ndarray],
        steps: int = STEPS,
        seed: int = 0,
    ) -> Walked:
        """Walk from S positions with weights (S,) above 0, about `steps` steps in all.

        `person` is the row of whom it is for, whose own likes are passed by (-1 for nobody's); `people` are
        the rows' `item`, `action` (P, RING) and `count` (P,), `likers` what `Likers.arrays` gives. The same
        arguments take the same walk.
        """
        shares = _steps_of(weights, steps)
        chosen = shares > 0
        met, taken = walk_from(
            *(np.int64(person), starts[chosen], shares[chosen], np.uint64(seed)),
            *(*people, *likers, LIKED),
            *(self._visits, self._score, self._most, self._start, self._first, self._through, self._met),
        )
        items = self._met[:met].astype(np.int64)
        scores, start, through = (one[items].copy() for one in (self._score, self._start, self._through))
        self._score[items] = 0.0
        self._most[items] = 0
        order = np.lexsort((items, -scores))
        return Walked(
            items[order],
            scores[order],
            start[order].astype(np.int64),
            through[order].astype(np.int64),
            int(taken),
        )


def _steps_of(weights: np.ndarray, steps: int) -> np.ndarray:
    """Each start's share of the steps, (S,) int64; 0 for those that would get too few to say anything."""
    total = float(weights.sum())
    if total <= 0:
        return np.zeros(len(weights), np.int64)
    shares = steps * weights / total
    kept = np.where(shares >= min(LEAST_STEPS, shares.max()), shares, 0.0)
    found: np.ndarray = np.floor(kept * steps / kept.sum()).astype(np.int64)
    return found


@njit(cache=True, nogil=True)
def walk_from(  # type: ignore[no-untyped-def]
    asking, starts, shares, seed, item, action, count, liker, likers, liked,
    visits, score, most, start_of, first, through, met,
):  # fmt: skip
    """Walk from each start in turn; gives how many items were met and how many steps were taken.

    `visits` and `score` are zeros before; afterwards `met` names the items, and `visits` is zeros again.
    """
    state = _scrambled(seed)
    n_met, taken = 0, 0
    here, after = np.empty(LANES, np.int64), np.empty(LANES, np.int64)
    person = np.empty(LANES, np.int64)
    for s in range(len(starts)):
        start = starts[s]
        if likers[start] == 0 or (likers[start] == 1 and liker[start, 0] == asking):
            continue  # nobody else likes it: it leads nowhere
        n_here = 0
        fresh = np.empty(min(shares[s], len(visits)), np.int32)  # items that this start has met
        here[:] = start
        for done in range(0, shares[s], LANES):
            lanes = min(LANES, shares[s] - done)
            state = _step(
                state, lanes, here, after, person, asking, item, action, count, liker, likers, liked
            )
            taken += lanes
            for lane in range(lanes):
                i = after[lane]
                if i < 0:
                    continue  # where it stands, once more
                if visits[i] == 0:
                    fresh[n_here], first[i] = i, here[lane]
                    n_here += 1
                visits[i] += 1
                state, drawn = _draw(state, 1 << 16)
                here[lane] = start if drawn < RESTART * (1 << 16) else i
        for k in range(n_here):
            i = fresh[k]
            if score[i] == 0.0:
                met[n_met] = i
                n_met += 1
            score[i] += np.sqrt(np.float32(visits[i]))
            if visits[i] > most[i]:
                most[i], start_of[i], through[i] = visits[i], start, first[i]
            visits[i] = 0
    for k in range(n_met):
        score[met[k]] *= score[met[k]]
    return n_met, taken


@njit(cache=True, nogil=True)
def _step(state, lanes, here, after, person, asking, item, action, count, liker, likers, liked):  # type: ignore[no-untyped-def]
    """One step of each lane: from an item by somebody who liked it to something that they did with another.

    Where that says nothing (the person asking, no like) `after` is -1. Lane beside lane, because each load
    from memory waits for the one before in its own lane, and for none in the others.
    """
    for lane in range(lanes):
        state, drawn = _draw(state, likers[here[lane]])
        person[lane] = liker[here[lane], drawn]
    for lane in range(lanes):
        state, after[lane] = _draw(state, count[person[lane]])
    for lane in range(lanes):
        who, drawn = person[lane], after[lane]
        told = who != asking and count[who] > 0 and liked[action[who, drawn]]
        after[lane] = item[who, drawn] if told else -1
    return state


@njit(cache=True, nogil=True)
def _scrambled(seed):  # type: ignore[no-untyped-def]
    """A state other than 0 whose bits are mixed (splitmix64's finaliser), so that first draws are good."""
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
