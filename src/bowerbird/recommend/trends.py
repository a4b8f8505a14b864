"""What is liked around an item, then and now: by itself, by beginners, and beside it in the order of ids.

Two moments, because they differ: people who come back like what came since they left (now), people met in the
middle of the log liked what was there (then). Half-lives are a month and a share of the log's whole span,
because a shop forgets in weeks what a film club remembers for years.
"""

from __future__ import annotations

import numpy as np

from bowerbird.data.interactions import History
from bowerbird.recommend.popularity import MONTH, Popularity
from bowerbird.recommend.ranks import coarse_log, log_places
from bowerbird.recommend.shelf import NARROW, WIDTH, beside
from bowerbird.taste.state import DAY

TREND_NAMES = (
    *(
        "lately",
        "lately_rank",
        "lately_today",
        "lately_today_rank",
        "beginners_today",
        "beginners_today_rank",
    ),
    *("shelf_lately", "shelf_narrow", "shelf_today", "shelf_lately_today", "shelf_narrow_today"),
    *("approval", "beside", "gap_days"),
)


def trends_of(popularity: Popularity, liked: History, at: int, candidates: np.ndarray) -> list[np.ndarray]:
    """Of candidates (C,) for who liked something and asks at a moment: one (C,) for each of `TREND_NAMES`."""
    end, days = popularity.end, popularity.lately
    then, now = (popularity.share(moment, days)[candidates] for moment in (at, end))
    beginners = popularity.share(end, days, beginners=True)[candidates]
    shelves = (
        popularity.shelf(*asked)[candidates]
        for asked in (
            (at, days, WIDTH),
            (at, MONTH, NARROW),
            (end, MONTH, WIDTH),
            (end, days, WIDTH),
            (end, MONTH, NARROW),
        )
    )
    unknown = np.full(len(candidates), np.nan)
    return [
        *(coarse_log(then), log_places(then), coarse_log(now), log_places(now)),
        *(coarse_log(beginners), log_places(beginners)),
        *(np.round(4 * shelf) for shelf in shelves),
        np.round(10 * popularity.approval[candidates]),
        np.log1p(beside(liked.items, popularity.places, candidates)) if len(liked) else unknown,
        np.full(len(candidates), np.log1p(max(0, end - at) / DAY)),
    ]
