"""What is asked of one of several kinds, and values by facet: added, removed, worded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bowerbird.assist.price_range import ANY_PRICE, PriceRange

MAX_NAMED = 2
"""Values that are named one by one."""


@dataclass(frozen=True)
class KindNeed:
    """One of several kinds that are asked for together, and what is asked of it alone."""

    types: frozenset[str]
    facets: Mapping[str, frozenset[str]] = field(default_factory=dict)
    wording: Mapping[str, str] = field(default_factory=dict)
    """For its types and each of `facets`, how the person said it."""
    price: PriceRange = ANY_PRICE

    @property
    def is_plain(self) -> bool:
        """Whether nothing is asked of it alone."""
        return not (self.facets or self.price.bounded)

    def as_dict(self) -> dict[str, Any]:
        """As JSON's types."""
        facets = {facet: sorted(values) for facet, values in self.facets.items()}
        wording = dict(self.wording)
        return {
            "types": sorted(self.types),
            "facets": facets,
            "wording": wording,
            "price": self.price.as_dict(),
        }

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> KindNeed:
        """The kind that `as_dict` wrote. Raises `ValueError` for one without a type."""
        if not raw["types"]:
            raise ValueError("one of its kinds has no type")
        return cls(
            frozenset(map(str, raw["types"])),
            {str(facet): frozenset(map(str, values)) for facet, values in raw["facets"].items()},
            {str(facet): str(words) for facet, words in raw["wording"].items()},
            PriceRange.from_dict(raw["price"]),
        )


def name_values(values: Iterable[str]) -> str:
    """Values as a wording of their own, where nobody said them so: "lamp or mug"."""
    return " or ".join(sorted(value.lower() for value in values))


def wording_of_rest(words: str, values: frozenset[str], rest: frozenset[str]) -> str:
    """How `rest`, what is left of `values` that were said as `words`, is said: "mug" of "lamps or mugs".

    Many keep their common name: "clothes" without dresses are clothes.
    """
    return words if rest == values or len(rest) > MAX_NAMED else name_values(rest)


def with_values(
    values: Mapping[str, frozenset[str]], added: Mapping[str, frozenset[str]]
) -> dict[str, frozenset[str]]:
    """Values by facet, and those added to them."""
    return {**values, **{facet: values.get(facet, frozenset()) | group for facet, group in added.items()}}


def without_values(
    values: Mapping[str, frozenset[str]], removed: Mapping[str, frozenset[str]]
) -> dict[str, frozenset[str]]:
    """Values by facet without those removed; a facet that has none left is dropped."""
    rest = {facet: group - removed.get(facet, frozenset()) for facet, group in values.items()}
    return {facet: group for facet, group in rest.items() if group}
