"""A user's interests by their state: ranked at a time-scale, over time, explained by events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from bowerbird.data.arrays import DoubleArray, IntArray
from bowerbird.data.events import ACTIONS
from bowerbird.data.items import Catalogue
from bowerbird.data.times import decayed
from bowerbird.taste.config import TASTE_CONFIG
from bowerbird.taste.interests.interests import Interests
from bowerbird.taste.state.user_state import TasteState

BOOST = TASTE_CONFIG.profile.boost


class Scale(StrEnum):
    """A time-scale of interests: which half-life of `half_life_days` weights decay by."""

    SESSION = "session"
    WEEK = "week"
    SEASON = "season"

    def half_lives(self, half_life_days: Sequence[float]) -> tuple[float]:
        """The shortest, the middle or the longest of some half-lives, as a tuple of one."""
        index = {Scale.SESSION: 0, Scale.WEEK: len(half_life_days) // 2, Scale.SEASON: -1}[self]
        return (sorted(half_life_days)[index],)


@dataclass(frozen=True)
class Interest:
    """One interest of a user."""

    number: int  # of the group of items, today
    id: int  # the same for as long as it means the same
    name: str
    theme: str  # the larger group that it belongs to
    words: list[str]
    weight: float  # in clicks, decayed
    share: float  # of the sum of the user's weights
    items: list[int]  # positions of the user's items in it, the highest weight first
    muted: bool = False
    boosted: bool = False
    corrected: bool = False  # the user set the weight

    def as_dict(self) -> dict[str, Any]:
        """Give the fields as plain values."""
        fields = ("id", "name", "theme", "words", "weight", "share", "muted", "boosted", "corrected")
        return {name: getattr(self, name) for name in fields}


@dataclass(frozen=True)
class Timeline:
    """A user's interests over time: how strong each of K was at T moments (microseconds)."""

    names: list[str]
    times: IntArray  # (T,)
    weights: DoubleArray  # (T, K)


def weights_by_interest(
    interests: Interests, state: TasteState, half_lives: Sequence[float], now: int
) -> DoubleArray:
    """Decayed weight of each of K interests at `now` (microseconds), in clicks, (K,) float64; below 0 where
    hides outweigh."""
    groups, _, weights = _decayed_weights(interests, state, half_lives, now)
    has_group = groups >= 0
    sums = np.bincount(groups[has_group], weights=weights[has_group], minlength=len(interests))
    return sums.astype(np.float64, copy=False)


def _decayed_weights(
    interests: Interests, state: TasteState, half_lives: Sequence[float], now: int
) -> tuple[IntArray, IntArray, DoubleArray]:
    """Interest, time and decayed weight of stored events, then of the sums of older ones, which name no
    items."""
    history, older = state.history, state.older
    groups = np.concatenate([interests.group[history.items], older.interest])
    at = np.concatenate([history.at, older.at])
    weights = np.concatenate([history.weights.astype(float), older.weight])
    return groups, at, decayed(weights, now - at, half_lives)


def rank_interests(
    interests: Interests, state: TasteState, half_lives: Sequence[float], now: int | None = None
) -> list[Interest]:
    """A user's interests, strongest first, at `now` (microseconds; else their last event)."""
    history = state.history
    now = state.last_at if now is None else now
    groups, at, weights = _decayed_weights(interests, state, half_lives, now)
    has_happened = at <= now
    weighted: list[tuple[float, int, list[int]]] = []
    numbers = np.union1d(groups[(groups >= 0) & has_happened], list(state.corrected)).astype(int)
    for number in numbers.tolist():
        rows = np.flatnonzero((groups == number) & has_happened)
        weight = weights[rows].sum() * (BOOST if number in state.boosted else 1.0)
        weight = state.corrected.get(number, weight)
        if weight > 0:
            rows = rows[rows < len(history)]  # older sums name no items
            strongest = rows[np.argsort(-weights[rows], kind="stable")]
            items = list(dict.fromkeys(int(item) for item in history.items[strongest]))
            weighted.append((float(weight), number, items))
    total = sum(weight for weight, _, _ in weighted)
    return [
        interest_of(interests, state, number, weight, weight / total, items)
        for weight, number, items in sorted(weighted, key=lambda entry: (-entry[0], entry[1]))
    ]


def interest_of(
    interests: Interests,
    state: TasteState,
    number: int,
    weight: float = 0.0,
    share: float = 0.0,
    items: Sequence[int] = (),
) -> Interest:
    """One interest of a user, by its number, with the user's overrides of it."""
    return Interest(
        number=number,
        id=int(interests.fine.ids[number]),
        name=interests.names[number],
        theme=interests.themes.names[interests.theme[number]],
        words=interests.words[number],
        weight=weight,
        share=share,
        items=list(items),
        muted=number in state.muted,
        boosted=number in state.boosted,
        corrected=number in state.corrected,
    )


def build_timeline(
    interests: Interests,
    state: TasteState,
    half_lives: Sequence[float],
    n_moments: int = 40,
    max_interests: int = 6,
) -> Timeline:
    """A user's strongest interests at evenly spaced moments of their history."""
    history = state.history
    if not len(history):
        return Timeline([], np.zeros(0, np.int64), np.zeros((0, 0)))
    times = np.linspace(history.at[0], history.at[-1], n_moments).astype(np.int64)
    ages = times[:, None] - history.at[None, :]  # (T, n)
    longer_half_lives = half_lives[1:] or half_lives  # a session is too short to be seen in a chart
    weights = decayed(np.maximum(history.weights, 0.0)[None, :], ages, longer_half_lives) * (ages >= 0)
    groups = interests.group[history.items]
    numbers = [int(number) for number in np.unique(groups) if number >= 0]
    if not numbers:
        return Timeline([], times, np.zeros((n_moments, 0)))
    by_group = np.stack([weights[:, groups == number].sum(axis=1) for number in numbers], axis=1)
    total = by_group.sum(axis=0)
    top = [k for k in np.argsort(-total, kind="stable")[:max_interests] if total[k] > 0]
    return Timeline([interests.names[numbers[k]] for k in top], times, by_group[:, top])


def explain_interests(
    interests: Interests,
    catalogue: Catalogue,
    state: TasteState,
    half_lives: Sequence[float],
    per_interest: int = 5,
) -> list[dict[str, Any]]:
    """For each interest the events that make it up: item, action, time, and its share of the interest."""
    history, explained = state.history, []
    for interest in rank_interests(interests, state, half_lives):
        rows = np.flatnonzero(interests.group[history.items] == interest.number)
        weights = decayed(history.weights[rows].astype(float), state.last_at - history.at[rows], half_lives)
        order = np.argsort(-np.abs(weights), kind="stable")[:per_interest]
        total = np.abs(weights).sum() or 1.0
        events = [
            describe_event(catalogue, state, int(rows[k])) | {"share": float(weights[k] / total)}
            for k in order
        ]
        explained.append({**interest.as_dict(), "events": events})
    return explained


def describe_event(catalogue: Catalogue, state: TasteState, row: int) -> dict[str, Any]:
    """One stored event of a state: item, its title, action, time."""
    position = int(state.items[row])
    return {
        "item_id": catalogue.ids[position],
        "title": catalogue.item(position).title,
        "has_picture": catalogue.has_image(position),
        "action": ACTIONS[state.actions[row]].value,
        "at": format_time(int(state.at[row])),
    }


def format_time(at_us: int) -> str:
    """Microseconds since 1970 as text, to the second.

    >>> format_time(1_500_000)
    '1970-01-01T00:00:01'
    """
    return str(np.datetime64(at_us, "us").astype("datetime64[s]"))
