"""Items that are often chosen soon after the user's latest likes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np

from bowerbird.data.arrays import IntArray, RealArray
from bowerbird.data.interactions import Interactions
from bowerbird.data.ranks import log_ranks
from bowerbird.recommend.context import SourceContext
from bowerbird.recommend.models.transitions import Transitions
from bowerbird.recommend.query import Query
from bowerbird.recommend.reasons import Reason
from bowerbird.recommend.scores import DenseScores, Scores, SparseScores
from bowerbird.recommend.sources.like_reasons import describe_like
from bowerbird.recommend.sources.source import FusionTerm, Role, Source


class TransitionSource(Source):
    """Items that other users choose after the user's latest likes."""

    name = "transitions"
    feature_names = ("transitions", "transitions_rank")
    fusion = (FusionTerm("transitions_rank", 0.5, Role.COLLABORATIVE),)

    def __init__(self, context: SourceContext, model: Transitions) -> None:
        super().__init__(context)
        self.model = model

    @classmethod
    def fit(cls, events: Interactions, context: SourceContext) -> Self:
        """Count likes after likes."""
        return cls(context, Transitions.fit(events, context.config.transitions))

    def propose(self, query: Query, count: int) -> list[IntArray]:
        """Propose the items that most often follow the latest likes."""
        if query.is_cold_start:
            return []
        return [self._scores(query).top(query.eligible, count)]

    def features(self, query: Query, positions: IntArray) -> Sequence[RealArray]:
        """Compute score and rank, NaN for cold items."""
        scores, is_cold = self._scores(query).at(positions), self.context.is_cold[positions]
        return [np.where(is_cold, np.nan, values) for values in (scores, log_ranks(scores))]

    def explain(self, query: Query, position: int) -> Reason | None:
        """Name the latest like that the item follows."""
        items, weights = self.model.recent_likes(query.liked)
        shares = weights * self.model.strengths_to(items, position)
        for row in np.argsort(-shares, kind="stable")[:5].tolist():
            if shares[row] > 0 and self.model.is_followed(int(items[row]), position):
                row_of_like = len(query.liked) - len(items) + row
                like = describe_like(query, row_of_like, self.context.items.catalogue)
                # Likes of one moment (a basket, a log of dates) count as a step too.
                return Reason("follows", {"like": like})
        return None

    def arrays(self) -> Mapping[str, Any]:
        """Return the matrix of transitions."""
        return {"pairs": self.model.pairs}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Any], context: SourceContext) -> Self:
        """Restore the matrix."""
        return cls(context, Transitions(arrays["pairs"], context.config.transitions))

    def _scores(self, query: Query) -> Scores:
        if self.context.items.index is None:
            return query.once(self.name, lambda: DenseScores(self.model.scores(query.liked)))
        return query.once(self.name, lambda: SparseScores(*self.model.successors(query.liked)))
