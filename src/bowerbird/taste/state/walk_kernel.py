"""Compiled random walks: many lanes side by side, over rings of likers and of events."""

from __future__ import annotations

import numpy as np
from numba import njit

from bowerbird.taste.config import TASTE_CONFIG

# A name of the module, since compiled code takes it as a constant.
RESTART = TASTE_CONFIG.walks.restart
LANES = 32  # walks of one start that advance side by side


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
