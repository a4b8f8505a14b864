"""The interests of a catalogue: groups of items found by clustering vectors, and themes that unite them.

The vectors were trained on content and engagement, so items that lie close together look alike and are liked
together. Each interest and each theme has an id that outlives re-training: a new group takes the id of the
former group with which it shares most of its items, if it shares enough.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Collection
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from bowerbird.data.arrays import FloatArray, IntArray
from bowerbird.data.items import Catalogue
from bowerbird.taste.config import InterestConfig
from bowerbird.taste.interests.clustering import assign_groups, merge_centres, ward_kmeans
from bowerbird.taste.interests.naming import make_unique, name_groups

DEFAULT = InterestConfig()
SMALL_CATALOGUE = 400  # items


@dataclass(frozen=True)
class Level:
    """Groups of one level of the hierarchy, K of them: an id, a name and words each."""

    ids: IntArray  # (K,) int64
    names: list[str]
    words: list[list[str]]

    def __len__(self) -> int:
        return len(self.names)

    def numbers_of(self, ids: Collection[int]) -> frozenset[int]:
        """Numbers of the groups with these ids; unknown ids have none."""
        return frozenset(number for number, id_ in enumerate(self.ids.tolist()) if id_ in ids)


@dataclass(frozen=True)
class Interests:
    """K interests of the items, united in T themes."""

    group: IntArray  # (items,) int64: number of each item's interest; -1 for items without a vector
    centres: FloatArray  # (K, D) float32, rows of length 1
    fine: Level = field(repr=False)
    theme: IntArray  # (K,) int64: number of each interest's theme
    themes: Level = field(repr=False)
    next_id: int
    """The first id that was never given."""

    def __len__(self) -> int:
        return len(self.fine)

    @cached_property
    def key(self) -> str:
        """128 bits that change with the assignment of items to interests."""
        digest = hashlib.blake2b(np.ascontiguousarray(self.group).tobytes(), digest_size=16)
        digest.update(np.ascontiguousarray(self.fine.ids).tobytes())
        return digest.hexdigest()

    @property
    def names(self) -> list[str]:
        """Name of each interest."""
        return self.fine.names

    @property
    def words(self) -> list[list[str]]:
        """Words of each interest."""
        return self.fine.words

    @property
    def theme_of_items(self) -> IntArray:
        """Number of each item's theme, (items,) int64; -1 for items without a vector."""
        return np.where(self.group >= 0, np.append(self.theme, -1)[self.group], -1)

    @classmethod
    def from_vectors(
        cls, matrix: FloatArray, catalogue: Catalogue, config: InterestConfig = DEFAULT
    ) -> Interests:
        """Find interests by clustering item vectors (items, D); their ids start at 0."""
        has_vector = np.flatnonzero(matrix.any(axis=1))
        centres = ward_kmeans(matrix[has_vector], count_groups(len(has_vector), config), config.clustering)
        group = assign_groups(matrix, centres)
        theme = merge_centres(centres, round(math.sqrt(len(centres))))
        n, m = len(centres), int(theme.max(initial=-1)) + 1
        theme_of_items = np.where(group >= 0, np.append(theme, -1)[group], -1)
        fine = _make_level(group, n, 0, catalogue, config)
        themes = _make_level(theme_of_items, m, n, catalogue, config)
        return cls(group, centres, fine, theme, themes, n + m)

    def extended_to(self, matrix: FloatArray) -> Interests:
        """The same interests, with their centres, for other items in the same vector space, (n, D)."""
        return Interests(
            assign_groups(matrix, self.centres),
            self.centres,
            self.fine,
            self.theme,
            self.themes,
            self.next_id,
        )

    def with_former_ids(
        self, former: Interests, former_group: IntArray, same_group: float = DEFAULT.same_group
    ) -> Interests:
        """These interests with the ids of the former ones that mean the same.

        `former_group` (items,): number of each of today's items in `former`, -1 where it was not there.
        """
        fine, next_id = _match_ids(
            self.group, self.fine, former_group, former.fine, former.next_id, same_group
        )
        former_themes = np.where(former_group >= 0, np.append(former.theme, -1)[former_group], -1)
        themes, next_id = _match_ids(
            self.theme_of_items, self.themes, former_themes, former.themes, next_id, same_group
        )
        return Interests(self.group, self.centres, fine, self.theme, themes, next_id)


def count_groups(n_items: int, config: InterestConfig = DEFAULT) -> int:
    """Number of interests for a catalogue of `n_items` items."""
    by_size = n_items / config.items_per_group if n_items < SMALL_CATALOGUE else 0.0
    count = max(by_size, math.sqrt(n_items) * config.groups_per_root)
    return min(n_items, max(config.min_groups, min(config.max_groups, round(count))))


def _make_level(
    group: IntArray, count: int, first_id: int, catalogue: Catalogue, config: InterestConfig
) -> Level:
    words = name_groups(group, count, catalogue, config.naming)
    names = make_unique([" · ".join(group_words) for group_words in words])
    return Level(np.arange(first_id, first_id + count), names, words)


def _match_ids(
    group: IntArray,
    level: Level,
    former_group: IntArray,
    former: Level,
    next_id: int,
    same_group: float,
) -> tuple[Level, int]:
    """A level with the ids of `former` where groups mean the same, new ids elsewhere; the next free id."""
    from scipy.optimize import linear_sum_assignment

    in_both = (group >= 0) & (former_group >= 0)
    shared = np.zeros((len(former), len(level)))
    np.add.at(shared, (former_group[in_both], group[in_both]), 1)
    union = shared.sum(axis=1, keepdims=True) + shared.sum(axis=0) - shared
    jaccard = shared / np.maximum(union, 1)
    ids = np.full(len(level), -1, np.int64)
    # One to one, with the greatest sum of similarities (Kuhn, "The Hungarian Method", 1955).
    for former_number, number in zip(*linear_sum_assignment(-jaccard), strict=True):
        if jaccard[former_number, number] >= same_group:
            ids[number] = former.ids[former_number]
    new = np.flatnonzero(ids < 0)
    ids[new] = next_id + np.arange(len(new))
    return Level(ids, level.names, level.words), next_id + len(new)
