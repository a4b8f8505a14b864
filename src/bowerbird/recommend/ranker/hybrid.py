"""The ranking model: candidates from all sources, ordered by a gradient-boosted ranker.

LightGBM's LambdaRank (Burges, 2010) orders the union of what the sources propose. It learns on users and
moments set aside inside the training events (see `training_examples`). Its order has three times the weight
of a plain fusion of reciprocal ranks (Cormack et al., SIGIR 2009), which knows no training and so fits users
and moments that are unlike the training's.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from bowerbird.data.arrays import BoolArray, FloatArray, IntArray
from bowerbird.data.interactions import Interactions
from bowerbird.data.items import Catalogue
from bowerbird.data.ranks import distinct
from bowerbird.recommend.config import RankerConfig
from bowerbird.recommend.context import ItemContext, SourceContext
from bowerbird.recommend.meta import RankerReport
from bowerbird.recommend.query import Query
from bowerbird.recommend.ranker.features import build_features, feature_names
from bowerbird.recommend.ranker.fusion import blend, fuse_sources
from bowerbird.recommend.ranker.trees import Trees
from bowerbird.recommend.reasons import UNKNOWN, Reason
from bowerbird.recommend.sources import SOURCES, Source
from bowerbird.recommend.sources.popularity import PopularSource
from bowerbird.recommend.sources.walks import WalkGraph, WalkSource
from bowerbird.taste.state.user_state import TasteState
from bowerbird.tracing import stage

CHUNK = 64  # users prepared together


@dataclass(frozen=True)
class CandidateSet:
    """The candidates of one user, C of them, and who proposed them."""

    query: Query
    positions: IntArray  # (C,), ascending
    proposals: Mapping[str, Sequence[IntArray]]
    """By source: its orders of positions, best first."""
    sources: Sequence[Source]
    context: SourceContext

    @cached_property
    def features(self) -> FloatArray:
        """What the ranker reads, (C, features) float32; built when asked for."""
        return build_features(self.query, self.positions, self.sources, self.context)

    def sources_of(self, positions: IntArray) -> list[list[str]]:
        """Name the sources that proposed each of n items, the one that ranks it highest first."""
        names = list(self.proposals)
        orders = [(number, order) for number, name in enumerate(names) for order in self.proposals[name]]
        best_ranks: list[dict[int, int]] = [{} for _ in positions]
        ascending = np.argsort(positions)
        for number, order in orders if len(positions) else ():
            places = np.searchsorted(positions, order, sorter=ascending)
            rows = ascending[np.minimum(places, len(positions) - 1)]
            for rank in np.flatnonzero(positions[rows] == order).tolist():
                ranks = best_ranks[int(rows[rank])]
                ranks[number] = min(rank, ranks.get(number, rank))
        return [
            [names[number] for number in sorted(ranks, key=lambda number: (ranks[number], number))]
            for ranks in best_ranks
        ]


class HybridRanker:
    """Ranks the whole catalogue for anybody with a taste state. `training.fit_ranker` makes one."""

    def __init__(self, items: ItemContext, config: RankerConfig | None = None) -> None:
        self.items = items
        self.config = config or RankerConfig()
        self.sources: list[Source] = []
        self.context: SourceContext
        self.trees: Trees | None = None
        self.report = RankerReport()
        """What was chosen in training, and how well it did on the ranker's own validation examples."""

    # -- learning -----------------------------------------------------------------------------------------

    def fit_sources(self, events: Interactions) -> None:
        """Learn the sources alone; the order stays as it is."""
        self.context = SourceContext.fit(events, self.items, self.config.source)
        self.sources = [source.fit(events, self.context) for source in SOURCES]
        self.__dict__.pop("columns", None)

    def fitted_before(self, events: Interactions) -> HybridRanker:
        """The ranker as it was when only some of its training events were there.

        Without the learned order, which has seen what users liked later.
        """
        earlier = copy.copy(self)
        earlier.trees = None
        earlier.fit_sources(events)
        return earlier

    # -- ranking ------------------------------------------------------------------------------------------

    def with_catalogue(self, catalogue: Catalogue) -> HybridRanker:
        """The same ranker with other facts (prices, words) of the same items."""
        if catalogue is self.items.catalogue:
            return self
        other = copy.copy(self)
        other.items = copy.copy(self.items)
        other.items.catalogue = catalogue
        other.context = copy.copy(self.context)
        other.context.items = other.items
        other.sources = [source.with_context(other.context) for source in self.sources]
        return other

    def with_live_graph(self, graph: WalkGraph | None) -> HybridRanker:
        """The same ranker, with walks over another graph; over none without one."""
        other = copy.copy(self)
        other.sources = [
            WalkSource(self.context, graph) if isinstance(source, WalkSource) else source
            for source in self.sources
        ]
        return other

    def candidates(
        self,
        states: Sequence[TasteState],
        eligible: Sequence[BoolArray],
        at_least: int = 0,
        extra: Sequence[IntArray] | None = None,
    ) -> Iterator[CandidateSet]:
        """Collect each user's candidates among the `eligible` items, (n,) bool each, that they have not seen.

        `at_least` so many where there are so many. `extra` positions of each user are candidates too, whether
        a source proposes them or not, and whether they are eligible or not.
        """
        for start in range(0, len(states), CHUNK):
            queries = [
                Query(state, mask & state.unseen(len(self.items)), self.context)
                for state, mask in zip(
                    states[start : start + CHUNK], eligible[start : start + CHUNK], strict=True
                )
            ]
            with stage("candidates: prepare"):
                for source in self.sources:
                    source.prepare(queries)
            for number, query in enumerate(queries, start=start):
                with stage("candidates: collect"):
                    candidates = self._collect(query, at_least, None if extra is None else extra[number])
                yield candidates

    def _collect(self, query: Query, at_least: int, extra: IntArray | None) -> CandidateSet:
        count = max(self.config.per_source, at_least)
        proposals = {source.name: source.propose(query, count) for source in self.sources}
        orders = [order for several in proposals.values() for order in several]
        positions = distinct(np.concatenate([np.zeros(0, np.int64), *orders]))
        if len(positions) < count:  # a small or narrow choice: whatever is left, by popularity
            rest = self.context.popularity.top_now(query.eligible, count)
            proposals[PopularSource.name] = [*proposals[PopularSource.name], rest]
            positions = np.union1d(positions, rest)
        if extra is not None and len(extra):
            positions = np.union1d(positions, extra)
        return CandidateSet(query, positions, proposals, self.sources, self.context)

    def score(self, features: FloatArray) -> FloatArray:
        """Score candidates by their features, (C, features) -> (C,) float32; they say an order only."""
        if not len(features):
            return np.zeros(0, np.float32)
        terms = [term for source in self.sources for term in source.fusion]
        fused = fuse_sources(features, self.columns, terms, self.config.content_weight)
        return fused if self.trees is None else blend(self.trees(features), fused, self.config.learned_weight)

    @cached_property
    def columns(self) -> Mapping[str, int]:
        """The column of each feature."""
        return {name: column for column, name in enumerate(feature_names(self.sources))}

    def explain(self, candidates: CandidateSet, positions: IntArray) -> list[tuple[str, Reason]]:
        """Give the source that brought each of n items, and a true reason why it may be for the user.

        Of the sources that proposed an item, the one that ranks it highest and has something to say; where
        none has, what any source can say of it; and at the very least that the shop has it.
        """
        by_name = {source.name: source for source in self.sources}
        return [
            self._explain_one(candidates.query, position, proposers, by_name)
            for position, proposers in zip(positions.tolist(), candidates.sources_of(positions), strict=True)
        ]

    def _explain_one(
        self, query: Query, position: int, proposers: Sequence[str], by_name: Mapping[str, Source]
    ) -> tuple[str, Reason]:
        for name in proposers:
            reason = by_name[name].explain(query, position)
            if reason is not None:
                return name, reason
        brought_by = proposers[0] if proposers else PopularSource.name
        reasons = (source.explain(query, position) for source in self.sources)
        return brought_by, next((reason for reason in reasons if reason is not None), Reason(UNKNOWN))
