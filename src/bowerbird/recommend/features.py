"""What the ranker knows of a candidate for a person: one row of numbers for each item.

What decides who is a candidate is computed for the whole catalogue; what only orders candidates (content,
side by side) for them alone. Nothing here was fitted on the person's own later likes, so that the ranker
learns from the same numbers that it will be given.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
from numba import njit

from bowerbird.data.interactions import History
from bowerbird.embed.rows import Rows
from bowerbird.recommend.coengagement import CoEngagement, history_matrix, last_of_each
from bowerbird.recommend.facets import Leanings, total
from bowerbird.recommend.follows import Follows
from bowerbird.recommend.lowrank import LowRank
from bowerbird.recommend.popularity import MONTH, YEAR, Popularity
from bowerbird.recommend.ranks import coarse_log, log_places
from bowerbird.recommend.trends import TREND_NAMES, trends_of
from bowerbird.taste.state import DAY

RECENT = 40  # liked items whose vectors speak for a person
HALF_LIFE_DAYS = 30.0  # of what they say, before the person's last event
SIDES = ("facts", "text", "picture")

NAMES = (
    *("coengagement", "coengagement_rank", "low_rank_rank", "follows", "follows_rank"),
    *("content_max", "content_mean", "content_last", "content_top3", "content_max_rank", "content_mean_rank"),
    *(f"{side}_{how}" for side in SIDES for how in ("max", "mean")),
    *("popularity", "popularity_beside_usual", "month", "month_rank", "year", "year_rank", "beginners_rank"),
    *("today", "shelf", "age_days", "unborn", "cold"),
    *("liked_count", "span_days", "price_ratio"),
    *TREND_NAMES,
    *("facets", "facets_rank"),
)
"""Of every row of features; after them comes one for each facet of the catalogue."""


@dataclass(frozen=True)
class World:
    """What is the same for everybody: n items, D dimensions."""

    matrix: np.ndarray | Rows  # (n, D) float32: the trained vectors, or read where they are needed
    sides: tuple[np.ndarray | Rows, ...]  # of facts, text, picture: (n, W) each, rows of length 1 or 0
    prices: np.ndarray  # (n,) float64, NaN where unknown
    seen_first: np.ndarray  # (n,) float64 microseconds: launch or first event, NaN where neither is known
    coengagement: CoEngagement
    low_rank: LowRank
    follows: Follows
    popularity: Popularity
    leanings: Leanings

    @cached_property
    def columns(self) -> np.ndarray:
        """The matrix laid out by columns, (D, n): a few rows times it is a third quicker than `matrix.T`."""
        assert isinstance(self.matrix, np.ndarray), "only a matrix in memory is looked at whole"
        return np.ascontiguousarray(self.matrix.T)

    @cached_property
    def counted_sides(self) -> np.ndarray | None:
        """How many sides each item has, (n,) float32; None where they are read from files."""
        held = [side for side in self.sides if isinstance(side, np.ndarray)]
        return _counted(held) if len(held) == len(self.sides) else None

    @cached_property
    def cold(self) -> np.ndarray:
        """Items that nobody has liked yet, (n,) bool."""
        cold: np.ndarray = self.popularity.total == 0
        return cold


ByPosition: TypeAlias = Any
"""Answers with numbers for positions: an array over all items, or `candidates.Values`, which holds some."""


@dataclass(frozen=True)
class Signals:
    """One person's signals by item: for every one, (n,) float32, or for the candidates."""

    coengagement: ByPosition
    low_rank: ByPosition
    follows: ByPosition
    nearest: ByPosition  # highest similarity of the trained vectors to one liked item
    mean: ByPosition  # their similarity to all of them, weighted
    liked: History
    recent: History = field(repr=False)  # the latest liked items, each once
    at: int  # the moment of asking, microseconds
    leaning: np.ndarray  # (V,) to each value of the facets


def signals_of(histories: list[History], world: World, content: bool = True) -> list[Signals]:
    """Signals of B people; people without a liked item get zeros, and everybody for what is near by vectors
    where `content` is not asked for."""
    liked = [history.liked() for history in histories]
    weights = [by_place(len(one)) for one in liked]
    together = _together(liked, weights, world)
    return [
        _signals(history, one, weight, together[row], world, content)
        for row, (history, one, weight) in enumerate(zip(histories, liked, weights, strict=True))
    ]


def _together(liked: list[History], weights: list[np.ndarray], world: World) -> np.ndarray:
    if len(liked) == 1:  # who asks alone waits: only what they need is read
        return world.coengagement.scores_of(*last_of_each(liked[0].items, weights[0]))[None]
    return world.coengagement.scores(history_matrix([one.items for one in liked], len(world.matrix), weights))


def _signals(
    history: History,
    liked: History,
    weights: np.ndarray,
    together: np.ndarray,
    world: World,
    content: bool,
) -> Signals:
    at = moment_of(history, world)
    recent = latest(liked, RECENT)
    nearest = mean = low_rank = follows = np.zeros(len(world.matrix), np.float32)
    if len(recent):
        if content:
            nearest, mean = near_by_all(recent, world)
        low_rank = world.low_rank.scores(liked.items, weights)
        follows = world.follows.scores(liked)
    leaning = world.leanings.of(liked.items, weights)
    return Signals(together, low_rank, follows, nearest, mean, liked, recent, at, leaning)


def near_by_all(recent: History, world: World) -> tuple[np.ndarray, np.ndarray]:
    """Similarity of every item to the nearest of R recent likes, and to all of them, (n,) float32 each."""
    similar = world.matrix[recent.items] @ world.columns  # (R, n): rows, so that max runs over them
    return similar.max(axis=0), said_by(recent) @ similar


def moment_of(history: History, world: World) -> int:
    """When somebody asks, microseconds: right after their last event, or now, if they liked nothing yet."""
    return int(history.at[-1]) if len(history.liked()) else world.popularity.end


def by_place(count: int) -> np.ndarray:
    """Weights of a person's likes by their place: √(k/count) for the k-th, so that late ones say more."""
    weights: np.ndarray = np.sqrt(np.arange(1, count + 1, dtype=np.float32) / max(count, 1))
    return weights


def said_by(recent: History) -> np.ndarray:
    """Weights of recent likes by action and age, summing to 1, (R,) float32."""
    age_days = (recent.at[-1] - recent.at) / DAY
    weights = recent.weights * 0.5 ** (age_days / HALF_LIFE_DAYS)
    share: np.ndarray = (weights / max(float(weights.sum()), 1e-9)).astype(np.float32)
    return share


def latest(liked: History, count: int) -> History:
    """The latest `count` liked items, each once, oldest first."""
    _, first = np.unique(liked.items[::-1], return_index=True)
    rows = np.sort(len(liked) - 1 - first)[-count:]
    return liked.where(rows)


def rows_of(signals: Signals, candidates: np.ndarray, world: World) -> np.ndarray:
    """Features of C candidates (positions), (C, len(NAMES) + facets) float32; NaN where unknown."""
    popularity, liked = world.popularity, signals.liked
    cold = world.cold[candidates]
    unknown = np.full(len(candidates), np.nan, np.float32)
    # Nobody has liked a cold item yet: what people do together is unknown there, not low.
    together = np.where(cold, np.nan, signals.coengagement[candidates])
    crowd = [together] + [
        np.where(cold, np.nan, log_places(one[candidates]))
        for one in (signals.coengagement, signals.low_rank, signals.follows)
    ]
    crowd.insert(3, np.where(cold, np.nan, signals.follows[candidates]))
    usual = np.log1p(popularity.total[liked.items]).mean() if len(liked) else np.nan
    known = np.log1p(popularity.total[candidates])
    month, year = (popularity.share(signals.at, days)[candidates] for days in (MONTH, YEAR))
    beginners = popularity.share(signals.at, YEAR, beginners=True)[candidates]
    today = popularity.share(popularity.end, MONTH)[candidates]
    shelf = popularity.shelf(signals.at)[candidates]
    age = (signals.at - world.seen_first[candidates]) / DAY
    facets = world.leanings.to(signals.leaning, candidates)
    all_facets = total(facets)
    columns = [
        *crowd,
        *(content_of(signals, candidates, world) if len(signals.recent) else [unknown] * 12),
        np.round(known),
        np.round(known - usual),
        *(coarse_log(month), log_places(month), coarse_log(year), log_places(year)),
        log_places(beginners),
        coarse_log(today),
        np.round(4 * shelf),
        np.round(np.log1p(np.maximum(age, 0.0))),
        age < 0,
        cold,
        np.log1p(len(liked)),
        np.log1p((signals.at - liked.at[0]) / DAY) if len(liked) else np.nan,
        _price_ratio(liked, candidates, world.prices),
        *trends_of(popularity, liked, signals.at, candidates),
        *(all_facets, log_places(all_facets)),
        *facets.T,
    ]
    table = np.empty((len(columns), len(candidates)), np.float32)  # by columns, as they are read again
    for row, column in zip(table, columns, strict=True):
        row[:] = column
    return table.T


def content_of(signals: Signals, candidates: np.ndarray, world: World) -> list[np.ndarray]:
    """Similarity by untrained content, 12 × (C,): all sides as one (6 numbers), each alone (2 numbers)."""
    recent = signals.recent.items
    by_side = similarities(world.sides, recent, candidates)
    # A side has length 1 where there is one: so many sides, squared, have two things beside each other.
    mine, theirs = (_sides_of(items, world) for items in (recent, candidates))
    found = _compared(*by_side, mine, theirs, said_by(signals.recent))
    largest, mean = found[0], found[1]
    return [*found[:4], log_places(largest), log_places(mean), *found[4:]]


def similarities(
    sides: tuple[np.ndarray | Rows, ...], recent: np.ndarray, candidates: np.ndarray
) -> list[np.ndarray]:
    """Dot products of R items and C others (positions), (R, C) float32, for each side."""
    found: list[np.ndarray] = []
    for place, side in enumerate(sides):
        if place and side is sides[place - 1]:  # vectors that stand for every side
            found.append(found[-1])
        else:
            found.append(np.asarray(side[recent], np.float32) @ np.asarray(side[candidates], np.float32).T)
    return found


def _sides_of(items: np.ndarray, world: World) -> np.ndarray:
    counted = world.counted_sides
    return _counted([side[items] for side in world.sides]) if counted is None else counted[items]


def _counted(sides: list[np.ndarray]) -> np.ndarray:
    counted: np.ndarray = np.stack([side.any(axis=1) for side in sides]).sum(axis=0, dtype=np.float32)
    return counted


@njit(cache=True, nogil=True)
def _compared(facts, text, picture, mine, theirs, weights):  # type: ignore[no-untyped-def]
    """Similarities (R, C) by three sides, how many sides each of R and C has, and weights (R,), as (10, C):
    largest, mean, last and mean of the three largest of all sides as one; largest and mean of each side."""
    recent, count = facts.shape
    found = np.zeros((10, count), np.float32)
    found[0], found[4], found[6], found[8] = -np.inf, -np.inf, -np.inf, -np.inf
    second, third = np.full(count, -np.inf, np.float32), np.full(count, -np.inf, np.float32)
    for row in range(recent):
        weight = weights[row]
        for c in range(count):
            one, two, three = facts[row, c], text[row, c], picture[row, c]
            joined = (one + two + three) / np.sqrt(max(mine[row] * theirs[c], np.float32(1e-9)))
            first = found[0, c]
            less = min(first, joined)
            found[0, c] = max(first, joined)
            least = min(second[c], less)
            second[c] = max(second[c], less)
            third[c] = max(third[c], least)
            found[1, c] += weight * joined
            found[2, c] = joined
            found[4, c] = max(found[4, c], one)
            found[5, c] += weight * one
            found[6, c] = max(found[6, c], two)
            found[7, c] += weight * two
            found[8, c] = max(found[8, c], three)
            found[9, c] += weight * three
    kept = min(recent, 3)
    for c in range(count):
        three_largest = found[0, c]
        if kept > 1:
            three_largest += second[c]
        if kept > 2:
            three_largest += third[c]
        found[3, c] = three_largest / np.float32(kept)
    return found


def _price_ratio(liked: History, candidates: np.ndarray, prices: np.ndarray) -> np.ndarray:
    """Log of a price beside the person's median; NaN where one is unknown."""
    paid = prices[liked.items]
    paid = paid[np.isfinite(paid) & (paid > 0)]
    usual = np.median(paid) if len(paid) else np.nan
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio: np.ndarray = np.log(prices[candidates] / usual)
    return np.where(np.isfinite(ratio), ratio, np.nan)
