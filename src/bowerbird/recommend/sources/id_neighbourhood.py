"""Items whose ids are next to those of the user's likes: variants and items of the same range."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bowerbird.data.arrays import IntArray, RealArray
from bowerbird.recommend.models.id_neighbourhood import id_distance, neighbours_of
from bowerbird.recommend.query import Query
from bowerbird.recommend.sources.source import Source


class IdNeighbourhoodSource(Source):
    """Neighbours of recent likes in the order of ids. If ids have no order this is noise, and training finds
    out."""

    name = "same-range"
    feature_names = (
        *("neighbourhood", "neighbourhood_lately", "neighbourhood_narrow"),
        *("neighbourhood_today", "neighbourhood_lately_today", "neighbourhood_narrow_today"),
        "id_distance",
    )

    def propose(self, query: Query, count: int) -> list[IntArray]:
        """Propose the items whose ids are nearest to those of recent likes."""
        if query.is_cold_start:
            return []
        popularity, reach = self.context.popularity, self.context.config.ids.reach
        near = neighbours_of(query.recent.items, popularity.id_ranks, popularity.by_id, reach)
        near = near[query.eligible[near]]
        distance = id_distance(query.recent.items, popularity.id_ranks, near)
        return [near[np.argsort(distance, kind="stable")]]

    def features(self, query: Query, positions: IntArray) -> Sequence[RealArray]:
        """Compute the density of likes around the id, by moment and width, and the distance to a like."""
        popularity, liked = self.context.popularity, query.liked.items
        end, lately, month = popularity.end, popularity.lately, popularity.config.month
        width, narrow = self.context.config.ids.width, self.context.config.ids.narrow
        moments = (
            *((query.at, month, width), (query.at, lately, width), (query.at, month, narrow)),
            *((end, month, width), (end, lately, width), (end, month, narrow)),
        )
        distance = np.full(len(positions), np.nan)
        if len(liked):
            distance = np.log1p(id_distance(liked, popularity.id_ranks, positions))
        return [
            *(np.round(4 * popularity.neighbourhood(*moment)[positions]) for moment in moments),
            distance,
        ]
