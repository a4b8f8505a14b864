"""Users with a similar taste, k-anonymous: how many there are and what at least k of them share.

No user is named, and nothing that fewer than k users share is shown. Counts are rounded down to
multiples of 5, so that in most cases comparing two answers does not reveal that one user came or
went. That is not differential privacy: anyone who can write many invented users into the log could still
learn something of a real one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bowerbird.data.arrays import DoubleArray, IntArray
from bowerbird.taste.config import TASTE_CONFIG
from bowerbird.taste.interests.interests import Interests
from bowerbird.taste.interests.ranking import weights_by_interest
from bowerbird.taste.state.user_state import TasteState

CONFIG = TASTE_CONFIG.similar_users


@dataclass(frozen=True)
class SimilarUsers:
    """Users with a taste similar to one user's, who is not counted; empty where there are too few."""

    users: int  # rounded down
    interests: list[tuple[int, int]]  # number of an interest, how many of them have it, rounded down
    items: list[tuple[int, int]]  # position of an item, how many of them like it, rounded down

    def as_dict(self, interests: Interests, titles: dict[int, str]) -> dict[str, Any]:
        """Give the fields as plain values."""
        interest_counts = [{"name": interests.names[number], "users": n} for number, n in self.interests]
        item_counts = [{"title": titles[item], "users": n} for item, n in self.items]
        return {"users": self.users, "at_least": CONFIG.k, "interests": interest_counts, "items": item_counts}


def find_similar_users(
    user: TasteState,
    others: Iterable[TasteState],
    interests: Interests,
    half_lives: Sequence[float],
    now: int,
) -> SimilarUsers:
    """What the users of similar taste among `others` share, at `now` (microseconds).

    Released only where at least k users share it (k-anonymity: Sweeney, "k-Anonymity: A Model for Protecting
    Privacy", 2002).
    """
    user_weights = unit_interest_weights(user, interests, half_lives, now)
    n_by_interest, n_by_item = np.zeros(len(interests), np.int64), np.zeros(len(interests.group), np.int64)
    n_similar = 0
    for other in others:
        if other.user_id == user.user_id:
            continue
        weights = unit_interest_weights(other, interests, half_lives, now)
        if user_weights @ weights < CONFIG.min_similarity:
            continue
        n_similar += 1
        n_by_interest += weights > 0
        n_by_item[np.unique(other.history.liked().items)] += 1
    if n_similar < CONFIG.k:
        return SimilarUsers(0, [], [])
    return SimilarUsers(_round_down(n_similar), _most_shared(n_by_interest), _most_shared(n_by_item))


def unit_interest_weights(
    state: TasteState, interests: Interests, half_lives: Sequence[float], now: int
) -> DoubleArray:
    """A user's weight of each of K interests, (K,), without negative ones, of length 1, or 0."""
    weights = np.maximum(weights_by_interest(interests, state, half_lives, now), 0.0)
    length = np.linalg.norm(weights)
    scaled: DoubleArray = weights / length if length > 0 else weights
    return scaled


def _most_shared(counts: IntArray) -> list[tuple[int, int]]:
    """What at least k users share, the most frequent first, with the rounded count."""
    order = np.argsort(-counts, kind="stable")[: CONFIG.max_shown]
    return [(int(k), _round_down(int(counts[k]))) for k in order if counts[k] >= CONFIG.k]


def _round_down(count: int) -> int:
    return count // CONFIG.rounding * CONFIG.rounding
