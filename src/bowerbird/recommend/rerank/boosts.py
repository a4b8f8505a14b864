"""Business boosts with a cap: a shop's own wishes, which move an item a few places and say so.

A rule names items by what the catalogue says of them and gives a factor for their relevance. An item moves
up to where its raised relevance would stand, but never more than `places` beyond where taste had put it, and
nothing comes in that taste had not put among the answer's next `places`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from bowerbird.data.items import Item
from bowerbird.errors import InputError

_KEYS = {"factor", "brand", "category", "attributes", "item_ids"}


@dataclass(frozen=True)
class Rule:
    """One boost: `factor` for the items that fulfil everything that is said."""

    factor: float
    """Above 1; what the relevance (0 to 1) is multiplied by."""
    brand: str | None = None
    category: str | None = None
    attributes: dict[str, str] = field(default_factory=dict)
    item_ids: frozenset[str] = frozenset()

    def holds(self, item: Item) -> bool:
        """Whether the rule speaks of an item; names in any case."""
        if self.item_ids and item.item_id not in self.item_ids:
            return False
        if self.brand is not None and item.brand.casefold() != self.brand.casefold():
            return False
        if self.category is not None and self.category.casefold() not in map(str.casefold, item.category):
            return False
        said = self.attributes.items()
        return all(item.attributes.get(name, "").casefold() == value.casefold() for name, value in said)


@dataclass(frozen=True)
class Boosts:
    """Rules and their cap."""

    rules: Sequence[Rule] = ()
    places: int = 5
    """Places that an item moves up at most."""

    @classmethod
    def load(cls, path: Path) -> Boosts:
        """Read a TOML file: `places = 5`, and `[[boost]]` tables with a factor and what it is for.

        Raises `InputError` naming the file and what is wrong in it.
        """
        try:
            raw = tomllib.loads(path.read_text())
            return cls.of(raw)
        except FileNotFoundError:
            raise InputError(f"there is no file {path} with boosts") from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError, InputError) as error:
            raise InputError(f"{path} holds no boosts ({error})") from None

    @classmethod
    def of(cls, raw: dict[str, Any]) -> Boosts:
        """From a file's or a request's tables. Raises `InputError`."""
        places = raw.get("places", 5)
        if not isinstance(places, int) or places < 0:
            raise InputError(f"places is {places!r}, expected a whole number from 0")
        return cls([_rule_of(one) for one in raw.get("boost", [])], places)

    def factor(self, item: Item) -> float:
        """The largest factor of the rules that speak of an item; 1 where none does."""
        return max((rule.factor for rule in self.rules if rule.holds(item)), default=1.0)

    def order(self, relevance: np.ndarray, factors: np.ndarray) -> np.ndarray:
        """The order of C answers, best first by taste: rows in their new order, (C,).

        `relevance` (C,) from 0 to 1, `factors` (C,) from 1.

        >>> Boosts(places=2).order(np.array([0.9, 0.8, 0.7, 0.6]), np.array([1, 1, 1, 2.0])).tolist()
        [0, 3, 1, 2]
        """
        place = np.arange(len(relevance))
        raised = relevance * factors
        better = (relevance[None, :] >= raised[:, None]).sum(axis=1)
        goal = np.where(factors > 1, np.maximum(np.minimum(better, place), place - self.places), place)
        return np.lexsort((place, factors <= 1, goal))


def _rule_of(raw: Any) -> Rule:
    if not isinstance(raw, dict) or not set(raw) <= _KEYS or len(raw) < 2:
        named = ", ".join(sorted(_KEYS - {"factor"}))
        raise InputError(f"a boost is {raw!r}, expected a factor and one or more of {named}")
    factor = raw.get("factor")
    if isinstance(factor, bool) or not isinstance(factor, int | float) or not 1 < factor < float("inf"):
        raise InputError(f"a boost's factor is {factor!r}, expected a number above 1")
    return Rule(**{**raw, "factor": float(factor), "item_ids": frozenset(raw.get("item_ids", ()))})
