"""Items reached by random walks over users and items: in serving over the live graph, updated by every
event."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Protocol, Self

import numpy as np

from bowerbird.data.arrays import IntArray, RealArray
from bowerbird.data.interactions import Interactions
from bowerbird.data.ranks import log_ranks
from bowerbird.data.settings import TasteSettings
from bowerbird.recommend.context import SourceContext
from bowerbird.recommend.query import Query
from bowerbird.recommend.reasons import Reason
from bowerbird.recommend.sources.like_reasons import describe_like, title_of
from bowerbird.recommend.sources.source import Source
from bowerbird.taste.state.user_state import TasteState
from bowerbird.taste.state.user_states import UserStates
from bowerbird.taste.state.walks import WalkResult, walk_starts


class WalkGraph(Protocol):
    """A graph of users and items to walk over."""

    def walk(self, state: TasteState, steps: int) -> WalkResult:
        """Walk from a user's likes, about `steps` steps in all."""
        ...


class WalkSource(Source):
    """Items liked by users who recently liked the user's items; includes likes since the ranker was
    trained."""

    name = "live-walk"
    feature_names = ("walk", "walk_rank")

    def __init__(self, context: SourceContext, graph: WalkGraph | None = None) -> None:
        """Without a graph the source proposes nothing."""
        super().__init__(context)
        self.graph = graph

    @classmethod
    def fit(cls, events: Interactions, context: SourceContext) -> Self:
        """Build a graph of the training events, which the live graph replaces in serving."""
        return cls(context, EventGraph(events))

    def propose(self, query: Query, count: int) -> list[IntArray]:
        """Propose the items that the walks visited most often."""
        items = self._walk(query).items
        return [items[query.eligible[items]][: self.context.config.walks.max_proposals]]

    def features(self, query: Query, positions: IntArray) -> Sequence[RealArray]:
        """Compute the rounded logarithm of visits, and the visits' rank."""
        visits = self._walk(query).scores_at(positions)
        return [np.round(np.log1p(visits)), log_ranks(visits)]

    def explain(self, query: Query, position: int) -> Reason | None:
        """Name the like that the walks came from, and the item between where there is one."""
        walk = self._walk(query)
        if position not in walk.items:
            return None
        start, through = walk.way_to(position)
        rows = np.flatnonzero(query.liked.items == start)
        if not len(rows):
            return None
        catalogue = self.context.items.catalogue
        like = describe_like(query, int(rows[-1]), catalogue)
        if start == through:
            return Reason("liked_with", {"like": like})
        if through not in walk.items or walk.way_to(through) != (start, start):
            return None  # three steps or more: possibly no user likes both ends of the first two
        return Reason("liked_through", {"like": like, "through": title_of(catalogue, through)})

    def _walk(self, query: Query) -> WalkResult:
        return query.once(self.name, lambda: self._compute_walk(query))

    def _compute_walk(self, query: Query) -> WalkResult:
        if self.graph is None or query.is_cold_start:
            empty = np.zeros(0, np.int64)
            return WalkResult(empty, empty.astype(np.float32), empty, empty, steps=0)
        return self.graph.walk(query.state, self.context.config.walks.steps)


class EventGraph:
    """A graph of training events, equal to the live graph at their end."""

    def __init__(self, events: Interactions) -> None:
        self._users = UserStates(np.full(events.n_items, -1, np.int64))
        rows = self._users.rows_of(events.users)
        self._users.learn(rows[events.user], events.at, events.item, events.action)

    def walk(self, state: TasteState, steps: int) -> WalkResult:
        """Walk as the live graph does, with a seed from the likes so that training is reproducible."""
        starts, weights = walk_starts(state, TasteSettings.half_life_days)
        seed = zlib.crc32(state.items.tobytes())
        return self._users.walk(state.user_id, starts, weights, steps, seed)
