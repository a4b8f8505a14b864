"""How an event changes a user's row: compiled loops over plain arrays.

A row is the set of a user's latest `RING` events by (second, item, action), and sums of the older ones. A set
does not depend on the order in which its members came, and the sums are whole numbers under keys of which
only the highest are kept; so late, repeated and reordered events give the same row to the bit.
"""

from __future__ import annotations

import numpy as np
from numba import njit

RING = 144
"""Latest events of a user that are stored one by one."""
OLDER = 32
"""Sums stored of the events before those: one for each interest and period."""
PERIOD = 30 * 86_400
"""Seconds that one sum covers."""
MAX_INTERESTS = 1 << 16  # a key is the period's number times this, plus the interest's


@njit(cache=True, nogil=True)
def learn_rows(  # type: ignore[no-untyped-def]
    at, item, action, count, key, total, sums,
    rows, seconds, items, actions, interest, half_clicks,
):  # fmt: skip
    """Learn n events in turn; return for each whether it changed its row, (n,) bool.

    Columns of U users: `at` (U, RING) uint32, seconds since `user_table.EPOCH`; `item` (U, RING) int32;
    `action` (U, RING) int8; `count` (U,) int16, events in use; `key` (U, OLDER) uint32; `total` (U, OLDER)
    int32; `sums` (U,) int16, sums in use. Events: `rows`, `seconds`, `items`, `actions`, (n,) each. Tables:
    the interest of each item, `interest` (items,), -1 for none, and the weight of each action in halves of a
    click, `half_clicks` (actions,).
    """
    changed = np.zeros(len(rows), np.bool_)
    for event in range(len(rows)):
        row, t, i, a = rows[event], seconds[event], items[event], actions[event]
        changed[event] = learn_row(
            at, item, action, count, key, total, sums, row, t, i, a, interest, half_clicks
        )
    return changed


@njit(cache=True, nogil=True)
def learn_row(at, item, action, count, key, total, sums, row, t, i, a, interest, half_clicks):  # type: ignore[no-untyped-def]
    """Learn one event of row `row`: second t, item i, action a; return whether it changed the row.

    Columns and tables as in `learn_rows`.
    """
    n = count[row]
    slot = _insertion_point(at[row], item[row], action[row], n, t, i, a)
    if slot < n and at[row, slot] == t and item[row, slot] == i and action[row, slot] == a:
        return False  # a repeat
    if n < RING:
        for k in range(n, slot, -1):
            _copy_event(at, item, action, row, k - 1, k)
        count[row] = n + 1
    elif slot == 0:  # older than all stored events: it goes straight into the sums
        _add_to_sums(key[row], total[row], sums, row, t, interest[i], half_clicks[a])
        return True
    else:  # the ring is full: its oldest event moves into the sums
        oldest, weight = item[row, 0], half_clicks[action[row, 0]]
        _add_to_sums(key[row], total[row], sums, row, at[row, 0], interest[oldest], weight)
        slot -= 1
        for k in range(slot):
            _copy_event(at, item, action, row, k + 1, k)
    at[row, slot], item[row, slot], action[row, slot] = t, i, a
    return True


@njit(cache=True, nogil=True)
def _copy_event(at, item, action, row, source, target):  # type: ignore[no-untyped-def]
    at[row, target] = at[row, source]
    item[row, target] = item[row, source]
    action[row, target] = action[row, source]


@njit(cache=True, nogil=True)
def _insertion_point(at, item, action, n, t, i, a):  # type: ignore[no-untyped-def]
    """Slot of (t, i, a) among the first n of a row, stored or not, by bisection from the newest."""
    low, high = 0, n
    while low < high:
        # Most events are the newest of their user: look there first.
        middle = high - 1 if high == n else (low + high) // 2
        is_earlier = at[middle] < t or (
            at[middle] == t and (item[middle] < i or (item[middle] == i and action[middle] < a))
        )
        if is_earlier:
            low = middle + 1
        else:
            high = middle
    return low


@njit(cache=True, nogil=True)
def _add_to_sums(key, total, sums, row, t, interest, half_clicks):  # type: ignore[no-untyped-def]
    """Add an event to the sums of one row.

    Only the `OLDER` highest keys are kept (the latest periods). A key that was dropped never comes back,
    since enough higher ones have been there ever since; so here too the order of events does not matter.
    """
    if interest < 0:
        return
    event_key = np.uint32(t // PERIOD * MAX_INTERESTS + interest)
    n = sums[row]
    slot = 0
    while slot < n and key[slot] > event_key:  # highest first
        slot += 1
    if slot < n and key[slot] == event_key:
        total[slot] += half_clicks
        return
    if slot == OLDER:
        return
    last = min(n, OLDER - 1)
    for k in range(last, slot, -1):
        key[k], total[k] = key[k - 1], total[k - 1]
    key[slot], total[slot] = event_key, half_clicks
    if n < OLDER:
        sums[row] = n + 1
