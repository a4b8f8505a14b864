"""What is missing from a set (a board, a room, an outfit, a basket): the ranker, trained on sets.

Sets take the place of users: what stands together in a set is what is liked together. A set has no session,
no outcome and no live graph.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bowerbird.data.arrays import BoolArray, FloatArray, IntArray
from bowerbird.data.snapshot import StoreSnapshot
from bowerbird.data.times import SECOND
from bowerbird.errors import InputError
from bowerbird.recommend.completion.training import open_completion_ranker, set_state
from bowerbird.recommend.config import CompletionConfig
from bowerbird.recommend.models.coengagement import CoEngagement
from bowerbird.recommend.ranker.hybrid import HybridRanker
from bowerbird.recommend.reasons import Reason
from bowerbird.recommend.saved import use_one_blas_thread
from bowerbird.recommend.sources.coengagement import CoEngagementSource
from bowerbird.recommend.sources.like_reasons import title_of
from bowerbird.text.facets import lower_case_values


@dataclass(frozen=True)
class Completion:
    """One item that is missing from a set."""

    item_id: str
    title: str
    price: float | None
    currency: str
    list_price: float | None
    """Price outside of the sale; None where there is no sale price."""
    on_sale: bool
    also_in: Mapping[str, Sequence[str]]
    """By attribute, what other variants of its article can be bought in."""
    score: float
    """Says an order; larger is better."""
    explanation: Reason

    @property
    def reason(self) -> str:
        """What it has to do with the set, in English."""
        return self.explanation.phrase()

    def as_dict(self) -> dict[str, Any]:
        """Give the fields as plain values, the reason in English."""
        names = (
            "item_id",
            "title",
            "price",
            "currency",
            "list_price",
            "on_sale",
            "also_in",
            "score",
            "reason",
        )
        return {name: getattr(self, name) for name in names}


class Completer:
    """Completes sets of a store's items. Safe to use from several threads."""

    def __init__(self, ranker: HybridRanker) -> None:
        self.catalogue = ranker.items.catalogue
        self._ranker = ranker.with_live_graph(None)
        source = next(source for source in ranker.sources if isinstance(source, CoEngagementSource))
        self._sets: CoEngagement = source.model

    @classmethod
    def open(cls, snapshot: StoreSnapshot) -> Completer:
        """Open a snapshot's completer; it is trained on the store's collections first where it was not yet.

        Raises `StoreError` where the store has no vectors, or no collection of two items.
        """
        use_one_blas_thread()
        kinds = ("catalogue", "vectors", "collections")
        return snapshot.open_once("completer", lambda: cls(open_completion_ranker(snapshot)), of=kinds)

    def complete(
        self, item_ids: Sequence[str], n: int = 10, eligible: BoolArray | None = None
    ) -> list[Completion]:
        """Name the n items that a set misses most, with reasons; in stock, and none of the set itself.

        Of the `eligible` items, (items,), only those.

        Raises `InputError` where the catalogue knows none of the items.
        """
        positions = np.array([self.catalogue.position[i] for i in item_ids if i in self.catalogue], np.int64)
        if not len(positions):
            raise InputError(f"the catalogue holds none of the items {', '.join(item_ids)!r}: check the ids")
        best, scores = next(self.complete_many([positions], n, eligible))
        return [
            Completion(
                item.item_id,
                item.title,
                item.price,
                item.currency,
                item.list_price,
                item.on_sale,
                self.catalogue.also_in(row),
                float(score),
                self._explain(row, positions),
            )
            for item, row, score in zip(
                self.catalogue.items_at(best), best.tolist(), scores.tolist(), strict=True
            )
        ]

    def complete_many(
        self, sets: Sequence[IntArray], n: int = 10, eligible: BoolArray | None = None
    ) -> Iterator[tuple[IntArray, FloatArray]]:
        """Give positions and scores, (≤ n,) each, best first, that complete each set of positions (k,).

        Of each article one variant is given, of the articles of the set none.
        """
        end = self._ranker.context.popularity.end // SECOND * SECOND
        states = [set_state(positions, end) for positions in sets]
        articles, available = self.catalogue.articles, self.catalogue.available
        allowed = available if eligible is None else available & eligible
        of_sets = [allowed] * len(sets)
        if articles.has_variants:
            of_sets = [allowed & ~articles.shares_article(positions) for positions in sets]
        at_least = CompletionConfig.candidates_per_item * n * articles.max_variants
        for candidates in self._ranker.candidates(states, of_sets, at_least=at_least):
            scores = self._ranker.score(candidates.features)
            best = np.lexsort((candidates.positions, -scores))
            best = best[articles.first_rows(candidates.positions[best])][:n]
            yield candidates.positions[best], scores[best]

    def _explain(self, position: int, positions: IntArray) -> Reason:
        """Say what the item has to do with the set, as collections and catalogue prove it."""
        together = [(self._sets.common_likers(int(item), position), int(item)) for item in positions]
        count, item = max(together, key=lambda pair: pair[0])
        if count:
            title = title_of(self.catalogue, item)
            return Reason("in_collections", {"other": title, "count": int(count)})
        vectors = self._ranker.items.vectors
        nearest = int(positions[int((vectors[positions] @ vectors[position]).argmax())])
        own_values, nearest_values = (
            lower_case_values(self.catalogue.item(row)) for row in (position, nearest)
        )
        shared = sorted(own_values & nearest_values)[:2]
        nearest_title = title_of(self.catalogue, nearest)
        if shared:
            return Reason("shared_values", {"values": tuple(shared), "other": nearest_title})
        return Reason("similar", {"like": nearest_title})
