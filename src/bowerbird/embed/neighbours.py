"""Which items belong together: liked by one person within a short while, or put into one collection."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bowerbird.data.collections import Collection
from bowerbird.data.interactions import Interactions
from bowerbird.data.items import Catalogue
from bowerbird.data.splits import Holdout

REACH = 10
"""A neighbour is at most so many likes away."""
WINDOW_DAYS = 90
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
    def of(cls, training: Interactions, baskets: Sequence[np.ndarray]) -> Strings:
        """Likes of training events, and of collections given as arrays of positions."""
        liked = training.liked()
        # By id, not by number: numbers depend on people whom training must not see.
        rank = np.argsort(np.argsort(np.array(liked.users, dtype=object))) if len(liked.users) else liked.user
        order = np.lexsort((liked.item, liked.at, rank[liked.user])) if len(liked) else np.zeros(0, np.int64)
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
        """Neighbours for one epoch, (pairs, 2) int64 positions, in random order."""
        n = len(self)
        if n < 2:
            return np.zeros((0, 2), np.int64)
        anchor = np.arange(n)
        sizes = np.bincount(self.owner)[self.owner]
        anchor = anchor[rng.random(n) < ANCHORS_OF_ONE / np.maximum(sizes, ANCHORS_OF_ONE)]
        # Within reach, and not beyond the own string where that is short.
        reach = np.minimum(REACH, sizes[anchor] - 1)
        step = 1 + np.floor(rng.random(len(anchor)) * reach).astype(np.int64)
        partner = anchor + step * rng.choice([-1, 1], len(anchor))
        inside = (partner >= 0) & (partner < n)
        anchor, partner = anchor[inside], partner[inside]
        good = (self.owner[anchor] == self.owner[partner]) & (self.items[anchor] != self.items[partner])
        good &= np.abs(self.at[anchor] - self.at[partner]) <= WINDOW_DAYS * _DAY_US
        pairs = np.stack([self.items[anchor[good]], self.items[partner[good]]], axis=1)
        return pairs[rng.permutation(len(pairs))[:PAIRS_AT_MOST]]


def baskets_of(collections: Sequence[Collection], catalogue: Catalogue, holdout: Holdout) -> list[np.ndarray]:
    """Positions of each collection's items; without the collections of people who are held out."""
    baskets = []
    for one in sorted(collections, key=lambda c: c.collection_id):
        if one.user_id and holdout.holds(one.user_id):
            continue
        known = [catalogue.position[item] for item in one.item_ids if item in catalogue]
        if len(known) > 1:
            baskets.append(np.array(known, dtype=np.int64))
    return baskets
