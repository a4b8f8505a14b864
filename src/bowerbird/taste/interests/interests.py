"""What there is to be drawn to: groups of items grown from vectors, and themes that unite them.

The vectors were trained on content and engagement, so what lies close together looks alike and is liked
together. Each interest and each theme has an id that outlives re-training: grown anew, a group takes the id
of the group before with which it shares most of its items, if it shares enough.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Collection
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from bowerbird.data.items import Catalogue
from bowerbird.taste.interests.clustering import grouped, joined_means, united
from bowerbird.taste.interests.naming import told_apart, words_of

LEAST_GROUPS, MOST_GROUPS = 4, 2_000
ITEMS_A_GROUP = 12  # items for each group in small catalogues; larger ones have sqrt(items) groups
SAME = 0.3
"""Share of the items of two groups that both hold (Jaccard), from which they mean the same."""


@dataclass(frozen=True)
class Level:
    """Groups of one kind, K of them: an id, a name and words each."""

    ids: np.ndarray  # (K,) int64
    names: list[str]
    words: list[list[str]]

    def __len__(self) -> int:
        return len(self.names)

    def numbers_of(self, said: Collection[int | str]) -> frozenset[int]:
        """Numbers of the groups that have some ids, or names, as earlier versions kept; of others, none."""
        places = zip(self.ids.tolist(), self.names, strict=True)
        return frozenset(number for number, (id_, name) in enumerate(places) if id_ in said or name in said)


@dataclass(frozen=True)
class Interests:
    """K interests of the items, united in T themes."""

    group: np.ndarray  # (items,) int64: number of each item's interest; -1 for items without a vector
    centres: np.ndarray  # (K, D) float32, rows of length 1
    fine: Level = field(repr=False)
    theme: np.ndarray  # (K,) int64: number of each interest's theme
    themes: Level = field(repr=False)
    next_id: int
    """The first id that was never given."""

    def __len__(self) -> int:
        return len(self.fine)

    @cached_property
    def key(self) -> str:
        """128 bits that change with which item speaks for which interest."""
        digest = hashlib.blake2b(np.ascontiguousarray(self.group).tobytes(), digest_size=16)
        digest.update(np.ascontiguousarray(self.fine.ids).tobytes())
        return digest.hexdigest()

    @property
    def names(self) -> list[str]:
        return self.fine.names

    @property
    def words(self) -> list[list[str]]:
        return self.fine.words

    @property
    def theme_of_items(self) -> np.ndarray:
        """Number of each item's theme, (items,) int64; -1 for items without a vector."""
        return np.where(self.group >= 0, np.append(self.theme, -1)[self.group], -1)

    @classmethod
    def grown(cls, matrix: np.ndarray, catalogue: Catalogue) -> Interests:
        """Grow interests from item vectors (items, D), with ids from 0."""
        known = np.flatnonzero(matrix.any(axis=1))
        centres = joined_means(matrix[known], count_for(len(known)))
        group = grouped(matrix, centres)
        theme = united(centres, round(math.sqrt(len(centres))))
        n, m = len(centres), int(theme.max(initial=-1)) + 1
        of_items = np.where(group >= 0, np.append(theme, -1)[group], -1)
        fine, themes = _level(group, n, 0, catalogue), _level(of_items, m, n, catalogue)
        return cls(group, centres, fine, theme, themes, n + m)

    def around(self, matrix: np.ndarray) -> Interests:
        """The same interests, around the centres that they have, of other items in the same space, (n, D)."""
        return Interests(
            grouped(matrix, self.centres), self.centres, self.fine, self.theme, self.themes, self.next_id
        )

    def named_after(self, before: Interests, group_before: np.ndarray) -> Interests:
        """These interests with the ids of those before that mean the same. `group_before` (items,): number of
        each of today's items among those before, -1 where it was not there."""
        fine, next_id = _ids_after(self.group, self.fine, group_before, before.fine, before.next_id)
        themes_before = np.where(group_before >= 0, np.append(before.theme, -1)[group_before], -1)
        themes, next_id = _ids_after(self.theme_of_items, self.themes, themes_before, before.themes, next_id)
        return Interests(self.group, self.centres, fine, self.theme, themes, next_id)


def count_for(n_items: int) -> int:
    """Interests of a catalogue of so many items."""
    wanted = max(n_items / ITEMS_A_GROUP if n_items < 400 else 0, math.sqrt(n_items) * 1.5)
    return min(n_items, max(LEAST_GROUPS, min(MOST_GROUPS, round(wanted))))


def _level(group: np.ndarray, count: int, first_id: int, catalogue: Catalogue) -> Level:
    words = words_of(group, count, catalogue)
    names = told_apart([" · ".join(said) for said in words])
    return Level(np.arange(first_id, first_id + count), names, words)


def _ids_after(
    group: np.ndarray, level: Level, group_before: np.ndarray, before: Level, next_id: int
) -> tuple[Level, int]:
    """A level with the ids of `before` where groups mean the same, new ids elsewhere; the next free id."""
    from scipy.optimize import linear_sum_assignment

    both = (group >= 0) & (group_before >= 0)
    shared = np.zeros((len(before), len(level)))
    np.add.at(shared, (group_before[both], group[both]), 1)
    either = shared.sum(axis=1, keepdims=True) + shared.sum(axis=0) - shared
    same = shared / np.maximum(either, 1)
    ids = np.full(len(level), -1, np.int64)
    for old, new in zip(*linear_sum_assignment(-same), strict=True):
        if same[old, new] >= SAME:
            ids[new] = before.ids[old]
    fresh = np.flatnonzero(ids < 0)
    ids[fresh] = next_id + np.arange(len(fresh))
    return Level(ids, level.names, level.words), next_id + len(fresh)
