"""Slates: items that a user could act on at a moment, and what they did.

Where the log has impressions, a slate is a list that was shown, with the rank of each item. Where it has
none, a slate stands for a session: any moment at which the log knows that the user was there; what
they were shown is unknown, so the items that the recommender would have offered stand for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from bowerbird.choices import Outcome
from bowerbird.data.arrays import BoolArray, IntArray, IntegerArray
from bowerbird.data.events import ACTION_CODE, Action
from bowerbird.data.interactions import IS_PREFERENCE, History, Interactions
from bowerbird.data.times import DAY, HOUR, SECOND, sessions_of
from bowerbird.recommend.config import OutcomeConfig

OUTCOMES = tuple(Action(outcome) for outcome in Outcome)


DEFAULT_CONFIG = OutcomeConfig()

_OUTCOME_CODES = [ACTION_CODE[outcome.value] for outcome in OUTCOMES]
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
    items: IntArray  # (S,)
    ranks: IntegerArray  # (S,) int32 from 1; 0 where nobody logged them
    happened: BoolArray  # (S, OUTCOMES)


def shown_slates(events: Interactions, config: OutcomeConfig = DEFAULT_CONFIG) -> list[Slate]:
    """Collect the lists that were shown, in order of time: items that their user had not seen before.

    An outcome counts for the last impression before it. Lists whose time is not over when the events end are
    left out: nobody knows yet.
    """
    order = np.lexsort((events.action != _IMPRESSION, events.at, events.item, events.user))
    user, item, action, at = (getattr(events, name)[order] for name in ("user", "item", "action", "at"))
    is_impression = action == _IMPRESSION
    starts = np.flatnonzero((np.diff(user, prepend=-1) != 0) | (np.diff(item, prepend=-1) != 0))
    first = np.repeat(starts, np.diff(starts, append=len(user)))  # of each row's run of one user and item
    # Row of the impression at or before each row.
    last = np.maximum.accumulate(np.where(is_impression, np.arange(len(user)), -1))
    is_after_impression = (last >= first) & (at - at[last] <= config.shown_days * DAY)
    happened = np.zeros((len(user), len(OUTCOMES)), bool)
    for column, code in enumerate(_OUTCOME_CODES):
        happened[last[is_after_impression & (action == code)], column] = True
    is_feedback = IS_PREFERENCE[action]
    before = np.cumsum(is_feedback) - is_feedback  # feedback before each row, of all users
    earlier_feedback = before - before[first]
    is_counted = (
        is_impression & (earlier_feedback == 0) & (at <= (events.at.max(initial=0) - config.shown_days * DAY))
    )
    ranks = np.zeros(len(user), np.int32) if events.list_rank is None else events.list_rank[order]
    return _group_into_lists(
        config.list_seconds,
        user[is_counted],
        at[is_counted],
        item[is_counted],
        ranks[is_counted],
        happened[is_counted],
    )


def _group_into_lists(
    list_seconds: float,
    user: IntArray,
    at: IntArray,
    item: IntArray,
    ranks: IntegerArray,
    happened: BoolArray,
) -> list[Slate]:
    """Group a user's impressions that are close in time into one list, each item once."""
    order = np.lexsort((ranks, at, user))
    slates: list[Slate] = []
    rows: list[int] = []
    for row in [*order.tolist(), -1]:
        is_same_user = row >= 0 and rows and user[row] == user[rows[0]]
        if rows and not (is_same_user and at[row] - at[rows[0]] <= list_seconds * SECOND):
            first = rows[0]
            slates.append(
                _build_slate(int(user[first]), int(at[first]), item[rows], ranks[rows], happened[rows])
            )
            rows = []
        rows.append(row)
    return sorted(slates, key=lambda slate: (slate.at, slate.user))


def _build_slate(user: int, at: int, item: IntArray, ranks: IntegerArray, happened: BoolArray) -> Slate:
    """Build a slate: each item at its first rank, with every outcome that happened to it."""
    _, first, number = np.unique(item, return_index=True, return_inverse=True)
    any_happened = np.zeros((len(first), happened.shape[1]), bool)
    np.logical_or.at(any_happened, number, happened)
    order = np.argsort(first)
    return Slate(user, at, item[first[order]], ranks[first[order]], any_happened[order])


def session_starts(events: Interactions, config: OutcomeConfig = DEFAULT_CONFIG) -> list[Slate]:
    """Collect the starts of all users' sessions, in order of time, without items.

    Sessions whose time is not over when the events end are left out.
    """
    order = np.lexsort((events.at, events.user))
    user, at = events.user[order], events.at[order]
    begins = np.diff(sessions_of(at, user, int(config.break_hours * HOUR)), prepend=-1) > 0
    begins &= at <= events.at.max(initial=0) - config.session_days * DAY
    nothing = (np.zeros(0, np.int64), np.zeros(0, np.int32), np.zeros((0, len(OUTCOMES)), bool))
    slates = [Slate(int(user[row]), int(at[row]), *nothing) for row in np.flatnonzero(begins)]
    return sorted(slates, key=lambda slate: (slate.at, slate.user))


def offer(session: Slate, items: IntArray, history: History, config: OutcomeConfig = DEFAULT_CONFIG) -> Slate:
    """Add offered items (S,) to a session, with the outcomes that the user's whole history shows for each."""
    window = (history.at >= session.at) & (history.at <= session.at + config.session_days * DAY)
    acts = history.where(window)
    happened = np.stack([np.isin(items, acts.items[acts.actions == code]) for code in _OUTCOME_CODES], axis=1)
    return Slate(session.user, session.at, items, np.zeros(len(items), np.int32), happened)
