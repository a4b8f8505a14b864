"""What ranks the nearest items of a picture, or of a thing that a text changes, beside their vectors.

A picture's nearest items are ranked by what kind of thing it seems to show (`kinds`); where a text says what
shall be different, by how well they meet it (`modification`, `composing`). Both read the shop's own facts,
which is done once, when the first such query comes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from bowerbird.data.items import Catalogue
from bowerbird.embed.index.rows import Rows, unit
from bowerbird.embed.search.catalogue_words import KIND, Facts, ShopWords, facts_of
from bowerbird.embed.search.composing import Composer
from bowerbird.embed.search.modification import Modification, Wish, modification_of
from bowerbird.embed.search.type_votes import Kinds

CANDIDATES = 1000
"""Nearest items that are ranked."""
KIND_WEIGHT = 0.5
"""What it adds to a cosine when all pictures nearby are of an item's kind."""
WISH_WEIGHT = 0.3
"""What it adds to a cosine when an item meets a wish."""
TEXT_WEIGHT = 0.3
"""The text's own vector beside the changed thing's, for what the shop has no words for."""
ALIKE = 15
"""Items nearest to a picture whose facts stand for its own."""


@dataclass(frozen=True)
class Thing:
    """What a query starts from, or is changed into. D dimensions."""

    vector: np.ndarray  # (D,) of length 1
    kinds: dict[str, float]
    """How likely it is of each kind, together 1 or less."""
    facts: tuple[Facts, ...] = ()
    """An item's own, or those of the items nearest to a picture."""
    wishes: tuple[Wish, ...] = ()
    """What a text asks of it."""


class Refiner:
    """Reads a shop's facts and ranks by them. D dimensions."""

    def __init__(self, shop: ShopWords, catalogue: Catalogue, rows: Rows, pictures: Rows | None) -> None:
        """`pictures`: untrained features of the items' pictures, where the vectors' version has them."""
        self.shop = shop
        self._catalogue = catalogue
        self._rows = rows
        self._pictures = pictures

    def picture(self, vector: np.ndarray, features: np.ndarray) -> Thing:
        """What a picture shows, by its vector (D,) and its untrained features (E,)."""
        near = np.argsort(-(self._sample @ vector), kind="stable")[:ALIKE]
        return Thing(vector, self._kinds.votes(features), tuple(self.shop.facts[row] for row in near))

    def item(self, position: int) -> Thing:
        (facts,) = self._facts(np.array([position]))
        return Thing(self._rows[np.array(position)], {facts.kind: 1.0} if facts.kind else {}, (facts,))

    def modification(self, text: str) -> Modification:
        return modification_of(text, self.shop)

    def changed(self, thing: Thing, modification: Modification, said: np.ndarray) -> Thing:
        """A thing as a text changes it; `said` (D,) is the text's vector.

        A text that the shop has no words for counts as much as the thing.
        """
        wishes = (*modification.wishes, *_others(modification.other, thing.facts))
        if not wishes:
            return Thing(unit(thing.vector + said), thing.kinds, thing.facts)
        vector = unit(self._composer.moved(thing.vector, wishes) + TEXT_WEIGHT * said)
        kinds = {} if any(wish.facet == KIND for wish in wishes) else thing.kinds
        return Thing(vector, kinds, thing.facts, wishes)

    def ranked(
        self, thing: Thing, positions: np.ndarray, cosines: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Positions (C,) by falling score, and scores (C,) float32: cosines and what facts add to them."""
        facts = self._facts(positions)
        scores = cosines + KIND_WEIGHT * np.array(
            [thing.kinds.get(one.kind, 0.0) for one in facts], np.float32
        )
        if thing.wishes:
            scores = scores + WISH_WEIGHT * self._composer.fits(thing.wishes, self._rows[positions], facts)
        order = np.lexsort((positions, -scores))
        return positions[order], scores[order].astype(np.float32)

    def _facts(self, positions: np.ndarray) -> list[Facts]:
        """Those of the sample are read already."""
        rows = np.searchsorted(self.shop.rows, positions).clip(max=len(self.shop.rows) - 1)
        read = self.shop.rows[rows] == positions
        others = iter(self._catalogue.items_at(positions[~read]))
        return [
            self.shop.facts[row] if known else facts_of(next(others))
            for row, known in zip(rows.tolist(), read.tolist(), strict=True)
        ]

    @cached_property
    def _sample(self) -> np.ndarray:
        return self._rows[self.shop.rows]

    @cached_property
    def _composer(self) -> Composer:
        return Composer(self.shop, self._sample)

    @cached_property
    def _kinds(self) -> Kinds:
        kinds = [one.kind for one in self.shop.facts]
        return (
            Kinds(np.zeros((0, 0)), [])
            if self._pictures is None
            else Kinds.of(self._pictures, self.shop.rows, kinds)
        )


def _others(facets: frozenset[str], facts: Sequence[Facts]) -> list[Wish]:
    """Wishes for another value than what most of the facts have."""
    wishes = []
    for facet in sorted(facets):
        held = Counter(value for one in facts for value in one.values.get(facet, ()))
        usual = frozenset(value for value, count in held.items() if 2 * count > len(facts))
        if usual:
            wishes.append(Wish(f"another {facet}", facet, unwanted=usual))
    return wishes
