"""The state that a perfect assistant has after a turn, and the slots in which another one differs."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from bowerbird.assist.evaluation.listings import Listing, Listings
from bowerbird.assist.reply import Reply


@dataclass(frozen=True)
class ExpectedValue:
    """A value as it was worded: the catalogue's values that it must mean, and all that it may mean."""

    word: str
    exact: frozenset[str]
    acceptable: frozenset[str]

    def is_stated_by(self, stated: frozenset[str]) -> bool:
        """Whether a state's values are this one."""
        return bool(stated) and self.exact <= stated <= self.acceptable


@dataclass(frozen=True)
class ExpectedPrice:
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
        return any(abs(low - expected) < 0.005 for expected in lows) and (
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
class ExpectedState:
    """What the user wants after a turn."""

    kinds: tuple[ExpectedValue, ...] = ()
    values: Mapping[str, ExpectedValue] = field(default_factory=dict)
    price: ExpectedPrice = ExpectedPrice()
    excluded: Mapping[str, tuple[ExpectedValue, ...]] = field(default_factory=dict)
    recipient: str | None = ""
    """A word of whom it is for; empty for nobody, None where either reading is right."""

    @property
    def is_empty(self) -> bool:
        return not (self.kinds or self.values or self.price.is_bounded)

    @property
    def slots(self) -> tuple[str, ...]:
        """The facets that it states."""
        return (*(("type",) if self.kinds else ()), *self.values)

    def satisfied_by(self, listing: Listing, kind: ExpectedValue | None = None) -> bool:
        """Whether a listing is what is wanted; of several kinds, `kind` or any."""
        kinds = (kind,) if kind else self.kinds
        if kinds and not any(listing.values.get("type", "") in each.acceptable for each in kinds):
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
        of_kind = not self.kinds or any(listing.values.get("type", "") in each.exact for each in self.kinds)
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


def satisfying(listings: Listings, expected: ExpectedState) -> list[Listing]:
    """Listings that surely are what is wanted."""
    return [listing for listing in listings.sold() if expected.surely_satisfied_by(listing)]


def wrong_slots(reply: Reply, expected: ExpectedState) -> Iterator[str]:
    """Slots of the state after a reply that are not what is expected: facets, price, recipient, excluded."""
    request = reply.request
    stated = {facet: frozenset(v.lower() for v in values) for facet, values in request.facets.items()}
    types = stated.pop("type", frozenset())
    exact, acceptable = _union(expected.kinds)
    if not (exact <= types <= acceptable):
        yield "type"
    for facet in dict.fromkeys((*expected.values, *stated)):
        value, own = expected.values.get(facet), stated.get(facet, frozenset())
        if value is None or not value.is_stated_by(own):
            yield facet
    if not expected.price.is_stated_by(request.price.low, request.price.high):
        yield "price"
    if expected.recipient is not None and not _is_for(expected.recipient, reply):
        yield "recipient"
    if not _is_excluded_right(expected, reply):
        yield "excluded"


def _union(values: Iterable[ExpectedValue]) -> tuple[frozenset[str], frozenset[str]]:
    """All values that must be stated, and all that may be."""
    values = list(values)
    exact = frozenset[str]().union(*(value.exact for value in values))
    return exact, frozenset[str]().union(*(value.acceptable for value in values))


def _is_for(recipient_words: str, reply: Reply) -> bool:
    """Whether a state names whom a thing is for; in other languages than English, anybody."""
    recipient = reply.request.recipient
    if recipient_words and reply.state.language != "en":
        return bool(recipient)
    return recipient_words.lower() in recipient.lower() if recipient_words else not recipient


def _is_excluded_right(expected: ExpectedState, reply: Reply) -> bool:
    stated: dict[str, set[str]] = {}
    for table in (reply.request.excluded, reply.state.excluded):
        for facet, values in table.items():
            stated.setdefault(facet, set()).update(value.lower() for value in values)
    for facet in {*stated, *expected.excluded}:
        exact, acceptable = _union(expected.excluded.get(facet, ()))
        if not (exact <= stated.get(facet, set()) <= acceptable):
            return False
    return True
