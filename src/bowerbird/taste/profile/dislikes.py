"""Negative signals: what a person hid, and what they were shown again and again and passed over."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from bowerbird.data.events import ACTION_CODE, Action
from bowerbird.data.interactions import History
from bowerbird.taste.interests.interests import Interests
from bowerbird.taste.state.user_state import TasteState

HIDE = ACTION_CODE[Action.HIDE.value]
IMPRESSION = ACTION_CODE[Action.IMPRESSION.value]
BY_CHANCE = 0.01
"""Chance, over all interests together, that one counts as passed over though it is liked like any other."""


@dataclass(frozen=True)
class Disliked:
    """An interest that a person turns away from."""

    number: int
    hidden: int  # items hidden
    liked: int  # items liked (a click or more), for comparison
    shown: int = 0  # lists' places that showed it, where impressions are logged
    clicked: int = 0  # of those

    def as_dict(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if name != "number"}


def hidden_items(state: TasteState) -> list[int]:
    """Positions of kept items that the person hid, the latest first."""
    rows = np.flatnonzero(state.actions == HIDE)[::-1]
    return list(dict.fromkeys(state.items[rows].tolist()))


def disliked(state: TasteState, interests: Interests, seen: History | None = None) -> list[Disliked]:
    """Interests of which the person hid more items than they liked, or which they passed over.

    `seen` is all that the log holds of the person, impressions included. An interest is passed over where so
    few clicks on what was shown of it would be rare (`BY_CHANCE`) at the person's usual rate.
    """
    hidden = _by_interest(interests, np.unique(state.items[state.actions == HIDE]))
    liked = _by_interest(interests, np.unique(state.history.liked().items))
    shown, clicked = _shown_and_clicked(seen, interests)
    passed = _passed_over(shown, clicked)
    found = [
        Disliked(int(k), int(hidden[k]), int(liked[k]), int(shown[k]), int(clicked[k]))
        for k in np.flatnonzero((hidden > liked) | passed)
    ]
    return sorted(found, key=lambda one: (-one.hidden, one.clicked - one.shown, one.number))


def _by_interest(interests: Interests, items: np.ndarray) -> np.ndarray:
    groups = interests.group[items]
    return np.bincount(groups[groups >= 0], minlength=len(interests))


def _shown_and_clicked(seen: History | None, interests: Interests) -> tuple[np.ndarray, np.ndarray]:
    if seen is None:
        return np.zeros(len(interests), np.int64), np.zeros(len(interests), np.int64)
    shown = seen.items[seen.actions == IMPRESSION]
    clicked = np.intersect1d(np.unique(seen.liked().items), shown)
    return _by_interest(interests, shown), _by_interest(interests, clicked)


def _passed_over(shown: np.ndarray, clicked: np.ndarray) -> np.ndarray:
    """Which of K interests were clicked too seldom for chance, (K,) bool, by an exact binomial test."""
    from scipy.stats import binom

    if not shown.sum() or not clicked.sum():
        return np.zeros(len(shown), bool)
    usual = clicked.sum() / shown.sum()
    chance = binom.cdf(clicked, shown, min(1.0, usual))
    rare: np.ndarray = (shown > 0) & (chance < BY_CHANCE / max(1, int((shown > 0).sum())))
    return rare
