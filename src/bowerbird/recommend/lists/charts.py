"""Lists for nobody in particular: what is trending, popular or new."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

import numpy as np

from bowerbird.data.arrays import BoolArray, DoubleArray
from bowerbird.data.articles.variants import Articles
from bowerbird.data.ranks import top_k
from bowerbird.data.times import SECOND
from bowerbird.recommend.recommender import Recommender


class Chart(StrEnum):
    """What the items of a list are ordered by."""

    TRENDING = "trending"
    """Their likers, each weighted by the age of the latest like (exponential decay)."""
    POPULAR = "popular"
    """Their likes when the ranker was trained, recent ones counting more."""
    NEW = "new"
    """When they were launched, in seconds since 1970; items without that time are left out."""


def chart_scores(
    chart: Chart, recommender: Recommender, now: int, half_life_days: float = 7.0
) -> DoubleArray:
    """Score all items for a chart at a moment (microseconds), (items,) float64; 0 for those not in it."""
    match chart:
        case Chart.TRENDING:
            scores = recommender.taste.trending(now, half_life_days)
        case Chart.POPULAR:
            scores = recommender.ranker.context.popularity.now
        case Chart.NEW:
            launched = recommender.catalogue.launched
            scores = np.where(launched <= now, launched, 0) // SECOND
    return np.maximum(scores, 0.0).astype(np.float64)


def best_of(
    scores: DoubleArray, eligible: BoolArray, n: int, articles: Articles
) -> Sequence[tuple[int, float]]:
    """Positions and scores of the n eligible items with the highest scores above 0, best first.

    Of each article the best variant.
    """
    masked = np.where(eligible, scores, 0.0)
    best = top_k(masked[None], n * articles.max_variants)[0]
    best = best[articles.first_rows(best)][:n]
    return [(int(position), float(masked[position])) for position in best if masked[position] > 0]
