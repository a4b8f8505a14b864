"""How items came to their places in a list: which sources proposed them, what the ranker read, what moved
them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from bowerbird.data.arrays import FloatArray, IntArray
from bowerbird.data.ranks import ranks_of
from bowerbird.recommend.options import RecommendOptions
from bowerbird.recommend.ranker.hybrid import CandidateSet
from bowerbird.recommend.recommendation import Recommendation
from bowerbird.recommend.recommender import Recommender
from bowerbird.taste.state.user_state import TasteState


@dataclass(frozen=True)
class Proposal:
    """A candidate source that proposed an item."""

    source: str
    rank: int
    """In the best of the source's orders, from 1."""


@dataclass(frozen=True)
class Feature:
    """What the ranker read of an item."""

    name: str
    value: float | None
    """None for unknown."""
    median: float | None
    """Over all candidates of the user."""


@dataclass(frozen=True)
class ItemTrace:
    """One item of a list, and all that led to its place."""

    recommendation: Recommendation
    proposals: tuple[Proposal, ...]
    """The source that ranks it highest first; none for an item that a pin brought."""
    score: float
    """Of the ranker; says an order among the candidates."""
    rank_by_score: int
    """Among the candidates, from 1: before session, outcome, diversity, reserve and rules."""
    features: tuple[Feature, ...]
    rules: tuple[str, ...]
    """The shop's rules that apply to the item."""


@dataclass(frozen=True)
class ListTrace:
    """A list, and what it was chosen from."""

    items: tuple[ItemTrace, ...]
    n_candidates: int
    proposed_by: Mapping[str, int]
    """Number of candidates by source; an item that several proposed counts for each."""


def trace_list(recommender: Recommender, state: TasteState, n: int, options: RecommendOptions) -> ListTrace:
    """Give a user's list as `Recommender.recommend` does, with everything behind it."""
    ranked = next(recommender.lists([state], n, options))
    candidates = ranked.candidates
    scores = recommender.ranker.score(candidates.features)
    ranks = _ranks_by_source(candidates)
    features = _features(recommender.ranker.columns, candidates.features, ranked.rows)
    traces = [
        ItemTrace(
            recommendation,
            tuple(
                Proposal(source, ranks[source][recommendation.position])
                for source in sorted(ranks, key=lambda name: ranks[name].get(recommendation.position, 0))
                if recommendation.position in ranks[source]
            ),
            float(scores[row]),
            int(ranks_of(scores)[row]) + 1,
            item_features,
            tuple(options.rules.describe_matches(recommender.catalogue, recommendation.position)),
        )
        for recommendation, row, item_features in zip(
            recommender.describe(ranked), ranked.rows.tolist(), features, strict=True
        )
    ]
    proposed_by = {source: len(by_position) for source, by_position in ranks.items() if by_position}
    return ListTrace(tuple(traces), len(candidates.positions), proposed_by)


def _ranks_by_source(candidates: CandidateSet) -> dict[str, dict[int, int]]:
    """By source the best rank, from 1, of each position that it proposed."""
    best: dict[str, dict[int, int]] = {}
    for source, orders in candidates.proposals.items():
        ranks = best.setdefault(source, {})
        for order in orders:
            for rank, position in enumerate(order.tolist(), start=1):
                ranks[position] = min(rank, ranks.get(position, rank))
    return best


def _features(columns: Mapping[str, int], table: FloatArray, rows: IntArray) -> list[tuple[Feature, ...]]:
    """What the ranker read of some candidates, and the median of all (`table`, (C, features))."""
    is_known = ~np.isnan(table).all(axis=0) if len(table) else np.zeros(table.shape[1], bool)
    medians = np.full(table.shape[1], np.nan)
    medians[is_known] = np.nanmedian(table[:, is_known], axis=0)
    return [
        tuple(
            Feature(name, _finite(table[row, column]), _finite(medians[column]))
            for name, column in columns.items()
        )
        for row in rows.tolist()
    ]


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
