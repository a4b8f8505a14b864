"""How near all items, or a pool of them, are to a user's recent likes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bowerbird.data.arrays import BoolArray, FloatArray, IntArray, RealArray
from bowerbird.data.ranks import best_first, top_positions
from bowerbird.recommend.context import SourceContext
from bowerbird.recommend.query import Query


@dataclass(frozen=True)
class Similarities:
    """Cosines of a pool of items with the user's recent likes: with the nearest, and their weighted mean."""

    positions: IntArray | None
    """(K,) ascending; None for all items."""
    nearest: FloatArray  # (K,)
    mean: FloatArray | None
    """(K,) float32; None where it was not computed, since `RoundedRows` finds the highest sooner."""

    def top(self, values: RealArray, eligible: BoolArray, count: int) -> IntArray:
        """Return the eligible items with the highest values (K,), best first."""
        if self.positions is None:
            positions = top_positions(values, eligible, count)
            return best_first(values[positions], positions, count)
        rows = np.flatnonzero(eligible[self.positions])
        return best_first(values[rows], self.positions[rows], count)


def similarities_of(query: Query, context: SourceContext, count: int) -> Similarities:
    """Compare a user's recent likes with all items, or with those from an index or lists of neighbours.

    Exact for the `count` nearest eligible items, and for twice as many cold ones.
    """

    def compute() -> Similarities:
        if context.items.index is not None:
            return _by_index(query, context, count)
        return _by_lists(query, context, count) or _by_all(query, context)

    return query.once("similarities", compute)


def compare_together(queries: Sequence[Query], context: SourceContext) -> None:
    """Compare the recent likes of several users with all items: in one pass over the vectors."""
    recent = np.concatenate([query.recent.items for query in queries])
    similar = context.items.vectors[recent] @ context.items.columns
    ends = np.cumsum([len(query.recent) for query in queries])
    for query, rows in zip(queries, np.split(similar, ends[:-1]), strict=True):
        query.remember("similarities", Similarities(None, rows.max(axis=0), query.recent_weights @ rows))


def _by_all(query: Query, context: SourceContext) -> Similarities:
    similar = context.items.vectors[query.recent.items] @ context.items.columns  # (R, n): max runs over rows
    return Similarities(None, similar.max(axis=0), query.recent_weights @ similar)


def _by_lists(query: Query, context: SourceContext, count: int) -> Similarities | None:
    if context.neighbours is None:
        return None
    everything, cold = context.neighbours
    recent = query.recent.items
    near = everything.nearest(recent, query.eligible, count)
    near_cold = cold.nearest(recent, query.eligible & context.is_cold, 2 * count)
    if near is None or near_cold is None:
        return None
    return Similarities(None, np.maximum(near, near_cold), None)


def _by_index(query: Query, context: SourceContext, count: int) -> Similarities:
    index, vectors, config = context.items.index, context.items.vectors, context.config.content
    assert index is not None
    rows = vectors[query.recent.items]
    centre = query.recent_weights @ rows
    around_centre = index.find_nearby(
        centre[None], 2 * count, query.eligible
    )  # twice: their order is not exact
    nearby = index.find_nearby(rows[-config.lookups :], config.lookup_depth, query.eligible)
    pool = np.union1d(nearby, around_centre)
    if np.count_nonzero(context.is_cold[pool]) < 2 * count:
        cold = query.eligible & context.is_cold
        pool = np.union1d(pool, index.find_nearby(rows[-config.cold_lookups :], count, cold))
    similar = vectors[pool] @ rows.T  # (K, R)
    mean = np.asarray(similar @ query.recent_weights, np.float32)
    return Similarities(pool, similar.max(axis=1, initial=-np.inf), mean)
