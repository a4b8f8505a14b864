"""Items liked by users who like the same items: EASE as a candidate source."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np

from bowerbird.data.arrays import IntArray, RealArray
from bowerbird.data.interactions import Interactions
from bowerbird.data.ranks import log_ranks
from bowerbird.recommend.context import SourceContext
from bowerbird.recommend.models.coengagement import CoEngagement, history_matrix, last_of_each
from bowerbird.recommend.query import Query
from bowerbird.recommend.reasons import Reason
from bowerbird.recommend.scores import DenseScores, Scores, SparseScores
from bowerbird.recommend.sources.like_reasons import describe_like
from bowerbird.recommend.sources.source import FusionTerm, Role, Source


class CoEngagementSource(Source):
    """Items liked by the users who like the user's items."""

    name = "co-engagement"
    feature_names = ("coengagement", "coengagement_rank")
    fusion = (FusionTerm("coengagement_rank", 1.0, Role.COLLABORATIVE),)

    def __init__(self, context: SourceContext, model: CoEngagement) -> None:
        super().__init__(context)
        self.model = model

    @classmethod
    def fit(cls, events: Interactions, context: SourceContext) -> Self:
        """Fit the regression with the configured λ."""
        return cls(context, CoEngagement.fit(events, context.config.coengagement))

    def prepare(self, queries: Sequence[Query]) -> None:
        """Score all items for several users in one product, unless there is an index."""
        if self.context.items.index is not None or len(queries) < 2:
            return  # for a single request `propose` reads only the rows that it needs
        liked, weights = [query.liked.items for query in queries], [query.weights for query in queries]
        matrix = history_matrix(liked, len(self.context.items), weights)
        for query, scores in zip(queries, self.model.scores(matrix), strict=True):
            query.remember(self.name, DenseScores(scores))

    def propose(self, query: Query, count: int) -> list[IntArray]:
        """Propose the items with the highest scores by the user's likes."""
        if query.is_cold_start:
            return []
        return [self._scores(query).top(query.eligible, count)]

    def features(self, query: Query, positions: IntArray) -> Sequence[RealArray]:
        """Compute score and rank, NaN for cold items."""
        scores = self._scores(query).at(positions)
        # A cold item has no likes yet: its co-engagement is unknown, not low.
        is_cold = self.context.is_cold[positions]
        return [np.where(is_cold, np.nan, values) for values in (scores, log_ranks(scores))]

    def explain(self, query: Query, position: int) -> Reason | None:
        """Name the like with the largest share of the score that some user likes together with the item."""
        if query.is_cold_start:
            return None
        shares = self.model.shares_of(position, query.liked.items, query.weights)
        for row in np.argsort(-shares, kind="stable")[:5].tolist():
            if shares[row] > 0 and self.model.common_likers(int(query.liked.items[row]), position):
                like = describe_like(query, row, self.context.items.catalogue)
                return Reason("liked_with", {"like": like})
        return None

    def arrays(self) -> Mapping[str, Any]:
        """Return likes, inverse and diagonal of the fitted model."""
        model = self.model
        return {
            "likes": model.likes,
            "inverse": model.inverse,
            "diagonal": model.diagonal,
            "ridge": np.array(model.ridge),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Any], context: SourceContext) -> Self:
        """Restore the fitted model."""
        ridge = float(arrays["ridge"])
        return cls(context, CoEngagement(arrays["likes"], arrays["inverse"], arrays["diagonal"], ridge))

    def _scores(self, query: Query) -> Scores:
        return query.once(self.name, lambda: self._score(query))

    def _score(self, query: Query) -> Scores:
        items, weights = last_of_each(query.liked.items, query.weights)
        if self.context.items.index is None:
            return DenseScores(self.model.scores_of(items, weights))
        warm, likers = self.model.warm  # among many items only those with likes
        user_weights = self.model.user_weights(items, weights)
        return SparseScores(warm, (likers @ user_weights) / self.model.scale[warm])
