"""Samples pairs of items that belong together, by short random walks over likes and collections.

A step of a walk goes from an item to another that the same user liked within a short time, or that lies in
the same collection; with some probability it continues from there via another user who liked that item too
(random walks with restart; Pixie, Eksombatchai et al., WWW 2018). So items meet that no single user liked. A
walk ends at a hub: what all users like connects nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from bowerbird.data.arrays import BoolArray, DoubleArray, IntArray
from bowerbird.data.collections import ItemSet
from bowerbird.data.interactions import Interactions
from bowerbird.data.times import DAY
from bowerbird.embed.config import DEFAULTS, PairConfig


@dataclass(frozen=True)
class InteractionSequences:
    """Likes, one user (or collection) after another, each in time order. n likes."""

    items: IntArray  # (n,) positions
    owner: IntArray  # (n,) number of the user, or beyond the users of the collection
    at: IntArray  # (n,) microseconds; 0 in collections

    @classmethod
    def of(cls, training: Interactions, sets: Sequence[ItemSet] = ()) -> InteractionSequences:
        """Likes of training events, and collections of several items."""
        liked = training.liked()
        # In the order of ids, not of numbers: numbers depend on held-out users.
        rank = np.argsort(np.argsort(np.array(liked.users, dtype=object))) if len(liked.users) else liked.user
        order = np.lexsort((liked.item, liked.at, rank[liked.user])) if len(liked) else np.zeros(0, np.int64)
        collections = [item_set.items for item_set in sets if len(item_set.items) > 1]
        sizes = [len(items) for items in collections]
        collection_owners = np.repeat(np.arange(len(collections)) + len(liked.users), sizes)
        return cls(
            np.concatenate([liked.item[order], *collections]).astype(np.int64),
            np.concatenate([liked.user[order], collection_owners]).astype(np.int64),
            np.concatenate([liked.at[order], np.zeros(sum(sizes), np.int64)]),
        )

    def __len__(self) -> int:
        return len(self.items)

    def without(self, items: IntArray, owners: IntArray) -> InteractionSequences:
        """Remove items and owners."""
        keep = ~np.isin(self.items, items) & ~np.isin(self.owner, owners)
        return InteractionSequences(self.items[keep], self.owner[keep], self.at[keep])

    def frequency(self, n_items: int) -> DoubleArray:
        """Share of the likes that each item has, (n_items,)."""
        counts = np.bincount(self.items, minlength=n_items)
        share: DoubleArray = counts / max(1, counts.sum())
        return share

    def sample_pairs(self, rng: np.random.Generator, config: PairConfig = DEFAULTS.pairs) -> IntArray:
        """Sample starts and ends of walks for one epoch: (pairs, 2) positions, in random order."""
        n = len(self)
        if n < 2:
            return np.zeros((0, 2), np.int64)
        # A few users must not dominate: users with many likes start a walk from a part of them.
        probability = config.max_starts_per_user / np.maximum(self._sizes, config.max_starts_per_user)
        start = np.flatnonzero(rng.random(n) < probability)
        end, is_valid = self._step_within_sequence(start, rng, config)
        start, end = start[is_valid], end[is_valid]
        walking = np.ones(len(end), bool)
        is_hub = find_hubs(np.bincount(self.items, minlength=1), config.hub_share)
        for _ in range(config.max_steps - 1):
            walking &= (rng.random(len(end)) >= config.restart) & ~is_hub[self.items[end]]
            next_end, is_valid = self._step_within_sequence(self._step_to_other_owner(end, rng), rng, config)
            end = np.where(walking & is_valid, next_end, end)
        pairs = np.stack([self.items[start], self.items[end]], axis=1)
        pairs = pairs[pairs[:, 0] != pairs[:, 1]]
        # A large log takes no longer than a small one: every epoch samples others of its pairs.
        sampled: IntArray = pairs[rng.permutation(len(pairs))[: config.max_pairs]]
        return sampled

    def _step_within_sequence(
        self, likes: IntArray, rng: np.random.Generator, config: PairConfig
    ) -> tuple[IntArray, BoolArray]:
        """Step from each of m likes to one near it, (m,), and whether owner and time match, (m,)."""
        n = len(self)
        # Not further than the own sequence is long.
        max_distance = np.minimum(config.max_distance, self._sizes[likes] - 1)
        distance = 1 + np.floor(rng.random(len(likes)) * max_distance).astype(np.int64)
        target = likes + distance * rng.choice([-1, 1], len(likes))
        inside = (target >= 0) & (target < n)
        target = np.where(inside, target, likes)
        is_valid = inside & (self.owner[likes] == self.owner[target])
        is_valid &= self.items[likes] != self.items[target]
        return target, is_valid & (np.abs(self.at[likes] - self.at[target]) <= config.window_days * DAY)

    def _step_to_other_owner(self, likes: IntArray, rng: np.random.Generator) -> IntArray:
        """Step from each of m likes to a random like of the same item, by any owner, (m,)."""
        first, by_item = self._likes_of_items
        item = self.items[likes]
        index = rng.random(len(likes)) * (first[item + 1] - first[item])
        same_item: IntArray = by_item[first[item] + np.floor(index).astype(np.int64)]
        return same_item

    @cached_property
    def _sizes(self) -> IntArray:
        """Number of likes of the owner of each like, (n,)."""
        sizes: IntArray = np.bincount(self.owner, minlength=1)[self.owner]
        return sizes

    @cached_property
    def _likes_of_items(self) -> tuple[IntArray, IntArray]:
        """Where each item's likes start in the second array, which holds all likes item by item."""
        first = np.concatenate([[0], np.cumsum(np.bincount(self.items, minlength=1))])
        return first, np.argsort(self.items, kind="stable")


def find_hubs(likes: IntArray, share: float) -> BoolArray:
    """Mask the most liked of N items that together have the first `share` of all likes: (N,) -> (N,).

    >>> find_hubs(np.array([1, 30, 8, 2, 25, 14, 20]), 0.2).tolist()
    [False, True, False, False, False, False, False]
    """
    order = np.argsort(-likes, kind="stable")
    likes_before = np.cumsum(likes[order]) - likes[order]
    is_hub = np.zeros(len(likes), bool)
    is_hub[order[likes_before < share * likes.sum()]] = True
    return is_hub
