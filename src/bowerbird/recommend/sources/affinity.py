"""Items with the attributes, categories and brands that the user chooses more often than other users."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Any, Self

import numpy as np

from bowerbird.data.arrays import BoolArray, DoubleArray, FloatArray, IntArray, RealArray
from bowerbird.data.interactions import Interactions
from bowerbird.data.ranks import best_first, log_ranks, top_positions
from bowerbird.recommend.context import SourceContext
from bowerbird.recommend.models.attribute_affinity import AttributeAffinity, sum_facets
from bowerbird.recommend.models.facets import Facets
from bowerbird.recommend.query import Query
from bowerbird.recommend.reasons import Reason
from bowerbird.recommend.sources.source import FusionTerm, Role, Source
from bowerbird.text.facets import lower_case_values

MIN_LIKES = 2  # of a value, before it is called the user's taste
MAX_NAMED = 2  # values in one explanation
MAX_VALUE_LENGTH = 40  # characters; longer texts are descriptions


class AffinitySource(Source):
    """Items with the values that the user prefers, which sell or whose ids are near those that do."""

    name = "attributes"
    fusion = (FusionTerm("affinity_rank", 0.5, Role.PERSONAL),)

    def __init__(self, context: SourceContext, model: AttributeAffinity) -> None:
        super().__init__(context)
        self.model = model
        self.feature_names = ("affinity", "affinity_rank", *(f"affinity {n}" for n in model.facets.names))

    @classmethod
    def fit(cls, events: Interactions, context: SourceContext) -> Self:
        """Fit the popularity of attribute values."""
        config = context.config.affinity
        return cls(context, AttributeAffinity.fit(context.items.facets, context.popularity.total, config))

    def propose(self, query: Query, count: int) -> list[IntArray]:
        """Propose items by affinity with popularity, of their own and of neighbouring ids, warm and cold."""
        if query.is_cold_start or self.context.items.index is not None:
            return []  # among a million items it only ranks what other sources propose
        popularity = self.context.popularity
        affinity = self.model.scores(self._preferences(query))
        nearby = popularity.neighbourhood(popularity.end, popularity.lately)
        cold = query.eligible & self.context.is_cold
        orders = (
            (affinity + nearby, query.eligible),
            (affinity + nearby, cold),
            (affinity + 3 * nearby, cold),
            (affinity + popularity.log_now, query.eligible),
        )
        return [_top(scores, eligible, count) for scores, eligible in orders]

    def features(self, query: Query, positions: IntArray) -> Sequence[RealArray]:
        """Compute affinity over all facets, its rank, and affinity by facet."""
        by_facet = self.model.scores_by_facet(self._preferences(query), positions)
        overall = sum_facets(by_facet)
        return [overall, log_ranks(overall), *by_facet.T]

    def explain(self, query: Query, position: int) -> Reason | None:
        """Name the values of the item that the user's likes hold most above their share of the catalogue."""
        facets = self.model.facets
        likes = query.once("likes by value", lambda: LikesByValue.of(facets, query))
        values = facets.values_of(position)
        values = values[(likes.counts[values] >= MIN_LIKES) & self._is_nameable[values]]
        order = np.lexsort((values, -likes.counts[values] / self._share_of_items[values]))
        texts: list[str] = []
        for value in values[order].tolist():
            text = str(facets.texts[value])
            # A value may stand in several facets (a material that is a style too): name each once.
            if text not in texts and self._is_current(query, text, position, likes.items_with(value)):
                texts.append(text)
            if len(texts) == MAX_NAMED:
                break
        return Reason("taste", {"values": tuple(texts)}) if texts else None

    def arrays(self) -> Mapping[str, Any]:
        """Return the facets and the popularity of their values."""
        facets = self.model.facets
        return {
            "values": facets.values,
            "names": np.array(facets.names, np.str_),
            "texts": facets.texts,
            "facet": facets.facet,
            "usual": self.model.usual,
            "lift": self.model.lift,
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Any], context: SourceContext) -> Self:
        """Restore facets and model."""
        names = tuple(arrays["names"].tolist())
        facets = Facets(names, arrays["texts"], arrays["facet"], arrays["values"])
        config = context.config.affinity
        return cls(context, AttributeAffinity(facets, arrays["usual"], arrays["lift"], config))

    @cached_property
    def _is_nameable(self) -> BoolArray:
        """Whether each value can be called a taste, (V,) bool: no title, no long text, no bare number."""
        facets = self.model.facets
        is_title = np.array([name == "title" for name in facets.names], bool)[facets.facet]
        is_short = np.strings.str_len(facets.texts) <= MAX_VALUE_LENGTH
        is_nameable: BoolArray = ~is_title & is_short & ~np.strings.isdigit(facets.texts)
        return is_nameable

    @cached_property
    def _share_of_items(self) -> FloatArray:
        """Share of the items that have each value, (V,) float32."""
        return np.asarray(self.model.usual / np.exp(self.model.lift), np.float32)

    def _is_current(self, query: Query, text: str, position: int, likes: Sequence[int]) -> bool:
        """Check whether the item and enough likes still have a value: the catalogue may be newer than the
        model."""
        catalogue = self.context.items.catalogue

        def has(item: int) -> bool:
            return text in query.once(f"values of {item}", lambda: lower_case_values(catalogue.item(item)))

        return has(position) and sum(1 for _ in islice(filter(has, likes), MIN_LIKES)) == MIN_LIKES

    def _preferences(self, query: Query) -> DoubleArray:
        """Compute the user's preference for each value, (V,) float64."""
        return query.once(self.name, lambda: self.model.preferences(query.liked.items, query.weights))


def _top(scores: RealArray, eligible: BoolArray, count: int) -> IntArray:
    positions = top_positions(scores, eligible, count)
    return best_first(scores[positions], positions, count)


@dataclass(frozen=True)
class LikesByValue:
    """Which different liked items have each value."""

    counts: FloatArray  # (V,): liked items that have a value
    _values: IntArray
    _items: IntArray
    """One value of one liked item each, the latest liked first."""

    @classmethod
    def of(cls, facets: Facets, query: Query) -> Self:
        """Collect the values of a user's liked items."""
        table, n_values = facets.values, len(facets.texts)
        latest_first = list(dict.fromkeys(query.liked.items[::-1].tolist()))
        parts = [table.indices[table.indptr[item] : table.indptr[item + 1]] for item in latest_first]
        values = np.concatenate([np.zeros(0, table.indices.dtype), *parts])
        items = np.repeat(np.array(latest_first, np.int64), [len(part) for part in parts])
        return cls(np.bincount(values, minlength=n_values).astype(np.float32), values, items)

    def items_with(self, value: int) -> list[int]:
        """Give the liked items that have a value, the latest first."""
        items: list[int] = self._items[self._values == value].tolist()
        return items
