"""Business rules: boosts that move an item up by a limited number of ranks, marked as promoted.

A rule selects items by their catalogue data and gives a factor for their relevance. An item moves up to where
its raised relevance would rank it, but never by more than `places` ranks, and no item enters the list that
was not within the next `places` ranks after it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from bowerbird.data.arrays import BoolArray, DoubleArray, IntArray, RealArray
from bowerbird.data.items import Catalogue, Item
from bowerbird.errors import InputError


@dataclass(frozen=True)
class Rule:
    """One boost: `factor` for the items that match all its conditions."""

    __pydantic_config__: ClassVar[Any] = {"extra": "forbid", "use_attribute_docstrings": True}
    factor: float
    """Above 1; multiplies the relevance (0 to 1)."""
    brand: str | None = None
    category: str | None = None
    attributes: dict[str, str] = field(default_factory=dict)
    item_ids: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if not 1 < self.factor < float("inf"):
            raise InputError(f"a boost's factor is {self.factor!r}, expected a number above 1")
        if self.brand is None and self.category is None and not self.attributes and not self.item_ids:
            raise InputError("a boost has no condition: add brand, category, attributes or item_ids")

    def __str__(self) -> str:
        """Its conditions and its factor, for people."""
        conditions = [f"brand {self.brand}"] if self.brand is not None else []
        conditions += [f"category {self.category}"] if self.category is not None else []
        conditions += [f"{name} {value}" for name, value in self.attributes.items()]
        conditions += [f"{len(self.item_ids)} items"] if self.item_ids else []
        return f"boost {self.factor:g} × for {', '.join(conditions)}"

    def matches(self, item: Item) -> bool:
        """Whether the rule applies to an item; names are compared case-insensitively."""
        if self.item_ids and item.item_id not in self.item_ids:
            return False
        if self.brand is not None and item.brand.casefold() != self.brand.casefold():
            return False
        if self.category is not None and self.category.casefold() not in map(str.casefold, item.category):
            return False
        required = self.attributes.items()
        return all(item.attributes.get(name, "").casefold() == value.casefold() for name, value in required)


@dataclass(frozen=True)
class Boosts:
    """Rules and their cap."""

    rules: Sequence[Rule] = ()
    places: int = 5
    """Maximal number of ranks that an item moves up."""

    def __post_init__(self) -> None:
        if self.places < 0:
            raise InputError(f"places is {self.places}, expected an integer of at least 0")

    def factor(self, item: Item) -> float:
        """Return the largest factor of the rules that match an item; 1 if none does."""
        return max((rule.factor for rule in self.rules if rule.matches(item)), default=1.0)

    def order(self, relevance: RealArray, factors: DoubleArray) -> IntArray:
        """Reorder C candidates, best first by relevance: rows in their new order, (C,).

        `relevance` (C,) from 0 to 1, `factors` (C,) from 1.

        >>> Boosts(places=2).order(np.array([0.9, 0.8, 0.7, 0.6]), np.array([1, 1, 1, 2.0])).tolist()
        [0, 3, 1, 2]
        """
        rank = np.arange(len(relevance))
        raised = relevance * factors
        better = (relevance[None, :] >= raised[:, None]).sum(axis=1)
        goal = np.where(factors > 1, np.maximum(np.minimum(better, rank), rank - self.places), rank)
        return np.lexsort((rank, factors <= 1, goal))

    def arrange(
        self, catalogue: Catalogue, positions: IntArray, relevance: RealArray, n: int
    ) -> tuple[IntArray, BoolArray]:
        """Order C items, best first, by the rules: rows (n,), and which of them were moved up, (n,) bool."""
        if not self.rules or not len(positions):
            rows = np.arange(min(n, len(positions)))
            return rows, np.zeros(len(rows), bool)
        factors = np.array([self.factor(item) for item in catalogue.items_at(positions)])
        order = self.order(relevance, factors)[:n]
        return order, (order > np.arange(len(order))) & (factors[order] > 1)
