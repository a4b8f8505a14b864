"""Items with the attributes, categories and brands that the user chooses more often than other users."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any, Self

import numpy as np

from bowerbird.data.interactions import Interactions
from bowerbird.recommend.context import SourceContext
from bowerbird.recommend.models.attribute_affinity import AttributeAffinity, Facets, sum_facets
from bowerbird.recommend.query import Query
from bowerbird.recommend.ranks import best_first, log_ranks, top_positions
from bowerbird.recommend.sources.source import FusionTerm, Role, Source
from bowerbird.recommend.sources.wording import values_of

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
        return cls(context, AttributeAffinity.fit(context.items.facets, context.popularity.total))

    def propose(self, query: Query, count: int) -> list[np.ndarray]:
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

    def features(self, query: Query, positions: np.ndarray) -> Sequence[np.ndarray]:
        by_facet = self.model.scores_by_facet(self._preferences(query), positions)
        overall = sum_facets(by_facet)
        return [overall, log_ranks(overall), *by_facet.T]

    def explain(self, query: Query, position: int) -> str | None:
        facets = self.model.facets
        likes = query.once("likes by value", lambda: _likes_by_value(facets, query))
        values = [
            value for value in facets.values_of(position).tolist() if len(likes.get(value, ())) >= MIN_LIKES
        ]
        values = [value for value in values if _is_nameable(facets, value)]
        share_of_items = self.model.usual / np.exp(self.model.lift)
        values.sort(key=lambda value: (-len(likes[value]) / share_of_items[value], value))
        texts: list[str] = []
        for value in values:
            text = str(facets.texts[value])
            # A value may stand in several facets (a material that is a style too): name each once.
            if text not in texts and self._is_current(query, text, position, likes[value]):
                texts.append(text)
            if len(texts) == MAX_NAMED:
                break
        return f"your taste for {' and '.join(texts)}" if texts else None

    def arrays(self) -> Mapping[str, Any]:
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
        names = tuple(arrays["names"].tolist())
        facets = Facets(names, arrays["texts"], arrays["facet"], arrays["values"])
        return cls(context, AttributeAffinity(facets, arrays["usual"], arrays["lift"]))

    def _is_current(self, query: Query, text: str, position: int, likes: Sequence[int]) -> bool:
        """Check whether the item and enough likes still have a value: the catalogue may be newer than the
        model."""
        catalogue = self.context.items.catalogue

        def has(item: int) -> bool:
            return text in query.once(f"values of {item}", lambda: values_of(catalogue.item(item)))

        return has(position) and sum(1 for _ in islice(filter(has, likes), MIN_LIKES)) == MIN_LIKES

    def _preferences(self, query: Query) -> np.ndarray:
        """Compute the user's preference for each value, (V,) float64."""
        return query.once(self.name, lambda: self.model.preferences(query.liked.items, query.weights))


def _top(scores: np.ndarray, eligible: np.ndarray, count: int) -> np.ndarray:
    positions = top_positions(scores, eligible, count)
    return best_first(scores[positions], positions, count)


def _likes_by_value(facets: Facets, query: Query) -> dict[int, list[int]]:
    """Map each value of the liked items to the different liked items that have it, the latest first."""
    likes: dict[int, list[int]] = {}
    for item in dict.fromkeys(query.liked.items[::-1].tolist()):
        for value in facets.values_of(item).tolist():
            likes.setdefault(value, []).append(item)
    return likes


def _is_nameable(facets: Facets, value: int) -> bool:
    """Whether a value can be named as a taste: not a title, a long text or a bare number."""
    text = str(facets.texts[value])
    return (
        facets.names[facets.facet[value]] != "title" and len(text) <= MAX_VALUE_LENGTH and not text.isdigit()
    )
