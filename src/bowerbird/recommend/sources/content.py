"""Items near the user's likes by their vectors: near a single like, near their mean, and cold ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numba import njit

from bowerbird.data.arrays import BoolArray, FloatArray, IntArray, RealArray
from bowerbird.data.ranks import best_first, log_ranks
from bowerbird.recommend.context import Matrix, rows_at
from bowerbird.recommend.query import Query
from bowerbird.recommend.reasons import Reason
from bowerbird.recommend.sources.like_reasons import describe_like
from bowerbird.recommend.sources.similarities import compare_together, similarities_of
from bowerbird.recommend.sources.source import FusionTerm, Role, Source

MODALITIES = ("facts", "text", "picture")
MAX_PRODUCT_ROWS = 256  # likes of several users compared with all items in one matrix product


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
        """Compare the likes of several users with all items in one product, unless there is an index."""
        if len(queries) < 2 or self.context.items.index is not None:
            return
        waiting: list[Query] = []
        for query in queries:
            if (
                waiting
                and sum(len(waiting_query.recent) for waiting_query in [*waiting, query]) > MAX_PRODUCT_ROWS
            ):
                compare_together(waiting, self.context)
                waiting = []
            waiting += [] if query.is_cold_start else [query]
        if waiting:
            compare_together(waiting, self.context)

    def propose(self, query: Query, count: int) -> list[IntArray]:
        """Propose the items with the highest cosine with any recent like."""
        if query.is_cold_start:
            return []
        similar = similarities_of(query, self.context, count)
        return [similar.top(similar.nearest, query.eligible, count)]

    def features(self, query: Query, positions: IntArray) -> Sequence[RealArray | BoolArray]:
        """Compute cosines of untrained content: all modalities together, then each."""
        if query.is_cold_start:
            return [np.full(len(positions), np.nan, np.float32)] * len(self.feature_names)
        items, recent = self.context.items, query.recent.items
        by_modality = cosines(items.modalities, recent, positions)
        # Each modality has length 1 where it exists: squared lengths of joined rows are their counts.
        counts = items.modality_counts(recent), items.modality_counts(positions)
        columns = _compare(*by_modality, *counts, query.recent_weights)
        return [*columns[:4], log_ranks(columns[0]), log_ranks(columns[1]), *columns[4:]]

    def explain(self, query: Query, position: int) -> Reason | None:
        """Name the like that the item is most similar to."""
        if query.is_cold_start:
            return None
        vectors = self.context.items.vectors
        similar = query.once("vectors of likes", lambda: vectors[query.liked.items]) @ vectors[position]
        row = int(similar.argmax())
        if similar[row] <= 0:
            return None  # an item without a vector, or dissimilar to all likes
        return Reason("similar", {"like": describe_like(query, row, self.context.items.catalogue)})


class TasteCentreSource(Source):
    """Items near the weighted mean of the user's recent likes."""

    name = "taste"

    def propose(self, query: Query, count: int) -> list[IntArray]:
        """Propose the items with the highest cosine with the likes' weighted mean."""
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

    def propose(self, query: Query, count: int) -> list[IntArray]:
        """Propose cold items by similarity alone, and with the popularity of their neighbouring ids added."""
        if query.is_cold_start:
            return []
        similar = similarities_of(query, self.context, count)
        cold = query.eligible & self.context.is_cold
        near = np.sort(similar.top(similar.nearest, cold, 2 * count))
        rows = near if similar.positions is None else np.searchsorted(similar.positions, near)
        nearest = similar.nearest[rows]
        weight, popularity = self.context.config.ids.weight, self.context.popularity
        boosted = nearest + weight * popularity.neighbourhood(query.at)[near]
        return [best_first(scores, near, count // 2) for scores in (nearest, boosted)]

    def features(self, query: Query, positions: IntArray) -> Sequence[RealArray | BoolArray]:
        """Say which candidates are cold."""
        return [self.context.is_cold[positions]]


def cosines(modalities: tuple[Matrix, ...], recent: IntArray, positions: IntArray) -> list[FloatArray]:
    """Multiply the rows of R recent items with those of C positions, (R, C) float32, for each modality."""
    products: list[FloatArray] = []
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
