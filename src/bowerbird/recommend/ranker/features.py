"""The table that the ranker reads: what the sources say of each candidate, and what is known of user and
item.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bowerbird.data.arrays import BoolArray, DoubleArray, FloatArray, IntArray, RealArray
from bowerbird.data.times import DAY
from bowerbird.recommend.context import SourceContext
from bowerbird.recommend.query import Query
from bowerbird.recommend.sources.source import Source

GENERAL_FEATURES = ("age_days", "unborn", "liked_count", "span_days", "gap_days", "price_ratio")
"""Features of user and item that belong to no source; logarithms, but for `unborn`."""


def feature_names(sources: Sequence[Source]) -> list[str]:
    """Name the columns of `build_features`."""
    return [*GENERAL_FEATURES, *(name for source in sources for name in source.feature_names)]


def build_features(
    query: Query, positions: IntArray, sources: Sequence[Source], context: SourceContext
) -> FloatArray:
    """Describe C candidates, (C, features) float32, laid out by columns; NaN where something is unknown."""
    columns = [*_general(query, positions, context)]
    for source in sources:
        columns += source.features(query, positions)
    # Filled a row at a time and transposed: every column stays contiguous, and the trees read columns.
    table = np.empty((len(columns), len(positions)), np.float32)
    for row, column in zip(table, columns, strict=True):
        row[:] = column
    return table.T


def _general(query: Query, positions: IntArray, context: SourceContext) -> list[RealArray | BoolArray]:
    liked, n = query.liked, len(positions)
    age_days = (query.at - context.first_seen[positions]) / DAY
    # Both say how much the history and the popularity can be relied on, not what the item is.
    span = np.log1p((query.at - liked.at[0]) / DAY) if len(liked) else np.nan
    gap = np.log1p(max(0, context.popularity.end - query.at) / DAY)
    return [
        np.round(np.log1p(np.maximum(age_days, 0.0))),
        # Its own column: the age of an item that was first seen later would be cut off at 0, like a new one.
        age_days < 0,
        np.full(n, np.log1p(len(liked))),
        np.full(n, span),
        np.full(n, gap),
        _price_ratio(query, positions, context.items.catalogue.prices),
    ]


def _price_ratio(query: Query, positions: IntArray, prices: DoubleArray) -> DoubleArray:
    """Log of a price over the median of what the user likes; NaN where one is unknown."""
    liked = prices[query.liked.items]
    liked = liked[np.isfinite(liked) & (liked > 0)]
    # The median: one sofa among cushions must not make every cushion cheap.
    usual = np.median(liked) if len(liked) else np.nan
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio: DoubleArray = np.log(prices[positions] / usual)
    return np.where(np.isfinite(ratio), ratio, np.nan)
