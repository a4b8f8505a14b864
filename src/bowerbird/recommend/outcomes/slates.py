"""Slates: items that a user could act on at a moment, and what they did.

Where the log has impressions, a slate is a list that was shown, with the rank of each item. Where it has
none, a slate stands for a session: any moment at which the log knows that the user was there; nobody knows
what they were shown, so what the recommender would have offered stands for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from bowerbird.data.events import ACTION_CODE, Action
from bowerbird.data.interactions import WEIGHT_OF_CODE, History, Interactions
from bowerbird.taste.state.user_state import DAY

OUTCOMES = (Action.CLICK, Action.SAVE, Action.PURCHASE)
SHOWN_DAYS = 1.0
"""An outcome counts for the showing before it, if it comes within so many days."""
SESSION_DAYS = 7.0
"""An outcome counts for a session, if it comes within so many days of its beginning."""
LIST_SECONDS = 60.0
"""Impressions of one person that begin within so many seconds of the first are one list."""
BREAK_HOURS = 6.0
"""After so many hours without an event another session begins."""

_CODES = [ACTION_CODE[one.value] for one in OUTCOMES]
_IMPRESSION = ACTION_CODE[Action.IMPRESSION.value]


class Conditioning(StrEnum):
    """What a probability is conditional on."""

    SHOWN = "shown"
    SESSION = "session"


@dataclass(frozen=True)
class Slate:
    """One user (by number) at one moment (microseconds), and S items with what happened to each.

    `items` are empty at the start of a session until something is offered.
    """

    user: int
    at: int
    items: np.ndarray  # (S,) int64
    ranks: np.ndarray  # (S,) int32 from 1; 0 where nobody logged them
    happened: np.ndarray  # (S, OUTCOMES) bool


def shown_slates(events: Interactions) -> list[Slate]:
    """Collect the lists that were shown, in order of time: items that their user had not seen before.

    An outcome counts for the last showing before it. Lists whose time is not over when the events end are
    left out: nobody knows yet.
    """
    order = np.lexsort((events.action != _IMPRESSION, events.at, events.item, events.user))
    user, item, action, at = (getattr(events, name)[order] for name in ("user", "item", "action", "at"))
    shown = action == _IMPRESSION
    starts = np.flatnonzero((np.diff(user, prepend=-1) != 0) | (np.diff(item, prepend=-1) != 0))
    first = np.repeat(starts, np.diff(starts, append=len(user)))  # of each row's run of one person and item
    last = np.maximum.accumulate(np.where(shown, np.arange(len(user)), -1))  # showing at or before each row
    mine = (last >= first) & (at - at[last] <= SHOWN_DAYS * DAY)
    happened = np.zeros((len(user), len(OUTCOMES)), bool)
    for column, code in enumerate(_CODES):
        happened[last[mine & (action == code)], column] = True
    dealt = np.cumsum(WEIGHT_OF_CODE[action] != 0)
    before = dealt - (WEIGHT_OF_CODE[action] != 0) - (dealt[first] - (WEIGHT_OF_CODE[action[first]] != 0))
    kept = shown & (before == 0) & (at <= (events.at.max(initial=0) - SHOWN_DAYS * DAY))
    ranks = np.zeros(len(user), np.int32) if events.list_rank is None else events.list_rank[order]
    return _grouped(user[kept], at[kept], item[kept], ranks[kept], happened[kept])


def _grouped(
    user: np.ndarray, at: np.ndarray, item: np.ndarray, ranks: np.ndarray, happened: np.ndarray
) -> list[Slate]:
    """Showings of a person close to each other as one list, each item once."""
    order, shown = np.lexsort((ranks, at, user)), (item, ranks, happened)
    slates: list[Slate] = []
    rows: list[int] = []
    for row in [*order.tolist(), -1]:
        same = row >= 0 and rows and user[row] == user[rows[0]]
        if rows and not (same and at[row] - at[rows[0]] <= LIST_SECONDS * 1e6):
            slates.append(_one_slate(int(user[rows[0]]), int(at[rows[0]]), *(x[rows] for x in shown)))
            rows = []
        rows.append(row)
    return sorted(slates, key=lambda slate: (slate.at, slate.user))


def _one_slate(user: int, at: int, item: np.ndarray, ranks: np.ndarray, happened: np.ndarray) -> Slate:
    """Each item at its first place, with whatever happened to it."""
    _, first, number = np.unique(item, return_index=True, return_inverse=True)
    came = np.zeros((len(first), happened.shape[1]), bool)
    np.logical_or.at(came, number, happened)
    order = np.argsort(first)
    return Slate(user, at, item[first[order]], ranks[first[order]], came[order])


def session_starts(events: Interactions) -> list[Slate]:
    """Collect the starts of all users' sessions, in order of time, without items.

    Sessions whose time is not over when the events end are left out.
    """
    order = np.lexsort((events.at, events.user))
    user, at = events.user[order], events.at[order]
    begins = (np.diff(user, prepend=-1) != 0) | (np.diff(at, prepend=0) > BREAK_HOURS / 24 * DAY)
    begins &= at <= events.at.max(initial=0) - SESSION_DAYS * DAY
    nothing = (np.zeros(0, np.int64), np.zeros(0, np.int32), np.zeros((0, len(OUTCOMES)), bool))
    slates = [Slate(int(user[row]), int(at[row]), *nothing) for row in np.flatnonzero(begins)]
    return sorted(slates, key=lambda slate: (slate.at, slate.user))


def offer(session: Slate, items: np.ndarray, history: History) -> Slate:
    """Add offered items (S,) to a session, and what its user, by their whole history, did about each."""
    window = (history.at >= session.at) & (history.at <= session.at + SESSION_DAYS * DAY)
    did = history.where(window)
    happened = np.stack([np.isin(items, did.items[did.actions == code]) for code in _CODES], axis=1)
    return Slate(session.user, session.at, items, np.zeros(len(items), np.int32), happened)
