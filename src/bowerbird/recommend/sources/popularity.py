"""Popular items: over a year, among beginners, and recently. All that users without likes get."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, Self

import numpy as np

from bowerbird.data.arrays import IntArray, IntegerArray, RealArray
from bowerbird.data.interactions import Interactions
from bowerbird.data.ranks import coarse_log, log_ranks
from bowerbird.data.times import DAY
from bowerbird.recommend.context import SourceContext
from bowerbird.recommend.query import Query
from bowerbird.recommend.reasons import Reason
from bowerbird.recommend.sources.source import FusionTerm, Role, Source

MIN_LIKERS = 2
"""With fewer likers, popularity is not given as a reason."""


class PopularSource(Source):
    """Items liked over a year, ever, and by beginners, as of the time of the request."""

    name = "popular"
    feature_names: tuple[str, ...] = (
        *("popularity", "popularity_vs_usual", "year", "year_rank", "beginners_rank"),
        *("beginners_today", "beginners_today_rank", "approval"),
    )
    fusion: tuple[FusionTerm, ...] = (FusionTerm("beginners_today_rank", 0.15, Role.GENERAL),)

    def __init__(self, context: SourceContext, likers: IntegerArray) -> None:
        """`likers` (n,): how many users like each item."""
        super().__init__(context)
        self.likers = likers

    @classmethod
    def fit(cls, events: Interactions, context: SourceContext) -> Self:
        """Count the users who like each item."""
        return cls(context, count_likers(events))

    def propose(self, query: Query, count: int) -> list[IntArray]:
        """Propose what is liked over a year, by beginners, and now, as of the user's last event."""
        popularity, half = self.context.popularity, count // 2
        year = popularity.config.year
        return [
            popularity.top(query.eligible, half, query.at, year),
            popularity.top(query.eligible, half, query.at, year, beginners=True),
            popularity.top_now(query.eligible, half),
        ]

    def features(self, query: Query, positions: IntArray) -> Sequence[RealArray]:
        """Compute coarse shares and ranks at the user's moment and today."""
        popularity, liked = self.context.popularity, query.liked.items
        usual = np.log1p(popularity.total[liked]).mean() if len(liked) else np.nan
        likes = np.log1p(popularity.total[positions])
        year = popularity.share(query.at, popularity.config.year)[positions]
        beginners = popularity.share(query.at, popularity.config.year, beginners=True)[positions]
        beginners_today = popularity.share(popularity.end, popularity.lately, beginners=True)[positions]
        return [
            *(np.round(likes), np.round(likes - usual), coarse_log(year), log_ranks(year)),
            log_ranks(beginners),
            *(coarse_log(beginners_today), log_ranks(beginners_today)),
            np.round(10 * popularity.approval[positions]),
        ]

    def explain(self, query: Query, position: int) -> Reason | None:
        """Say how many users like the item, if they are several."""
        count = int(self.likers[position])
        return Reason("popular", {"count": count}) if count >= MIN_LIKERS else None

    def arrays(self) -> Mapping[str, Any]:
        """Return the number of users who like each item."""
        return {"likers": self.likers}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Any], context: SourceContext) -> Self:
        """Restore the counts."""
        return cls(context, arrays["likers"])


class TrendingSource(PopularSource):
    """Items liked in the last weeks before the request, and today."""

    name = "trending"
    feature_names: tuple[str, ...] = (
        *("month", "month_rank", "today"),
        *("lately", "lately_rank", "lately_today", "lately_today_rank"),
    )
    fusion: tuple[FusionTerm, ...] = (
        FusionTerm("lately_rank", 0.15, Role.GENERAL),
        FusionTerm("lately_today_rank", 0.15, Role.GENERAL),
    )

    @classmethod
    def fit(cls, events: Interactions, context: SourceContext) -> Self:
        """Count the users who liked each item in the last month of the training events."""
        return cls(context, count_likers(events, since=_month_before(context)))

    def propose(self, query: Query, count: int) -> list[IntArray]:
        """Propose what was liked in the month and lately, as of the user's last event."""
        popularity = self.context.popularity
        half_lives = (popularity.config.month, popularity.lately)
        return [popularity.top(query.eligible, count // 2, query.at, days) for days in half_lives]

    def features(self, query: Query, positions: IntArray) -> Sequence[RealArray]:
        """Compute coarse shares and ranks at the user's moment and today."""
        popularity, lately = self.context.popularity, self.context.popularity.lately
        month = popularity.config.month
        month_then, month_now = (popularity.share(at, month)[positions] for at in (query.at, popularity.end))
        trend_then, trend_now = (popularity.share(at, lately)[positions] for at in (query.at, popularity.end))
        return [
            *(coarse_log(month_then), log_ranks(month_then), coarse_log(month_now)),
            *(coarse_log(trend_then), log_ranks(trend_then), coarse_log(trend_now), log_ranks(trend_now)),
        ]

    def explain(self, query: Query, position: int) -> Reason | None:
        """Say how many users liked the item within which dates."""
        count = int(self.likers[position])
        if count < MIN_LIKERS:
            return None
        first, last = (_date(at) for at in (_month_before(self.context), self.context.popularity.end))
        return Reason("trending", {"count": count, "first": first, "last": last})


def count_likers(events: Interactions, since: int | None = None) -> IntegerArray:
    """Count the users who like each item, from a moment on (microseconds) or ever, (n,) int32."""
    liked = events.liked()
    liked = liked if since is None else liked.where(liked.at >= since)
    pairs = np.unique(liked.user * events.n_items + liked.item)
    return np.bincount(pairs % events.n_items, minlength=events.n_items).astype(np.int32)


def _month_before(context: SourceContext) -> int:
    return context.popularity.end - int(context.popularity.config.month * DAY)


def _date(at: int) -> date:
    return datetime.fromtimestamp(at / 1e6, UTC).date()
