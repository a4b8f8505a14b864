"""What a catalogue holds, read from its raw items: the truth that replies are checked against.

Shares nothing with the assistant's vocabulary, so that a mistake there is seen here.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from bowerbird.data.items import Catalogue, Item

ATTRIBUTES = {
    "type": ("type", "product_type", "product_type_name"),
    "colour": ("colour", "color", "colour_group_name"),
    "material": ("material", "fabric"),
    "pattern": ("pattern", "graphical_appearance_name"),
    "style": ("style",),
}
NOT_SOLD = ("out_of_stock", "withdrawn")


@dataclass(frozen=True)
class Listing:
    """One item as the shop lists it: values in lower case by facet."""

    item_id: str
    title: str
    price: float | None
    currency: str
    values: Mapping[str, str]
    text: str
    """Title, description, attributes and categories in lower case."""
    is_sold: bool
    article: str
    list_price: float | None
    """What it costs outside of its sale; None where it is not on sale."""


@dataclass(frozen=True)
class Listings:
    """The listings of a catalogue and the values that people can ask for."""

    by_id: Mapping[str, Listing]
    counts: Mapping[str, Counter[str]] = field(repr=False)
    """By facet, how many items that are sold have each value."""

    @classmethod
    def of(cls, catalogue: Catalogue) -> Listings:
        """Read every item of a catalogue."""
        listings = {}
        counts: dict[str, Counter[str]] = defaultdict(Counter)
        for position in range(len(catalogue)):
            listing = _listing(catalogue.item(position))
            listings[listing.item_id] = listing
            if listing.is_sold:
                for facet, value in listing.values.items():
                    counts[facet][value] += 1
        return cls(listings, counts)

    @property
    def is_priced(self) -> bool:
        """Whether most items have a price."""
        return sum(listing.price is not None for listing in self.by_id.values()) > len(self.by_id) / 2

    def meant_by(self, facet: str, word: str) -> tuple[frozenset[str], frozenset[str]]:
        """The values that a word must mean, and those that it may mean: "blue" may be "dark blue"."""
        known = self.counts.get(facet, Counter())
        exact = frozenset(value for value in known if value == word)
        tail = re.compile(rf"(?:^|[ /-]){re.escape(word)}s?(?:$|[ /])")
        return exact, frozenset(value for value in known if tail.search(value)) | exact

    def sold(self) -> Iterable[Listing]:
        """The listings that can be bought."""
        return (listing for listing in self.by_id.values() if listing.is_sold)


def _listing(item: Item) -> Listing:
    attributes = {name.lower(): value for name, value in item.attributes.items()}
    values = {}
    for facet, names in ATTRIBUTES.items():
        value = next((attributes[name] for name in names if attributes.get(name)), "")
        if not value and facet == "type" and item.category:
            value = item.category[-1]
        if value:
            values[facet] = value.lower()
    if item.brand:
        values["brand"] = item.brand.lower()
    text = " ".join((item.title, item.description, *item.attributes.values(), *item.category, item.brand))
    return Listing(
        item.item_id,
        item.title,
        item.price,
        item.currency,
        values,
        text.lower(),
        item.availability not in NOT_SOLD,
        item.group_id,
        item.list_price if item.list_price and item.price and item.price < item.list_price else None,
    )
