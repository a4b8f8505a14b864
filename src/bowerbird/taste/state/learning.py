"""How an event changes a person's row: compiled loops over plain arrays.

A row is the set of a person's latest `RING` events by (second, item, action), and sums of whatever the ring
has let go of. A set does not depend on the order in which its members came, and the sums are whole numbers
under keys of which the highest are kept; so late, repeated and reordered events give the same row to the bit.
"""

from __future__ import annotations

import numpy as np
from numba import njit

RING = 144
"""Events of a person that are kept one by one."""
OLDER = 32
"""Sums kept of the events before those: one for each interest and period."""
PERIOD = 30 * 86_400
"""Seconds that one sum covers."""
MOST_INTERESTS = 1 << 16  # a key is the period's number times this, plus the interest's


@njit(cache=True, nogil=True)
def learn_rows(at, item, action, count, key, total, sums, rows, when, what, how, interest, half_clicks):  # type: ignore[no-untyped-def]
    """Learn n events in turn; gives for each whether it changed its row, (n,) bool.

    Of P people: `at` (P, RING) uint32, seconds since the dawn of `people`; `item` (P, RING) int32; `action`
    (P, RING) int8; `count` (P,) int16; `key` (P, OLDER) uint32; `total` (P, OLDER) int32; `sums` (P,)
    int16. Of the events: `rows`, `when`, `what`, `how`, (n,) each. What they speak
    for, and how strongly in halves of a click: `interest` (items,) and `half_clicks` (actions,).
    """
    changed = np.zeros(len(rows), np.bool_)
    for event in range(len(rows)):
        row, t, i, a = rows[event], when[event], what[event], how[event]
        changed[event] = learn_row(
            at, item, action, count, key, total, sums, row, t, i, a, interest, half_clicks
        )
    return changed


@njit(cache=True, nogil=True)
def learn_row(at, item, action, count, key, total, sums, row, t, i, a, interest, half_clicks):  # type: ignore[no-untyped-def]
    """Learn one event of row `row`: second t, item i, action a. See `learn_rows`."""
    n = count[row]
    place = _place(at[row], item[row], action[row], n, t, i, a)
    if place < n and at[row, place] == t and item[row, place] == i and action[row, place] == a:
        return False
    if n < RING:
        for k in range(n, place, -1):
            _copy(at, item, action, row, k - 1, k)
        count[row] = n + 1
    elif place == 0:  # older than all that is kept
        _fold(key[row], total[row], sums, row, t, interest[i], half_clicks[a])
        return True
    else:  # the oldest makes room
        first, weight = item[row, 0], half_clicks[action[row, 0]]
        _fold(key[row], total[row], sums, row, at[row, 0], interest[first], weight)
        place -= 1
        for k in range(place):
            _copy(at, item, action, row, k + 1, k)
    at[row, place], item[row, place], action[row, place] = t, i, a
    return True


@njit(cache=True, nogil=True)
def _copy(at, item, action, row, source, target):  # type: ignore[no-untyped-def]
    at[row, target] = at[row, source]
    item[row, target] = item[row, source]
    action[row, target] = action[row, source]


@njit(cache=True, nogil=True)
def _place(at, item, action, n, t, i, a):  # type: ignore[no-untyped-def]
    """Where (t, i, a) stands or would stand among the first n of a row, by bisection from the newest."""
    low, high = 0, n
    while low < high:
        # Most events are the newest of their person: look there first.
        middle = high - 1 if high == n else (low + high) // 2
        before = at[middle] < t or (
            at[middle] == t and (item[middle] < i or (item[middle] == i and action[middle] < a))
        )
        if before:
            low = middle + 1
        else:
            high = middle
    return low


@njit(cache=True, nogil=True)
def _fold(key, total, sums, row, t, interest, half_clicks):  # type: ignore[no-untyped-def]
    """Add an event to the sums of one row.

    Only the `OLDER` highest keys are kept (the latest periods): a key that was let go of never comes back,
    since as many higher ones have been there ever since. So here too the order of events does not matter.
    """
    if interest < 0:
        return
    wanted = np.uint32(t // PERIOD * MOST_INTERESTS + interest)
    n = sums[row]
    place = 0
    while place < n and key[place] > wanted:  # highest first
        place += 1
    if place < n and key[place] == wanted:
        total[place] += half_clicks
        return
    if place == OLDER:
        return
    last = min(n, OLDER - 1)
    for k in range(last, place, -1):
        key[k], total[k] = key[k - 1], total[k - 1]
    key[place], total[place] = wanted, half_clicks
    if n < OLDER:
        sums[row] = n + 1
