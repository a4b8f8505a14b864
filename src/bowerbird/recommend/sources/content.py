"""Items near the user's likes by their vectors: near a single like, near their mean, and cold ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numba import njit

from bowerbird.data.ranks import best_first, log_ranks, top_positions
from bowerbird.recommend.context import Matrix, SourceContext, rows_at
from bowerbird.recommend.models.id_neighbourhood import NEIGHBOURHOOD_WEIGHT
from bowerbird.recommend.query import Query
from bowerbird.recommend.sources.source import FusionTerm, Role, Source
from bowerbird.recommend.sources.wording import describe_like

MODALITIES = ("facts", "text", "picture")
LOOKUPS = 16  # latest liked items whose neighbours are looked up in an index; each takes about 0.3 ms
LOOKUP_DEPTH = 48  # neighbours of each
MAX_PRODUCT_ROWS = 256  # likes of several users compared with all items in one matrix product
COLD_LOOKUPS = 4  # liked items whose cold neighbours are looked up if the pool holds few cold items


@dataclass(frozen=True)
class Similarities:
    """Cosines of a pool of items with the user's recent likes: with the nearest, and their weighted mean."""

    positions: np.ndarray | None
    """(K,) ascending; None for all items."""
    nearest: np.ndarray  # (K,) float32
    mean: np.ndarray | None
    """(K,) float32; None where it was not computed, since `RoundedRows` finds the highest sooner."""

    def top(self, values: np.ndarray, eligible: np.ndarray, count: int) -> np.ndarray:
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


def _compare_together(queries: Sequence[Query], context: SourceContext) -> None:
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
    index, vectors = context.items.index, context.items.vectors
    assert index is not None
    rows = vectors[query.recent.items]
    centre = query.recent_weights @ rows
    around_centre = index.find_nearby(
        centre[None], 2 * count, query.eligible
    )  # twice: their order is not exact
    pool = np.union1d(index.find_nearby(rows[-LOOKUPS:], LOOKUP_DEPTH, query.eligible), around_centre)
    if np.count_nonzero(context.is_cold[pool]) < 2 * count:
        cold = query.eligible & context.is_cold
        pool = np.union1d(pool, index.find_nearby(rows[-COLD_LOOKUPS:], count, cold))
    similar = vectors[pool] @ rows.T  # (K, R)
    return Similarities(pool, similar.max(axis=1, initial=-np.inf), similar @ query.recent_weights)


class SimilarSource(Source):
    """Items near one liked item. Its features are untrained content similarities, which training can't
    overfit."""

    name = "similar"
    feature_names: tuple[str, ...] = (
        *("content_max", "content_mean", "content_last", "content_top3"),
        *("content_max_rank", "content_mean_rank"),
        *(f"{modality}_{statistic}" for modality in MODALITIES for statistic in ("max", "mean")),
    )
    fusion: tuple[FusionTerm, ...] = (
        FusionTerm("content_max_rank", 1.0, Role.CONTENT),
        FusionTerm("content_mean_rank", 1.0, Role.CONTENT),
    )

    def prepare(self, queries: Sequence[Query]) -> None:
        if len(queries) < 2 or self.context.items.index is not None:
            return
        waiting: list[Query] = []
        for query in queries:
            if (
                waiting
                and sum(len(waiting_query.recent) for waiting_query in [*waiting, query]) > MAX_PRODUCT_ROWS
            ):
                _compare_together(waiting, self.context)
                waiting = []
            waiting += [] if query.is_cold_start else [query]
        if waiting:
            _compare_together(waiting, self.context)

    def propose(self, query: Query, count: int) -> list[np.ndarray]:
        if query.is_cold_start:
            return []
        similar = similarities_of(query, self.context, count)
        return [similar.top(similar.nearest, query.eligible, count)]

    def features(self, query: Query, positions: np.ndarray) -> Sequence[np.ndarray]:
        if query.is_cold_start:
            return [np.full(len(positions), np.nan, np.float32)] * len(self.feature_names)
        items, recent = self.context.items, query.recent.items
        by_modality = cosines(items.modalities, recent, positions)
        # Each modality has length 1 where it exists: squared lengths of joined rows are their counts.
        counts = items.modality_counts(recent), items.modality_counts(positions)
        columns = _compare(*by_modality, *counts, query.recent_weights)
        return [*columns[:4], log_ranks(columns[0]), log_ranks(columns[1]), *columns[4:]]

    def explain(self, query: Query, position: int) -> str | None:
        if query.is_cold_start:
            return None
        vectors = self.context.items.vectors
        similar = query.once("vectors of likes", lambda: vectors[query.liked.items]) @ vectors[position]
        row = int(similar.argmax())
        if similar[row] <= 0:
            return None  # an item without a vector, or dissimilar to all likes
        return f"similar to {describe_like(query, row, self.context.items.catalogue)}"


class TasteCentreSource(Source):
    """Items near the weighted mean of the user's recent likes."""

    name = "taste"

    def propose(self, query: Query, count: int) -> list[np.ndarray]:
        if query.is_cold_start:
            return []
        similar = similarities_of(query, self.context, count)
        if similar.mean is not None:
            return [similar.top(similar.mean, query.eligible, count)]
        items = self.context.items
        centre = query.recent_weights @ items.vectors[query.recent.items]
        return [items.rounded.top(centre, query.eligible, count)]


class ColdItemSource(SimilarSource):
    """Cold items (without likes) near a liked item, also boosted by the popularity of their id
    neighbourhood."""

    name = "new-items"
    feature_names: tuple[str, ...] = ("cold",)
    fusion: tuple[FusionTerm, ...] = ()

    def propose(self, query: Query, count: int) -> list[np.ndarray]:
        if query.is_cold_start:
            return []
        similar = similarities_of(query, self.context, count)
        cold = query.eligible & self.context.is_cold
        near = np.sort(similar.top(similar.nearest, cold, 2 * count))
        rows = near if similar.positions is None else np.searchsorted(similar.positions, near)
        nearest = similar.nearest[rows]
        boosted = nearest + NEIGHBOURHOOD_WEIGHT * self.context.popularity.neighbourhood(query.at)[near]
        return [best_first(scores, near, count // 2) for scores in (nearest, boosted)]

    def features(self, query: Query, positions: np.ndarray) -> Sequence[np.ndarray]:
        return [self.context.is_cold[positions]]


def cosines(modalities: tuple[Matrix, ...], recent: np.ndarray, positions: np.ndarray) -> list[np.ndarray]:
    """Multiply the rows of R recent items with those of C positions, (R, C) float32, for each modality."""
    products: list[np.ndarray] = []
    for number, rows in enumerate(modalities):
        if number and rows is modalities[number - 1]:  # one matrix used for every modality
            products.append(products[-1])
        else:
            recent_rows, position_rows = (rows_at(rows, items) for items in (recent, positions))
            products.append(recent_rows @ position_rows.T)
    return products


@njit(cache=True, nogil=True)
def _compare(facts, text, picture, recent_counts, position_counts, weights):  # type: ignore[no-untyped-def]
    """Aggregate cosines (R, C) of three modalities, their number for each of R and C items and weights (R,):
    (10, C).

    Of all modalities together the maximum, weighted mean, last, and mean of the three largest; of each
    modality the maximum and weighted mean.
    """
    recent, count = facts.shape
    columns = np.zeros((10, count), np.float32)
    columns[0], columns[4], columns[6], columns[8] = -np.inf, -np.inf, -np.inf, -np.inf
    second, third = np.full(count, -np.inf, np.float32), np.full(count, -np.inf, np.float32)
    for row in range(recent):
        weight = weights[row]
        for column in range(count):
            fact, words, image = facts[row, column], text[row, column], picture[row, column]
            joined = (fact + words + image) / np.sqrt(
                max(recent_counts[row] * position_counts[column], np.float32(1e-9))
            )
            # Keep the three largest so far by insertion.
            smaller = min(columns[0, column], joined)
            columns[0, column] = max(columns[0, column], joined)
            smallest = min(second[column], smaller)
            second[column] = max(second[column], smaller)
            third[column] = max(third[column], smallest)
            columns[1, column] += weight * joined
            columns[2, column] = joined
            columns[4, column] = max(columns[4, column], fact)
            columns[5, column] += weight * fact
            columns[6, column] = max(columns[6, column], words)
            columns[7, column] += weight * words
            columns[8, column] = max(columns[8, column], image)
            columns[9, column] += weight * image
    n_top = min(recent, 3)
    for column in range(count):
        top3_sum = columns[0, column]
        if n_top > 1:
            top3_sum += second[column]
        if n_top > 2:
            top3_sum += third[column]
        columns[3, column] = top3_sum / np.float32(n_top)
    return columns
