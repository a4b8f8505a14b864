"""Which items belong together: short walks over who liked what, and what lies in one collection.

A walk steps from an item to another that the same person liked within a short while, or that lies in the same
collection; by chance it goes on from there by somebody else who liked that too (random walks with restart;
Pixie, Eksombatchai et al., WWW 2018). So items meet that no single person liked. A walk ends at a hub: what
everybody likes ties nothing together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from bowerbird.data.collection_likes import ItemSet
from bowerbird.data.interactions import Interactions

REACH = 10
"""A neighbour is at most so many likes away."""
WINDOW_DAYS = 90
RESTART = 0.5
"""Chance that a walk ends after a step, and the next one starts."""
STEPS_AT_MOST = 3
HUB_SHARE = 0.2
"""Of all likes: so many belong to the hubs, the most liked items."""
PAIRS_AT_MOST = 25_000
"""Pairs of one epoch: a large log takes no longer, and every epoch draws others."""
ANCHORS_OF_ONE = 200
"""Likes of one person used in an epoch at most, so that a few people don't decide what belongs together."""
_DAY_US = 86_400_000_000


@dataclass(frozen=True)
class Strings:
    """Likes, one person (or collection) after another, each in time order. n likes."""

    items: np.ndarray  # (n,) int64 positions
    owner: np.ndarray  # (n,) int64, who liked; or which collection
    at: np.ndarray  # (n,) int64 microseconds; 0 in collections

    @classmethod
    def of(cls, training: Interactions, sets: Sequence[ItemSet] = ()) -> Strings:
        """Likes of training events, and collections of several items."""
        liked = training.liked()
        # By id, not by number: numbers depend on people whom training must not see.
        rank = np.argsort(np.argsort(np.array(liked.users, dtype=object))) if len(liked.users) else liked.user
        order = np.lexsort((liked.item, liked.at, rank[liked.user])) if len(liked) else np.zeros(0, np.int64)
        baskets = [each.items for each in sets if len(each.items) > 1]
        sizes = [len(basket) for basket in baskets]
        return cls(
            np.concatenate([liked.item[order], *baskets]).astype(np.int64),
            np.concatenate(
                [liked.user[order], np.repeat(np.arange(len(baskets)) + len(liked.users), sizes)]
            ).astype(np.int64),
            np.concatenate([liked.at[order], np.zeros(sum(sizes), np.int64)]),
        )

    def __len__(self) -> int:
        return len(self.items)

    def without(self, items: np.ndarray, owners: np.ndarray) -> Strings:
        """Without some items and some owners."""
        keep = ~np.isin(self.items, items) & ~np.isin(self.owner, owners)
        return Strings(self.items[keep], self.owner[keep], self.at[keep])

    def frequency(self, n_items: int) -> np.ndarray:
        """Share of the likes that each item has, (n_items,) float64."""
        counts = np.bincount(self.items, minlength=n_items)
        share: np.ndarray = counts / max(1, counts.sum())
        return share

    def pairs(self, rng: np.random.Generator) -> np.ndarray:
        """Where walks start and end, for one epoch: (pairs, 2) int64 positions, in random order."""
        n = len(self)
        if n < 2:
            return np.zeros((0, 2), np.int64)
        start = np.flatnonzero(rng.random(n) < ANCHORS_OF_ONE / np.maximum(self._sizes, ANCHORS_OF_ONE))
        end, found = self._near(start, rng)
        start, end = start[found], end[found]
        going = np.ones(len(end), bool)
        for _ in range(STEPS_AT_MOST - 1):
            going &= (rng.random(len(end)) >= RESTART) & ~self._hub[self.items[end]]
            further, found = self._near(self._liked_by_others(end, rng), rng)
            end = np.where(going & found, further, end)
        pairs = np.stack([self.items[start], self.items[end]], axis=1)
        pairs = pairs[pairs[:, 0] != pairs[:, 1]]
        drawn: np.ndarray = pairs[rng.permutation(len(pairs))[:PAIRS_AT_MOST]]
        return drawn

    def _near(self, likes: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """For each of m likes another one around it; whether it is the same owner's, in reach: (m,), (m,)."""
        n = len(self)
        # Within reach, and not beyond the own string where that is short.
        reach = np.minimum(REACH, self._sizes[likes] - 1)
        step = 1 + np.floor(rng.random(len(likes)) * reach).astype(np.int64)
        other = likes + step * rng.choice([-1, 1], len(likes))
        inside = (other >= 0) & (other < n)
        other = np.where(inside, other, likes)
        found = inside & (self.owner[likes] == self.owner[other]) & (self.items[likes] != self.items[other])
        return other, found & (np.abs(self.at[likes] - self.at[other]) <= WINDOW_DAYS * _DAY_US)

    def _liked_by_others(self, likes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """For each of m likes one of the same item, by anybody, (m,)."""
        first, by_item = self._likes_of_items
        item = self.items[likes]
        chosen = rng.random(len(likes)) * (first[item + 1] - first[item])
        found: np.ndarray = by_item[first[item] + np.floor(chosen).astype(np.int64)]
        return found

    @cached_property
    def _sizes(self) -> np.ndarray:
        """How many likes the owner of each like has, (n,)."""
        sizes: np.ndarray = np.bincount(self.owner, minlength=1)[self.owner]
        return sizes

    @cached_property
    def _likes_of_items(self) -> tuple[np.ndarray, np.ndarray]:
        """Where each item's likes begin in the second array, which holds the likes item by item."""
        first = np.concatenate([[0], np.cumsum(np.bincount(self.items, minlength=1))])
        return first, np.argsort(self.items, kind="stable")

    @cached_property
    def _hub(self) -> np.ndarray:
        """Whether each item is a hub, by position."""
        return hubs_of(np.bincount(self.items, minlength=1))


def hubs_of(likes: np.ndarray) -> np.ndarray:
    """The most liked of N items that together have the first `HUB_SHARE` of all likes: (N,) -> (N,) bool.

    >>> hubs_of(np.array([1, 30, 8, 2, 25, 14, 20])).tolist()
    [False, True, False, False, False, False, False]
    """
    order = np.argsort(-likes, kind="stable")
    before = np.cumsum(likes[order]) - likes[order]
    hub = np.zeros(len(likes), bool)
    hub[order[before < HUB_SHARE * likes.sum()]] = True
    return hub
