"""People of similar taste, told as a crowd: how many there are and what at least `K_ANONYMOUS` of them like.

Nobody is named, and nothing that fewer than `K_ANONYMOUS` people share is told (k-anonymity: Sweeney, 2002);
counts are rounded down to full `ROUNDED_TO`, so that comparing two answers does not show one person's coming
or going in most cases. That is no differential privacy: whoever can write many invented people into the log
could still learn something of a real one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bowerbird.taste.interests.interests import Interests
from bowerbird.taste.interests.ranking import weights_by_interest
from bowerbird.taste.state.user_state import TasteState

K_ANONYMOUS = 20
"""People that a crowd, and everything told of it, must consist of at least."""
ROUNDED_TO = 5
SIMILAR = 0.5
"""Cosine of two people's shares of interests, from which their tastes are similar."""
MOST_TOLD = 10


@dataclass(frozen=True)
class Crowd:
    """People like one person, never including them; empty (0 people) where there are too few to tell of."""

    people: int  # rounded down
    interests: list[tuple[int, int]]  # number of an interest, how many of them have it, rounded down
    items: list[tuple[int, int]]  # position of an item, how many of them like it, rounded down

    def as_dict(self, interests: Interests, titles: dict[int, str]) -> dict[str, Any]:
        named = [{"name": interests.names[number], "people": n} for number, n in self.interests]
        items = [{"title": titles[item], "people": n} for item, n in self.items]
        return {"people": self.people, "at_least": K_ANONYMOUS, "interests": named, "items": items}


def crowd_like(
    me: TasteState, others: Iterable[TasteState], interests: Interests, half_lives: Sequence[float], now: int
) -> Crowd:
    """The crowd of similar taste among `others`, at `now` (microseconds)."""
    mine = profile(me, interests, half_lives, now)
    have, like = np.zeros(len(interests), np.int64), np.zeros(len(interests.group), np.int64)
    people = 0
    for state in others:
        if state.user_id == me.user_id:
            continue
        theirs = profile(state, interests, half_lives, now)
        if mine @ theirs < SIMILAR:
            continue
        people += 1
        have += theirs > 0
        like[np.unique(state.history.liked().items)] += 1
    if people < K_ANONYMOUS:
        return Crowd(0, [], [])
    return Crowd(_rounded(people), _told(have), _told(like))


def profile(state: TasteState, interests: Interests, half_lives: Sequence[float], now: int) -> np.ndarray:
    """How strongly a person is drawn to each of K interests, (K,), of length 1, or 0; nothing negative."""
    sums = np.maximum(weights_by_interest(interests, state, half_lives, now), 0.0)
    length = np.linalg.norm(sums)
    found: np.ndarray = sums / length if length > 0 else sums
    return found


def _told(counts: np.ndarray) -> list[tuple[int, int]]:
    """What enough people share, the most first, with the rounded count."""
    order = np.argsort(-counts, kind="stable")[:MOST_TOLD]
    return [(int(k), _rounded(int(counts[k]))) for k in order if counts[k] >= K_ANONYMOUS]


def _rounded(people: int) -> int:
    return people // ROUNDED_TO * ROUNDED_TO
