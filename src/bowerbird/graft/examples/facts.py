"""Captions of a catalogue's items, and short facts (name and value) that questions can ask for."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from bowerbird.data.arrays import DoubleArray, IntArray
from bowerbird.data.items import Catalogue, Item
from bowerbird.text.facets import facet_name

MAX_VALUE_CHARACTERS = 40
"""A longer value is a sentence, not a fact."""
MAX_VALUES = 200
"""A fact with more distinct values is a name or a number, which no question asks for."""
PRICE_BANDS = ("low", "middle", "high")


def build_caption(catalogue: Catalogue, position: int) -> str:
    """An item's caption: its title, then its category and attributes that the title does not contain.

    Empty if it has none of them. Short captions are cheaper, and each of their tokens distinguishes items.
    """
    item = catalogue.item(position)
    title = item.title.casefold()
    category = item.category[-1] if item.category and item.category[-1].casefold() not in title else ""
    facts = ", ".join(
        f"{name}: {value}" for name, value in sorted(item.attributes.items()) if value.casefold() not in title
    )
    return ". ".join(text for text in (item.title, category, facts) if text)


@dataclass(frozen=True)
class CatalogueFacts:
    """Each item's facts, name → value; only those that several items share."""

    by_item: list[dict[str, str]]
    items_with: dict[tuple[str, str], IntArray]
    """Positions of the items with a (name, value)."""

    @classmethod
    def from_catalogue(cls, catalogue: Catalogue) -> CatalogueFacts:
        """Type, attributes and price band of every item of a catalogue."""
        bands = price_bands(catalogue.prices)
        all_facts = [read_facts(catalogue.item(position)) for position in range(len(catalogue))]
        for facts, band in zip(all_facts, bands, strict=True):
            if band:
                facts["price band"] = band
        values = Counter((name, value) for facts in all_facts for name, value in facts.items())
        n_values = Counter(name for name, _ in values)
        usable_names = {name for name, count in n_values.items() if 2 <= count <= MAX_VALUES}
        shared_facts = [
            {name: value for name, value in facts.items() if name in usable_names and values[name, value] > 1}
            for facts in all_facts
        ]
        positions_by_fact: dict[tuple[str, str], list[int]] = {}
        for position, facts in enumerate(shared_facts):
            for fact in facts.items():
                positions_by_fact.setdefault(fact, []).append(position)
        return cls(shared_facts, {fact: np.array(positions) for fact, positions in positions_by_fact.items()})

    def common_values(self, positions: IntArray, max_values: int = 3) -> list[str]:
        """The values shared by at least half of the items, most common first; else the single most common
        value."""
        counts = Counter(
            (name, value)
            for position in positions.tolist()
            for name, value in self.by_item[position].items()
            if name != "price band"
        )
        return [value for (_, value), n in counts.most_common(max_values) if 2 * n >= len(positions)] or [
            value for (_, value), _ in counts.most_common(1)
        ]


def read_facts(item: Item) -> dict[str, str]:
    """Read an item's attributes by facet, and its type; no values that are sentences."""
    facts = {facet_name(name): value for name, value in item.attributes.items()}
    if item.category:
        facts.setdefault("type", item.category[-1])
    return {name: value for name, value in facts.items() if 0 < len(value) <= MAX_VALUE_CHARACTERS}


def price_bands(prices: DoubleArray) -> list[str]:
    """The third of the catalogue's prices that each price lies in, (items,); empty for unknown prices.

    >>> price_bands(np.array([1.0, 5.0, np.nan, 9.0]))
    ['low', 'middle', '', 'high']
    """
    known_prices = prices[~np.isnan(prices)]
    if len(np.unique(known_prices)) < len(PRICE_BANDS):
        return [""] * len(prices)
    tercile_bounds = np.quantile(known_prices, [1 / 3, 2 / 3])
    return [
        "" if np.isnan(price) else PRICE_BANDS[int(np.searchsorted(tercile_bounds, price))]
        for price in prices
    ]
