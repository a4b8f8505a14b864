"""Items near the user's likes by their vectors: near a single like, near all of them, and new ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numba import njit

from bowerbird.recommend.context import Matrix, SourceContext, rows_at
from bowerbird.recommend.models.id_neighbourhood import NEIGHBOURHOOD_WEIGHT
from bowerbird.recommend.query import Query
from bowerbird.recommend.ranks import best_first, log_ranks, top_positions
from bowerbird.recommend.sources.source import FusionTerm, Role, Source
from bowerbird.recommend.sources.wording import describe_like

MODALITIES = ("facts", "text", "picture")
LOOKUPS = 16  # latest liked items whose neighbours are looked up in an index; each takes about 0.3 ms
LOOKUP_DEPTH = 48  # neighbours of each
ROWS_AT_ONCE = 256  # likes of several users that are compared with all items in one product
COLD_LOOKUPS = 4  # liked items whose cold neighbours are looked up, where others brought few cold ones


@dataclass(frozen=True)
class Similarities:
    """Cosines of a pool of items with the user's recent likes: with the nearest, and their weighted mean."""

    positions: np.ndarray | None
    """(K,) ascending; None for all items."""
    nearest: np.ndarray  # (K,) float32
    mean: np.ndarray | None
    """(K,) float32; None where it was not computed, since `RoundedRows` finds the highest sooner."""

    def top(self, values: np.ndarray, eligible: np.ndarray, count: int) -> np.ndarray:
        """Give the eligible items with the highest of some values (K,), best first."""
        if self.positions is None:
            positions = top_positions(values, eligible, count)
            return best_first(values[positions], positions, count)
        rows = np.flatnonzero(eligible[self.positions])
        return best_first(values[rows], self.positions[rows], count)


def similarities_of(query: Query, context: SourceContext, count: int) -> Similarities:
    """Compare a user's recent likes with all items, or with those that an index or lists of neighbours name.

    Right for the `count` nearest eligible items, and for twice as many cold ones.
    """

    def compute() -> Similarities:
        if context.items.index is not None:
            return _by_index(query, context, count)
        return _by_lists(query, context, count) or _by_all(query, context)

    return query.once("similarities", compute)


def _compare_together(queries: Sequence[Query], context: SourceContext) -> None:
    """Compare the recent likes of several users with all items: one pass over the vectors for all of them."""
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
    around_centre = index.around(centre[None], 2 * count, query.eligible)  # twice: their order is not exact
    pool = np.union1d(index.around(rows[-LOOKUPS:], LOOKUP_DEPTH, query.eligible), around_centre)
    if np.count_nonzero(context.is_cold[pool]) < 2 * count:
        cold = query.eligible & context.is_cold
        pool = np.union1d(pool, index.around(rows[-COLD_LOOKUPS:], count, cold))
    similar = vectors[pool] @ rows.T  # (K, R)
    return Similarities(pool, similar.max(axis=1, initial=-np.inf), similar @ query.recent_weights)


class SimilarSource(Source):
    """Items near one liked item. Describes candidates by untrained content, which training can't overfit."""

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
            if waiting and sum(len(other.recent) for other in [*waiting, query]) > ROWS_AT_ONCE:
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
        # A modality has length 1 where there is one: squared lengths of joined rows are their counts.
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
            return None  # an item without a vector, or unlike all of them
        return f"similar to {describe_like(query, row, self.context.items.catalogue)}"


class TasteCentreSource(Source):
    """Items near everything that the user likes."""

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
    """Items that nobody has liked yet, near a liked item; also where their neighbours by id are liked."""

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
    """Multiply the rows of R items with those of C others, (R, C) float32, for each modality."""
    products: list[np.ndarray] = []
    for number, rows in enumerate(modalities):
        if number and rows is modalities[number - 1]:  # vectors that stand for every modality
            products.append(products[-1])
        else:
            mine, theirs = (rows_at(rows, items) for items in (recent, positions))
            products.append(mine @ theirs.T)
    return products


@njit(cache=True, nogil=True)
def _compare(facts, text, picture, mine, theirs, weights):  # type: ignore[no-untyped-def]
    """Cosines (R, C) by three modalities, how many of them each of R and C items has, weights (R,) -> (10,
    C).

    Largest, weighted mean, last and mean of the three largest of all modalities joined; largest and weighted
    mean of each modality.
    """
    recent, count = facts.shape
    columns = np.zeros((10, count), np.float32)
    columns[0], columns[4], columns[6], columns[8] = -np.inf, -np.inf, -np.inf, -np.inf
    second, third = np.full(count, -np.inf, np.float32), np.full(count, -np.inf, np.float32)
    for row in range(recent):
        weight = weights[row]
        for c in range(count):
            fact, words, image = facts[row, c], text[row, c], picture[row, c]
            joined = (fact + words + image) / np.sqrt(max(mine[row] * theirs[c], np.float32(1e-9)))
            # The three largest so far, by one pass of insertion.
            smaller = min(columns[0, c], joined)
            columns[0, c] = max(columns[0, c], joined)
            smallest = min(second[c], smaller)
            second[c] = max(second[c], smaller)
            third[c] = max(third[c], smallest)
            columns[1, c] += weight * joined
            columns[2, c] = joined
            columns[4, c] = max(columns[4, c], fact)
            columns[5, c] += weight * fact
            columns[6, c] = max(columns[6, c], words)
            columns[7, c] += weight * words
            columns[8, c] = max(columns[8, c], image)
            columns[9, c] += weight * image
    n_top = min(recent, 3)
    for c in range(count):
        top = columns[0, c]
        if n_top > 1:
            top += second[c]
        if n_top > 2:
            top += third[c]
        columns[3, c] = top / np.float32(n_top)
    return columns
