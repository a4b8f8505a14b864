"""What a generated turn means: the act, and the state that a perfect assistant has after it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from conversations.shop import Listing, Shop


@dataclass(frozen=True)
class Value:
    """A value as it was worded: the catalogue's values that it must mean, and all that it may mean."""

    word: str
    exact: frozenset[str]
    acceptable: frozenset[str]

    def is_stated_by(self, stated: frozenset[str]) -> bool:
        """Whether a state's values are this one."""
        return bool(stated) and self.exact <= stated <= self.acceptable


@dataclass(frozen=True)
class Bounds:
    """A price range as it was worded; loose where only about that much was asked for ("around 40")."""

    low: float = 0.0
    high: float = math.inf
    is_loose: bool = False
    may_drop_low: bool = False
    """Whether an earlier lower bound may have gone with the new upper one."""

    @property
    def is_bounded(self) -> bool:
        return self.low > 0 or self.high < math.inf

    def is_stated_by(self, low: float, high: float) -> bool:
        """Whether a state's bounds are these."""
        if self.is_loose:  # low and high are both the amount that was named
            return 0.5 * self.low <= low <= self.low and self.high <= high <= 1.6 * self.high
        lows = {self.low, 0.0} if self.may_drop_low else {self.low}
        return any(abs(low - one) < 0.005 for one in lows) and (
            high == self.high or abs(high - self.high) < 0.005
        )

    def hold(self, price: float | None) -> bool:
        """Whether a price may be offered."""
        if not self.is_bounded:
            return True
        if price is None:
            return False
        if self.is_loose:
            return 0.5 * self.low <= price <= 1.6 * self.high
        return self.low <= price <= self.high


@dataclass(frozen=True)
class Need:
    """What the shopper wants after a turn."""

    kinds: tuple[Value, ...] = ()
    values: Mapping[str, Value] = field(default_factory=dict)
    price: Bounds = Bounds()
    excluded: Mapping[str, tuple[Value, ...]] = field(default_factory=dict)
    recipient: str | None = ""
    """A word of whom it is for; empty for nobody, None where either reading is right."""

    @property
    def is_empty(self) -> bool:
        return not (self.kinds or self.values or self.price.is_bounded)

    def satisfied_by(self, listing: Listing, kind: Value | None = None) -> bool:
        """Whether a listing is what is wanted; of several kinds, `kind` or any."""
        kinds = (kind,) if kind else self.kinds
        if kinds and not any(listing.values.get("type", "") in one.acceptable for one in kinds):
            return False
        if any(listing.values.get(facet, "") not in value.acceptable for facet, value in self.values.items()):
            return False
        for facet, values in self.excluded.items():
            if any(listing.values.get(facet, "") in value.exact for value in values):
                return False
        return listing.is_sold and self.price.hold(listing.price)

    def surely_satisfied_by(self, listing: Listing) -> bool:
        """Whether even the narrowest reading lets a listing through."""
        exactly = all(listing.values.get(facet, "") in value.exact for facet, value in self.values.items())
        of_kind = not self.kinds or any(listing.values.get("type", "") in one.exact for one in self.kinds)
        others = all(
            listing.values.get(facet, "") not in value.acceptable
            for facet, values in self.excluded.items()
            for value in values
        )
        inside = not self.price.is_loose or (
            listing.price is not None and 0.9 * self.price.low <= listing.price <= 1.1 * self.price.high
        )
        # A bound that excludes its own value and one that doesn't are both right.
        at_edge = listing.price in (self.price.low, self.price.high)
        return exactly and of_kind and others and inside and not at_edge and self.satisfied_by(listing)


@dataclass(frozen=True)
class Move:
    """A message, what it does, and what must hold after it."""

    text: str
    name: str
    acts: frozenset[str]
    need: Need
    is_listing: bool = False
    """Whether items are asked for."""
    language: str = "en"
    template: str = ""
    focus: str | None = None
    """Id of the item that it speaks of."""
    like: str | None = None
    answer: tuple[str, ...] = ()
    """Any of these must be in the reply."""
    below: float | None = None
    """All items must cost less."""
    above: float | None = None
    not_again: frozenset[str] = frozenset()
    """Ids that must not come again."""
    no_items: bool = False
    """Whether any item in the reply is wrong: an unknown kind, a reference to nothing."""
    order: str = ""
    is_price_adopted: bool = False
    """Whether the bound follows from the list on screen, so that the state's own is taken on."""


def satisfying(shop: Shop, need: Need) -> list[Listing]:
    """Listings that surely are what is wanted."""
    return [one for one in shop.sold() if need.surely_satisfied_by(one)]
