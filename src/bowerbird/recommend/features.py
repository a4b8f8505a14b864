"""What the ranker knows of a candidate for a person: one row of numbers for each item.

All signals are computed for the whole catalogue at once (a few matrix products), because choosing candidates
needs them anyway; the ranker then sees the rows of the candidates only.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np

from bowerbird.data.interactions import History
from bowerbird.embed.rows import Rows
from bowerbird.recommend.coengagement import CoEngagement, history_matrix
from bowerbird.recommend.popularity import Popularity
from bowerbird.taste.state import DAY

RECENT = 40  # liked items whose vectors speak for a person
HALF_LIFE_DAYS = 30.0  # of what they say, before the person's last event

NAMES = (
    *("coengagement", "coengagement_rank", "nearest", "mean", "last", "mean_rank", "nearest_rank"),
    *("popularity", "trend", "cold", "liked_count", "price_ratio"),
)


@dataclass(frozen=True)
class World:
    """What is the same for everybody: n items, D dimensions."""

    matrix: np.ndarray | Rows  # (n, D) float32, or read where it is needed
    prices: np.ndarray  # (n,) float64, NaN where unknown
    coengagement: CoEngagement
    popularity: Popularity

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

    @cached_property
    def by_popularity(self) -> np.ndarray:
        """All positions, what is liked most of late first, (n,)."""
        return np.argsort(-self.popularity.now, kind="stable")


ByPosition: TypeAlias = Any
"""Answers with numbers for positions: an array over all items, or `candidates.Values`, which holds some."""


@dataclass(frozen=True)
class Signals:
    """The signals of one person by item: for every one, (n,) float32, or for the candidates."""

    coengagement: ByPosition
    nearest: ByPosition  # highest similarity to one liked item
    mean: ByPosition  # similarity to all of them, weighted
    last: ByPosition  # similarity to the latest
    liked: History


def signals_of(histories: list[History], world: World) -> list[Signals]:
    """Signals of B people; people without a liked item get zeros."""
    liked = [history.liked() for history in histories]
    together = world.coengagement.scores(history_matrix([one.items for one in liked], len(world.matrix)))
    return [_signals(one, together[row], world) for row, one in enumerate(liked)]


def _signals(liked: History, together: np.ndarray, world: World) -> Signals:
    nothing = np.zeros(len(world.matrix), np.float32)
    recent = latest(liked, RECENT)
    if not len(recent):
        return Signals(together, nothing, nothing, nothing, liked)
    similar = (
        world.matrix[recent.items] @ world.columns
    )  # (recent, n): rows, so that max runs over whole rows
    mean = said_by(recent) @ similar
    return Signals(together, similar.max(axis=0), mean, similar[-1], liked)


def said_by(recent: History) -> np.ndarray:
    """How much each of a person's recent liked items says of them, (recent,) float32; the sum is 1."""
    age_days = (recent.at[-1] - recent.at) / DAY
    weights = (recent.weights * 0.5 ** (age_days / HALF_LIFE_DAYS)).astype(np.float32)
    shares: np.ndarray = weights / max(float(weights.sum()), 1e-9)
    return shares


def latest(liked: History, count: int) -> History:
    """The latest `count` liked items, each once, oldest first."""
    _, first = np.unique(liked.items[::-1], return_index=True)
    rows = np.sort(len(liked) - 1 - first)[-count:]
    return liked.where(rows)


def rows_of(signals: Signals, candidates: np.ndarray, world: World) -> np.ndarray:
    """Features of C candidates (positions), (C, len(NAMES)) float32."""
    cold = world.popularity.total[candidates] == 0
    # Nobody has liked a cold item yet: what people do together is unknown there (NaN), not low.
    columns = [
        np.where(cold, np.nan, signals.coengagement[candidates]),
        np.where(cold, np.nan, _rank(signals.coengagement, candidates)),
        signals.nearest[candidates],
        signals.mean[candidates],
        signals.last[candidates],
        _rank(signals.mean, candidates),
        _rank(signals.nearest, candidates),
        np.log1p(world.popularity.total[candidates]),
        np.log1p(world.popularity.recent[candidates]),
        cold.astype(np.float32),
        np.full(len(candidates), np.log1p(len(signals.liked))),
        _price_ratio(signals.liked, candidates, world.prices),
    ]
    return np.stack(columns, axis=1).astype(np.float32)


def _rank(scores: ByPosition, candidates: np.ndarray) -> np.ndarray:
    """Logarithm of each candidate's place among the candidates by a signal."""
    ranked: np.ndarray = np.log1p(places_of(scores[candidates]).astype(np.float32))
    return ranked


def places_of(scores: np.ndarray) -> np.ndarray:
    """Place of each score from 0, the best; equal scores share the best of their places, (C,) -> (C,) int64.

    Shared, because a source that knows nothing (zeros for all) must not prefer the catalogue's first items.

    >>> places_of(np.array([0.0, 2.0, 0.0, 1.0])).tolist()
    [2, 0, 2, 1]
    """
    order = np.argsort(-scores, kind="stable")
    starts = np.flatnonzero(np.diff(scores[order], prepend=np.inf))  # of each run of equal scores
    lengths = np.diff(starts, append=len(scores))
    place = np.empty(len(scores), np.int64)
    place[order] = np.repeat(starts, lengths)
    return place


def _price_ratio(liked: History, candidates: np.ndarray, prices: np.ndarray) -> np.ndarray:
    """Log of a price beside the person's median; NaN, which trees understand, where one is unknown."""
    paid = prices[liked.items]
    paid = paid[np.isfinite(paid) & (paid > 0)]
    usual = np.median(paid) if len(paid) else np.nan
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio: np.ndarray = np.log(prices[candidates] / usual)
    return np.where(np.isfinite(ratio), ratio, np.nan)
