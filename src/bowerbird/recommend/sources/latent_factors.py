"""Items by the latent factors of the user–item matrix."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np

from bowerbird.data.arrays import IntArray, RealArray
from bowerbird.data.interactions import Interactions
from bowerbird.data.ranks import best_first, log_ranks, top_positions
from bowerbird.recommend.context import SourceContext
from bowerbird.recommend.models.coengagement import like_matrix
from bowerbird.recommend.models.latent_factors import LatentFactors
from bowerbird.recommend.query import Query
from bowerbird.recommend.sources.source import FusionTerm, Role, Source


class LatentFactorSource(Source):
    """Items that the user's latent factors score highest. With an index it only provides features."""

    name = "latent-factors"
    feature_names = ("latent_rank",)
    fusion = (FusionTerm("latent_rank", 0.5, Role.COLLABORATIVE),)

    def __init__(self, context: SourceContext, model: LatentFactors) -> None:
        super().__init__(context)
        self.model = model

    @classmethod
    def fit(cls, events: Interactions, context: SourceContext) -> Self:
        """Fit the factors of the user–item matrix."""
        return cls(context, LatentFactors.fit(like_matrix(events), context.config.latent_factors))

    def propose(self, query: Query, count: int) -> list[IntArray]:
        """Propose the items with the highest scores; none with an index."""
        if query.is_cold_start or self.context.items.index is not None:
            return []
        scores = query.once(self.name, lambda: self.model.scores(query.liked.items, query.weights))
        positions = top_positions(scores, query.eligible, count, above=0.0)
        return [best_first(scores[positions], positions, count)]

    def features(self, query: Query, positions: IntArray) -> Sequence[RealArray]:
        """Compute the rank of the score, NaN for cold items."""
        scores = self.model.scores(query.liked.items, query.weights, positions)
        return [np.where(self.context.is_cold[positions], np.nan, log_ranks(scores))]

    def arrays(self) -> Mapping[str, Any]:
        """Return the factors into and out of the latent space."""
        return {"into": self.model.into, "out": self.model.out}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Any], context: SourceContext) -> Self:
        """Restore the factors."""
        return cls(context, LatentFactors(arrays["into"], arrays["out"]))
