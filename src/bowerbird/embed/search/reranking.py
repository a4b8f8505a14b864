"""Re-ranks the nearest items of a picture, or of a picture or item that a text edits.

The nearest items of a picture are re-ranked by their types (`type_votes`); if a text edits the query, also by
how well they fit the edits (`modification`, `composing`). Both use facts of the catalogue, which are read
once, on the first such query.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from bowerbird.data.arrays import FloatArray, IntArray
from bowerbird.data.items import Catalogue
from bowerbird.embed.index.rows import VectorRows, normalize_rows
from bowerbird.embed.search.config import SEARCH_DEFAULTS, SearchConfig
from bowerbird.embed.search.edits.catalogue_facts import (
    TYPE_FACET,
    CatalogueWords,
    ItemFacts,
    extract_facts,
)
from bowerbird.embed.search.edits.composing import Composer
from bowerbird.embed.search.edits.edit import AttributeEdit, Modification
from bowerbird.embed.search.edits.modification import parse_modification
from bowerbird.embed.search.type_votes import TypeVotes


@dataclass(frozen=True)
class ComposedQuery:
    """A picture or an item as a query, before or after a text edited it. D dimensions."""

    vector: FloatArray  # (D,) of length 1
    types: dict[str, float]
    """Probability of each type; their sum is at most 1."""
    facts: tuple[ItemFacts, ...] = ()
    """An item's own, or those of the items nearest to a picture."""
    edits: tuple[AttributeEdit, ...] = ()


class Reranker:
    """Composes queries and re-ranks their nearest items by facts of the catalogue. D dimensions."""

    def __init__(
        self,
        words: CatalogueWords,
        catalogue: Catalogue,
        rows: VectorRows,
        image_features: VectorRows | None,
        config: SearchConfig = SEARCH_DEFAULTS,
    ) -> None:
        """`image_features`: untrained features of the items' pictures, if the vectors have them."""
        self.config = config
        self.words = words
        self._catalogue = catalogue
        self._rows = rows
        self._image_features = image_features

    def compose_picture(self, vector: FloatArray, features: FloatArray) -> ComposedQuery:
        """Make a query of a picture, from its vector (D,) and its untrained features (E,)."""
        nearest = np.argsort(-(self._sample @ vector), kind="stable")[: self.config.similar_items]
        facts = tuple(self.words.facts[row] for row in nearest)
        return ComposedQuery(vector, self._type_votes.vote(features), facts)

    def compose_item(self, position: int) -> ComposedQuery:
        """Make a query of an item."""
        (facts,) = self._read_facts(np.array([position]))
        types = {facts.item_type: 1.0} if facts.item_type else {}
        return ComposedQuery(self._rows[np.array(position)], types, (facts,))

    def parse(self, text: str) -> Modification:
        return parse_modification(text, self.words)

    def apply(
        self, query: ComposedQuery, modification: Modification, text_vector: FloatArray
    ) -> ComposedQuery:
        """Edit a query by a text and its vector (D,).

        A text without words of the catalogue counts as much as the query.
        """
        edits = (*modification.edits, *_different_values(modification.different, query.facts))
        if not edits:
            return ComposedQuery(normalize_rows(query.vector + text_vector), query.types, query.facts)
        edited = self._composer.apply_edits(query.vector, edits)
        vector = normalize_rows(edited + self.config.text_weight * text_vector)
        types = {} if any(edit.facet == TYPE_FACET for edit in edits) else query.types
        return ComposedQuery(vector, types, query.facts, edits)

    def rerank(
        self, query: ComposedQuery, positions: IntArray, cosines: FloatArray
    ) -> tuple[IntArray, FloatArray]:
        """Order positions (C,) by cosine, type and edits: positions, best first, and scores (C,) float32."""
        facts = self._read_facts(positions)
        type_scores = [query.types.get(item_facts.item_type, 0.0) for item_facts in facts]
        scores = cosines + self.config.type_weight * np.array(type_scores, np.float32)
        if query.edits:
            fit = self._composer.score(query.edits, self._rows[positions], facts)
            scores = scores + self.config.edit_weight * fit
        order = np.lexsort((positions, -scores))
        return positions[order], scores[order].astype(np.float32)

    def _read_facts(self, positions: IntArray) -> list[ItemFacts]:
        """Facts of items; those of the sample are in memory already."""
        rows = np.searchsorted(self.words.rows, positions).clip(max=len(self.words.rows) - 1)
        in_sample = self.words.rows[rows] == positions
        others = iter(self._catalogue.items_at(positions[~in_sample]))
        return [
            self.words.facts[row] if sampled else extract_facts(next(others))
            for row, sampled in zip(rows.tolist(), in_sample.tolist(), strict=True)
        ]

    @cached_property
    def _sample(self) -> FloatArray:
        return self._rows[self.words.rows]

    @cached_property
    def _composer(self) -> Composer:
        return Composer(self.words, self._sample, self.config.composition)

    @cached_property
    def _type_votes(self) -> TypeVotes:
        types = [facts.item_type for facts in self.words.facts]
        if self._image_features is None:
            return TypeVotes(np.zeros((0, 0), np.float32), [])
        return TypeVotes.of(self._image_features, self.words.rows, types, self.config.type_votes)


def _different_values(facets: frozenset[str], facts: Sequence[ItemFacts]) -> list[AttributeEdit]:
    """Edits that ask for another value of facets than the one that most of the facts have."""
    edits = []
    for facet in sorted(facets):
        counts = Counter(value for item_facts in facts for value in item_facts.values.get(facet, ()))
        usual = frozenset(value for value, count in counts.items() if 2 * count > len(facts))
        if usual:
            edits.append(AttributeEdit(f"another {facet}", facet, unwanted=usual))
    return edits
