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

from bowerbird.data.interactions import History
from bowerbird.embed.rows import Rows
from bowerbird.recommend.coengagement import CoEngagement, history_matrix
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


def signals_of(histories: list[History], world: World) -> list[Signals]:
    """Signals of B people; people without a liked item get zeros."""
    liked = [history.liked() for history in histories]
    weights = [by_place(len(one)) for one in liked]
    together = world.coengagement.scores(
        history_matrix([one.items for one in liked], len(world.matrix), weights)
    )
    return [
        _signals(history, one, weight, together[row], world)
        for row, (history, one, weight) in enumerate(zip(histories, liked, weights, strict=True))
    ]


def _signals(
    history: History, liked: History, weights: np.ndarray, together: np.ndarray, world: World
) -> Signals:
    at = moment_of(history, world)
    recent = latest(liked, RECENT)
    nearest = mean = low_rank = follows = np.zeros(len(world.matrix), np.float32)
    if len(recent):
        similar = world.matrix[recent.items] @ world.columns  # (recent, n): rows, so that max runs over them
        nearest, mean = similar.max(axis=0), said_by(recent) @ similar
        low_rank = world.low_rank.scores(liked.items, weights)
        follows = world.follows.scores(liked)
    return Signals(together, low_rank, follows, nearest, mean, liked, recent, at)


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
        np.full(len(candidates), np.log1p(len(liked))),
        np.full(len(candidates), np.log1p((signals.at - liked.at[0]) / DAY) if len(liked) else np.nan),
        _price_ratio(liked, candidates, world.prices),
    ]
    facets = world.leanings.of(liked.items, by_place(len(liked)), candidates)
    all_facets = total(facets)
    columns += [*trends_of(popularity, liked, signals.at, candidates), all_facets, log_places(all_facets)]
    return np.hstack([np.stack(columns, axis=1), facets]).astype(np.float32)


def content_of(signals: Signals, candidates: np.ndarray, world: World) -> list[np.ndarray]:
    """Similarity by untrained content, 12 × (C,): all sides as one (6 numbers), each alone (2 numbers)."""
    weights = said_by(signals.recent)
    mine = [np.asarray(side[signals.recent.items], np.float32) for side in world.sides]
    theirs = [np.asarray(side[candidates], np.float32) for side in world.sides]
    by_side = [one @ other.T for one, other in zip(mine, theirs, strict=True)]  # (R, C) each
    # A side has length 1 where there is one: so many sides, squared, have two things beside each other.
    lengths, others = (np.sum([side.any(axis=1) for side in those], axis=0) for those in (mine, theirs))
    joined: np.ndarray = np.sum(by_side, axis=0) / np.sqrt(np.maximum(np.outer(lengths, others), 1e-9))
    largest, mean = joined.max(axis=0), weights @ joined
    three = np.sort(joined, axis=0)[-3:].mean(axis=0)
    content = [largest, mean, joined[-1], three, log_places(largest), log_places(mean)]
    return content + [row for one in by_side for row in (one.max(axis=0), weights @ one)]


def _price_ratio(liked: History, candidates: np.ndarray, prices: np.ndarray) -> np.ndarray:
    """Log of a price beside the person's median; NaN where one is unknown."""
    paid = prices[liked.items]
    paid = paid[np.isfinite(paid) & (paid > 0)]
    usual = np.median(paid) if len(paid) else np.nan
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio: np.ndarray = np.log(prices[candidates] / usual)
    return np.where(np.isfinite(ratio), ratio, np.nan)
