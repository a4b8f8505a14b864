"""Negative feedback: what a user hid, and what they were shown again and again and passed over."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from bowerbird.data.arrays import BoolArray, IntArray
from bowerbird.data.events import ACTION_CODE, Action
from bowerbird.data.interactions import History
from bowerbird.taste.interests.interests import Interests
from bowerbird.taste.state.user_state import TasteState

HIDE = ACTION_CODE[Action.HIDE.value]
IMPRESSION = ACTION_CODE[Action.IMPRESSION.value]
SIGNIFICANCE = 0.01
"""Probability, over all interests together, that one counts as passed over though it is liked like any
other."""


@dataclass(frozen=True)
class DislikedInterest:
    """An interest that a user turns away from."""

    number: int
    hidden: int  # items hidden
    liked: int  # items liked (a click or more), for comparison
    shown: int = 0  # impressions of its items, where they are logged
    clicked: int = 0  # items with an impression that were clicked

    def as_dict(self) -> dict[str, Any]:
        """Give the fields as plain values."""
        return {name: value for name, value in asdict(self).items() if name != "number"}


def hidden_items(state: TasteState) -> list[int]:
    """Positions of the items that the user hid in their stored events, the latest first."""
    rows = np.flatnonzero(state.actions == HIDE)[::-1]
    return list(dict.fromkeys(state.items[rows].tolist()))


def find_disliked(
    state: TasteState, interests: Interests, log_history: History | None = None
) -> list[DislikedInterest]:
    """Interests of which the user hid more items than they liked, or which they passed over.

    `log_history` is all that the log holds of the user, impressions included. An interest is passed over
    where that few clicks on its impressions would be rare (`SIGNIFICANCE`) at the user's usual rate.
    """
    hidden = _count_by_interest(interests, np.unique(state.items[state.actions == HIDE]))
    liked = _count_by_interest(interests, np.unique(state.history.liked().items))
    shown, clicked = _count_shown_and_clicked(log_history, interests)
    is_passed_over = _is_passed_over(shown, clicked)
    disliked = [
        DislikedInterest(int(k), int(hidden[k]), int(liked[k]), int(shown[k]), int(clicked[k]))
        for k in np.flatnonzero((hidden > liked) | is_passed_over)
    ]
    return sorted(
        disliked,
        key=lambda interest: (-interest.hidden, interest.clicked - interest.shown, interest.number),
    )


def _count_by_interest(interests: Interests, items: IntArray) -> IntArray:
    groups = interests.group[items]
    return np.bincount(groups[groups >= 0], minlength=len(interests))


def _count_shown_and_clicked(log_history: History | None, interests: Interests) -> tuple[IntArray, IntArray]:
    if log_history is None:
        return np.zeros(len(interests), np.int64), np.zeros(len(interests), np.int64)
    shown = log_history.items[log_history.actions == IMPRESSION]
    clicked = np.intersect1d(np.unique(log_history.liked().items), shown)
    return _count_by_interest(interests, shown), _count_by_interest(interests, clicked)


def _is_passed_over(shown: IntArray, clicked: IntArray) -> BoolArray:
    """Which of K interests were clicked too seldom for chance, (K,) bool.

    By an exact one-sided binomial test at the user's mean click rate, P(X ≤ clicked), with the Bonferroni
    correction for the interests that were shown (Dunn, "Multiple Comparisons Among Means", 1961).
    """
    from scipy.stats import binom

    if not shown.sum() or not clicked.sum():
        return np.zeros(len(shown), bool)
    usual_rate = clicked.sum() / shown.sum()
    p_value = binom.cdf(clicked, shown, min(1.0, usual_rate))
    is_rare: BoolArray = (shown > 0) & (p_value < SIGNIFICANCE / max(1, int((shown > 0).sum())))
    return is_rare
