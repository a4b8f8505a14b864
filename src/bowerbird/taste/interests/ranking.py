"""What a person's state says in interests: ranked at a time-scale, over time, explained by events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from bowerbird.data.events import ACTIONS
from bowerbird.data.items import Catalogue
from bowerbird.taste.interests.interests import Interests
from bowerbird.taste.state.user_state import TasteState, decayed

BOOST = 2.0  # a boosted interest counts this much more


class Scale(StrEnum):
    """How far back a reading looks: the half-life of `half_life_days` that it decays by."""

    VISIT = "visit"
    WEEK = "week"
    SEASON = "season"

    def half_lives(self, half_life_days: Sequence[float]) -> tuple[float]:
        """The shortest, the middle or the longest of some half-lives, as a tuple of one."""
        place = {Scale.VISIT: 0, Scale.WEEK: len(half_life_days) // 2, Scale.SEASON: -1}[self]
        return (sorted(half_life_days)[place],)


@dataclass(frozen=True)
class Interest:
    """One thing a person is drawn to."""

    number: int  # of the group of items, today
    id: int  # the same for as long as it means the same
    name: str
    theme: str  # the larger group that it belongs to
    words: list[str]
    weight: float  # in clicks, decayed
    share: float  # of the person's whole taste
    items: list[int]  # positions that speak for it, strongest first
    muted: bool = False
    boosted: bool = False
    corrected: bool = False  # the weight is what the person said

    def as_dict(self) -> dict[str, Any]:
        kept = ("id", "name", "theme", "words", "weight", "share", "muted", "boosted", "corrected")
        return {name: getattr(self, name) for name in kept}


@dataclass(frozen=True)
class Timeline:
    """A person's interests over time: how strong each of K was at T moments (microseconds)."""

    names: list[str]
    times: np.ndarray  # (T,)
    weights: np.ndarray  # (T, K)


def drawn_to(interests: Interests, state: TasteState, half_lives: Sequence[float]) -> np.ndarray:
    """Numbers of the interests that `ranked` tells at a person's last event, ascending, (K,) int64."""
    sums = weights_by_interest(interests, state, half_lives, state.last_at)
    for number, weight in state.corrected.items():
        sums[number] = weight
    return np.flatnonzero(sums > 0)


def weights_by_interest(
    interests: Interests, state: TasteState, half_lives: Sequence[float], now: int
) -> np.ndarray:
    """What a person's events and the sums of those before leave of each of K interests at `now`
    (microseconds), in clicks, (K,) float64; below 0 where hides outweigh."""
    groups, _, weights = _told_by(interests, state, half_lives, now)
    known = groups >= 0
    sums: np.ndarray = np.bincount(groups[known], weights=weights[known], minlength=len(interests))
    return sums


def _told_by(
    interests: Interests, state: TasteState, half_lives: Sequence[float], now: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Kept events, then the sums of those before, which name no items: interest, time and weight left."""
    history, older = state.history, state.older
    groups = np.concatenate([interests.group[history.items], older.interest])
    at = np.concatenate([history.at, older.at])
    given = np.concatenate([history.weights.astype(float), older.weight])
    return groups, at, decayed(given, now - at, half_lives)


def ranked(
    interests: Interests, state: TasteState, half_lives: Sequence[float], now: int | None = None
) -> list[Interest]:
    """What a person is drawn to, strongest first, at `now` (microseconds; else their last event)."""
    history = state.history
    now = state.last_at if now is None else now
    groups, at, weights = _told_by(interests, state, half_lives, now)
    keep = at <= now
    result: list[tuple[float, int, list[int]]] = []
    for number in np.union1d(groups[(groups >= 0) & keep], list(state.corrected)).astype(int).tolist():
        rows = np.flatnonzero((groups == number) & keep)
        weight = weights[rows].sum() * (BOOST if number in state.boosted else 1.0)
        weight = state.corrected.get(number, weight)
        if weight > 0:
            rows = rows[rows < len(history)]
            strongest = rows[np.argsort(-weights[rows], kind="stable")]
            items = list(dict.fromkeys(int(item) for item in history.items[strongest]))
            result.append((float(weight), number, items))
    total = sum(weight for weight, _, _ in result)
    return [
        one_interest(interests, state, number, weight, weight / total, items)
        for weight, number, items in sorted(result, key=lambda one: (-one[0], one[1]))
    ]


def one_interest(
    interests: Interests,
    state: TasteState,
    number: int,
    weight: float = 0.0,
    share: float = 0.0,
    items: Sequence[int] = (),
) -> Interest:
    """An interest as it stands in a person's taste, with what they said of it."""
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


def timeline(
    interests: Interests, state: TasteState, half_lives: Sequence[float], moments: int = 40, most: int = 6
) -> Timeline:
    """A person's strongest interests at evenly spaced moments of their history."""
    history = state.history
    if not len(history):
        return Timeline([], np.zeros(0, np.int64), np.zeros((0, 0)))
    times = np.linspace(history.at[0], history.at[-1], moments).astype(np.int64)
    ages = times[:, None] - history.at[None, :]  # (T, n)
    season = half_lives[1:] or half_lives  # a visit is too short to be seen in a chart
    weights = decayed(np.maximum(history.weights, 0.0)[None, :], ages, season) * (ages >= 0)
    groups = interests.group[history.items]
    numbers = [int(number) for number in np.unique(groups) if number >= 0]
    if not numbers:
        return Timeline([], times, np.zeros((moments, 0)))
    by_group = np.stack([weights[:, groups == number].sum(axis=1) for number in numbers], axis=1)
    total = by_group.sum(axis=0)
    top = [k for k in np.argsort(-total, kind="stable")[:most] if total[k] > 0]
    return Timeline([interests.names[numbers[k]] for k in top], times, by_group[:, top])


def explained(
    interests: Interests,
    catalogue: Catalogue,
    state: TasteState,
    half_lives: Sequence[float],
    per_interest: int = 5,
) -> list[dict[str, Any]]:
    """For each interest the events that make it up: item, action, time, and its share of the interest."""
    history, result = state.history, []
    for interest in ranked(interests, state, half_lives):
        rows = np.flatnonzero(interests.group[history.items] == interest.number)
        weights = decayed(history.weights[rows].astype(float), state.last_at - history.at[rows], half_lives)
        order = np.argsort(-np.abs(weights), kind="stable")[:per_interest]
        total = np.abs(weights).sum() or 1.0
        events = [
            told_event(catalogue, state, int(rows[k])) | {"share": float(weights[k] / total)} for k in order
        ]
        result.append({**interest.as_dict(), "events": events})
    return result


def told_event(catalogue: Catalogue, state: TasteState, row: int) -> dict[str, Any]:
    """One kept event of a state: item, its title, action, time."""
    position = int(state.items[row])
    return {
        "item_id": catalogue.ids[position],
        "title": catalogue.item(position).title,
        "action": ACTIONS[state.actions[row]].value,
        "at": moment(int(state.at[row])),
    }


def moment(at_us: int) -> str:
    """Microseconds since 1970 as text, to the second.

    >>> moment(1_500_000)
    '1970-01-01T00:00:01'
    """
    return str(np.datetime64(at_us, "us").astype("datetime64[s]"))
