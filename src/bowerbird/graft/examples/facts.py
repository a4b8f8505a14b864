"""What a catalogue says about its items in a few words: captions, and facts that can be asked for."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from bowerbird.data.items import Catalogue, Item

LONGEST_VALUE = 40
"""Characters: a longer value is a sentence, not a fact."""
MOST_VALUES = 200
"""A fact with more different values than this is a name or a number, and nobody asks for it."""
PRICE_BANDS = ("low", "middle", "high")


def caption(catalogue: Catalogue, position: int) -> str:
    """What is to be said of an item: its title, then its kind and attributes that the title does not tell.

    Empty where it has none of them. Short captions cost less, and every token of them tells items apart.
    """
    item = catalogue.item(position)
    told = item.title.casefold()
    kind = item.category[-1] if item.category and item.category[-1].casefold() not in told else ""
    facts = ", ".join(
        f"{name}: {value}" for name, value in sorted(item.attributes.items()) if value.casefold() not in told
    )
    return ". ".join(part for part in (item.title, kind, facts) if part)


@dataclass(frozen=True)
class CatalogueFacts:
    """Each item's facts: name → value, only such as several items share."""

    of: list[dict[str, str]]
    items_with: dict[tuple[str, str], np.ndarray]
    """Positions of the items that a (name, value) holds for."""

    @classmethod
    def read(cls, catalogue: Catalogue) -> CatalogueFacts:
        """Type, attributes and price band of every item of a catalogue."""
        bands = price_bands(catalogue.prices)
        raw = [_raw(catalogue.item(position)) for position in range(len(catalogue))]
        for facts, band in zip(raw, bands, strict=True):
            if band:
                facts["price band"] = band
        values = Counter((name, value) for facts in raw for name, value in facts.items())
        different = Counter(name for name, _ in values)
        asked = {name for name, n in different.items() if 2 <= n <= MOST_VALUES}
        kept = [{n: v for n, v in facts.items() if n in asked and values[n, v] > 1} for facts in raw]
        holders: dict[tuple[str, str], list[int]] = {}
        for position, facts in enumerate(kept):
            for fact in facts.items():
                holders.setdefault(fact, []).append(position)
        return cls(kept, {fact: np.array(positions) for fact, positions in holders.items()})

    def shared(self, positions: np.ndarray, most: int = 3) -> list[str]:
        """The values that most of the items have in common, the commonest first."""
        counts = Counter(
            (name, value)
            for position in positions.tolist()
            for name, value in self.of[position].items()
            if name != "price band"
        )
        return [value for (_, value), n in counts.most_common(most) if 2 * n >= len(positions)] or [
            value for (_, value), _ in counts.most_common(1)
        ]


def _raw(item: Item) -> dict[str, str]:
    facts = {name: value for name, value in item.attributes.items() if 0 < len(value) <= LONGEST_VALUE}
    if item.category and len(item.category[-1]) <= LONGEST_VALUE:
        facts.setdefault("type", item.category[-1])
    return facts


def price_bands(prices: np.ndarray) -> list[str]:
    """Which third of the catalogue's prices each price lies in, (items,); empty where there is none.

    >>> price_bands(np.array([1.0, 5.0, np.nan, 9.0]))
    ['low', 'middle', '', 'high']
    """
    known = prices[~np.isnan(prices)]
    if len(np.unique(known)) < len(PRICE_BANDS):
        return [""] * len(prices)
    limits = np.quantile(known, [1 / 3, 2 / 3])
    return ["" if np.isnan(p) else PRICE_BANDS[int(np.searchsorted(limits, p))] for p in prices]
