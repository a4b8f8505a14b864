"""Decayed popularity of items: over all time, lately, and as of a moment in the past.

What was liked in the weeks before a request says more than what is liked today, and a ranker that learns from
past moments must see what was known then. So every share is taken as of a moment: only likes before it count,
with exponential decay.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Generic, TypeVar

import numpy as np

from bowerbird.data.arrays import BoolArray, FloatArray, IntArray
from bowerbird.data.interactions import Interactions
from bowerbird.data.times import DAY
from bowerbird.recommend.models.config import IdNeighbourhoodConfig, PopularityConfig
from bowerbird.recommend.models.id_neighbourhood import smooth

HEAD = 4_096  # items of an order that are cached: enough for any request unless few items are eligible
MAX_CACHED, MAX_CACHED_BYTES = 64, 1 << 25
"""Shares cached for repeated moments: at least this number, and as many as fit into 32 MB."""
T = TypeVar("T")


class LatestUsed(Generic[T]):
    """A cache of the latest used values; threads that ask at the same time may compute a value twice."""

    def __init__(self) -> None:
        self._values: dict[Hashable, T] = {}

    def once(self, key: Hashable, compute: Callable[[], T], at_most: int) -> T:
        """Return the value of a key, computed if it is missing; at most `at_most` values stay."""
        value = self._values.pop(key, None)
        value = compute() if value is None else value
        self._values[key] = value  # at the end: what stands first was used the longest time ago
        while len(self._values) > at_most:
            # Another thread may have dropped it just now, or changed the order while this one looked.
            with contextlib.suppress(RuntimeError, StopIteration):
                self._values.pop(next(iter(self._values)), None)
        return value


@dataclass(frozen=True)
class Popularity:
    """Counts of likes, (items,) float32 each, and the likes themselves, (L,) each in order of time."""

    total: FloatArray
    recent: FloatArray
    items: IntArray  # int64
    at: IntArray  # int64 microseconds
    early: FloatArray  # float32: how early in its user's history a like came, 1 for the first
    id_ranks: IntArray  # (items,): each item's rank in the order of ids
    approval: FloatArray  # (items,): share of likes among an item's events
    config: PopularityConfig = field(default_factory=PopularityConfig)
    _shares: LatestUsed[FloatArray] = field(default_factory=lambda: LatestUsed(), repr=False)
    _neighbourhoods: LatestUsed[FloatArray] = field(default_factory=lambda: LatestUsed(), repr=False)
    _heads: LatestUsed[IntArray] = field(default_factory=lambda: LatestUsed(), repr=False)

    @cached_property
    def now(self) -> FloatArray:
        """Recent likes, and as a tie-breaker likes of all time; (items,) float32."""
        now: FloatArray = self.recent + 1e-3 * self.total
        return now

    @cached_property
    def log_now(self) -> FloatArray:
        """Logarithm of `now`, finite for items without likes too, (items,) float32."""
        log: FloatArray = np.log(self.now + 0.1)
        return log

    @cached_property
    def by_id(self) -> IntArray:
        """Items in the order of ids, (items,) int64."""
        return np.argsort(self.id_ranks)

    @property
    def end(self) -> int:
        """Time of the last like, microseconds; 0 where there is none."""
        return int(self.at[-1]) if len(self.at) else 0

    @property
    def _max_cached(self) -> int:
        return max(MAX_CACHED, MAX_CACHED_BYTES // max(1, self.total.nbytes))

    @classmethod
    def fit(
        cls, events: Interactions, id_ranks: IntArray, config: PopularityConfig | None = None
    ) -> Popularity:
        """Count likes; `id_ranks` (items,) as `rank_ids` gives them."""
        config = config or PopularityConfig()
        liked = events.liked()
        order = np.argsort(liked.at, kind="stable")
        items, at = liked.item[order], liked.at[order]
        earliness = _earliness(liked, config.beginner_likes)[order]
        total = np.bincount(items, minlength=events.n_items).astype(np.float32)
        if not len(liked):
            unknown = np.full(events.n_items, np.nan, np.float32)
            return cls(total, total, items, at, earliness, id_ranks, unknown, config)
        events_per_item = np.bincount(events.item, minlength=events.n_items)
        usual = len(liked) / len(events)
        prior = config.prior_events
        approval = ((total + prior * usual) / (events_per_item + prior)).astype(np.float32)
        half_life = max(DAY, (at[-1] - at[0]) * config.trend_share)
        recent = np.bincount(items, weights=0.5 ** ((at[-1] - at) / half_life), minlength=events.n_items)
        return cls(total, recent.astype(np.float32), items, at, earliness, id_ranks, approval, config)

    def share(self, moment: int, half_life_days: float, beginners: bool = False) -> FloatArray:
        """Compute each item's share of the decayed likes (`beginners`: early ones) before a moment, (items,)
        float32.

        Moments are rounded down to a 16th of the half-life, so that many users share one cached result.
        """
        key = self._rounded(moment, half_life_days), half_life_days, beginners
        return self._shares.once(key, lambda: self._share(*key), self._max_cached)

    def _rounded(self, moment: int, half_life_days: float) -> int:
        step = int(half_life_days * DAY / self.config.steps)
        return self.end if moment >= self.end else moment // step * step

    @property
    def lately(self) -> float:
        """The half-life of the trend, days."""
        return max(1.0, (self.end - int(self.at[0])) / DAY * self.config.trend_share) if len(self.at) else 1.0

    def neighbourhood(
        self,
        moment: int,
        half_life_days: float = PopularityConfig.month,
        width: int = IdNeighbourhoodConfig.width,
    ) -> FloatArray:
        """Compute the log density of likes around each item in the order of ids before a moment, (items,)
        float32: about 0 where it is average. See `id_neighbourhood`."""

        def compute() -> FloatArray:
            share = self.share(moment, half_life_days)
            density = smooth(share, self.id_ranks, width) * len(share)
            nearby: FloatArray = np.log(density + self.config.min_density)
            return nearby

        key = self._rounded(moment, half_life_days), half_life_days, width
        return self._neighbourhoods.once(key, compute, self._max_cached)

    @cached_property
    def _head_now(self) -> IntArray:
        return _highest(self.now, np.arange(len(self.now)), HEAD)

    def top_now(self, eligible: BoolArray, count: int) -> IntArray:
        """Return the `count` eligible (items,) positions with the highest `now`, highest first."""
        top: IntArray = self._head_now[eligible[self._head_now]][:count]
        if len(top) == count:
            return top
        return _highest(self.now, np.flatnonzero(eligible), count)[:count]

    def top(
        self, eligible: BoolArray, count: int, moment: int, half_life_days: float, beginners: bool = False
    ) -> IntArray:
        """Return the eligible (items,) positions with the highest shares at a moment, highest first."""

        def head_of_all() -> IntArray:
            share = self.share(moment, half_life_days, beginners)
            return _highest(share, np.flatnonzero(share), HEAD)

        key = self._rounded(moment, half_life_days), half_life_days, beginners
        head = self._heads.once(key, head_of_all, self._max_cached)
        top: IntArray = head[eligible[head]][:count]
        if len(top) == count:
            return top
        share = self.share(moment, half_life_days, beginners)
        return _highest(share, np.flatnonzero((share > 0) & eligible), count)[:count]

    def _share(self, moment: int, half_life_days: float, beginners: bool) -> FloatArray:
        first = np.searchsorted(self.at, moment - int(self.config.max_age * half_life_days * DAY))
        window = slice(first, np.searchsorted(self.at, moment, side="right"))
        weights = 0.5 ** ((moment - self.at[window]) / (half_life_days * DAY))
        if beginners:
            weights = weights * self.early[window]
        counts = np.bincount(self.items[window], weights=weights, minlength=len(self.total))
        share: FloatArray = (counts / max(float(counts.sum()), 1e-9)).astype(np.float32)
        return share


def _highest(shares: FloatArray, positions: IntArray, count: int) -> IntArray:
    """Select the `count` positions with the highest shares, and all that equal the last of them: highest
    first, ties to the lower position. Only these are sorted, since there may be a million."""
    values = -shares[positions]
    if len(positions) > count:
        is_high = values <= np.partition(values, count - 1)[count - 1]
        positions, values = positions[is_high], values[is_high]
    highest: IntArray = positions[np.argsort(values, kind="stable")]
    return highest


def _earliness(liked: Interactions, beginner_likes: float) -> FloatArray:
    """Compute 1/(1 + k/`beginner_likes`) for each user's k-th like, from 0, (L,) float32.

    `liked` is in order of time.
    """
    order = np.argsort(liked.user, kind="stable")
    starts = np.flatnonzero(np.diff(liked.user[order], prepend=-1))
    like_number = np.empty(len(order), np.float32)
    like_number[order] = np.arange(len(order)) - np.repeat(starts, np.diff(starts, append=len(order)))
    early: FloatArray = (1 / (1 + like_number / beginner_likes)).astype(np.float32)
    return early
