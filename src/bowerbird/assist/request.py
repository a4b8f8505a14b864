"""What one message asks for, once understood: hard constraints, soft wishes, and a price range."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from bowerbird.errors import InputError

MAX_ITEMS = 400
"""Items that a request resembles or leaves out; of more, the newest."""
MAX_ID_LENGTH = 500
MAX_PICTURE_LENGTH = 30_000  # characters of base64


class Order(StrEnum):
    """In which order the answer comes."""

    RELEVANCE = "relevance"
    CHEAP = "cheap"
    """Rather cheap: the price counts beside relevance."""
    CHEAPEST = "cheapest"
    MOST_EXPENSIVE = "dearest"


@dataclass(frozen=True)
class PriceRange:
    """Prices from `low` to `high`, in the catalogue's currency; an open end excludes its own value."""

    low: float = 0.0
    high: float = math.inf
    low_open: bool = False
    high_open: bool = False

    @property
    def bounded(self) -> bool:
        return self.low > 0 or self.high < math.inf

    def __contains__(self, price: object) -> bool:
        """Whether a price lies inside; no price (None, NaN) never does where a bound is stated.

        >>> 60.0 in PriceRange(high=60, high_open=True), 59.99 in PriceRange(high=60, high_open=True)
        (False, True)
        """
        if not isinstance(price, float | int) or math.isnan(price):
            return not self.bounded
        above = price > self.low if self.low_open else price >= self.low
        return above and (price < self.high if self.high_open else price <= self.high)

    def narrowed(self, other: PriceRange) -> PriceRange:
        """What both ranges hold."""
        low, low_open = max((self.low, self.low_open), (other.low, other.low_open))
        high, high_closed = min((self.high, not self.high_open), (other.high, not other.high_open))
        return PriceRange(low, high, low_open, not high_closed)

    def as_dict(self) -> dict[str, Any]:
        """As JSON's types; an unbounded end is null."""
        high = self.high if math.isfinite(self.high) else None
        return {"low": self.low, "high": high, "low_open": self.low_open, "high_open": self.high_open}

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> PriceRange:
        """The range that `as_dict` wrote. Raises `ValueError` for one that holds no price."""
        low, high = float(raw["low"]), math.inf if raw["high"] is None else float(raw["high"])
        if not 0 <= low <= high or low == math.inf:
            raise ValueError(f"its prices go from {low} to {high}")
        return cls(low, high, bool(raw["low_open"]), bool(raw["high_open"]))

    def describe(self) -> str:
        """The range in words.

        >>> PriceRange(high=60, high_open=True).describe(), PriceRange(20, 40).describe()
        ('under 60', 'between 20 and 40')
        """
        low, high = money(self.low), money(self.high)
        if self.low > 0 and self.high < math.inf:
            return f"between {low} and {high}"
        if self.high < math.inf:
            return f"under {high}" if self.high_open else f"up to {high}"
        if self.low > 0:
            return f"over {low}" if self.low_open else f"from {low}"
        return ""


def money(amount: float) -> str:
    """An amount as people write it: whole numbers bare, others with two decimals.

    >>> money(60.0), money(59.9)
    ('60', '59.90')
    """
    if not math.isfinite(amount):
        return "any amount"
    return f"{amount:.0f}" if amount == round(amount) else exact_price(amount)


def exact_price(amount: float) -> str:
    """An amount with two decimals; one below 1 that cents don't hold with three digits that count.

    >>> exact_price(45), exact_price(0.5), exact_price(0.01129)
    ('45.00', '0.50', '0.0113')
    """
    small = 0 < amount < 1 and abs(round(amount, 2) - amount) > 1e-9
    return f"{amount:.3g}" if small else f"{amount:.2f}"


@dataclass(frozen=True)
class Shown:
    """An item that the last reply showed, in the order shown; `price` is None where it has none."""

    item_id: str
    title: str
    price: float | None


@dataclass(frozen=True)
class Request:
    """A message understood. Values are the vocabulary's; items are ids, since requests are kept in files."""

    text: str = ""
    facets: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Hard: for each facet the values that will do."""
    exact: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Of `facets`, the values that the words name as a whole ("blue" is Blue before it is Dark Blue)."""
    excluded: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Hard: for each facet the values that will not do."""
    preferred: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Soft: values that count for an item, but whose absence does not exclude it."""
    named: Mapping[str, str] = field(default_factory=dict)
    """For each facet of `facets`, how the person said it."""
    price: PriceRange = PriceRange()
    words: str = ""
    """What is left for search by meaning: the wish without prices and references."""
    order: Order = Order.RELEVANCE
    like: tuple[str, ...] = ()
    """Ids of items to resemble."""
    picture: str = ""
    """A small copy of a picture to resemble, WebP in base64; it stays while the topic does."""
    without: tuple[str, ...] = ()
    """Ids of items not to show (shown before, or referred to)."""
    follow_up: bool = False
    groups: tuple[frozenset[str], ...] = ()
    """Where several kinds were asked for together ("a table and chairs"), the types of each."""
    recipient: str = ""
    """Whom it is for, as said ("my sister"); empty where it is for the user."""
    is_gift: bool = False
    unknown_kind: str = ""
    """The kind of thing that was asked for, where the catalogue has none of it."""
    noun: str = ""
    """What this message asks for by a noun that is no type of the catalogue ("headphones")."""
    is_relative: bool = False
    """Whether the price was said relative to items on screen ("cheaper")."""
    budget: PriceRange = PriceRange()
    """The price range that was said in amounts; `price` may be narrowed by "cheaper" as well."""

    @property
    def constrained(self) -> bool:
        return bool(self.facets or self.excluded or self.price.bounded)

    def describe(self) -> list[str]:
        """The hard constraints in words, one each."""
        descriptions = [f"{name}: {' or '.join(sorted(values))}" for name, values in self.facets.items()]
        descriptions += [
            f"not {' or '.join(sorted(values))} ({name})" for name, values in self.excluded.items()
        ]
        return [*descriptions, f"price: {self.price.describe()}"] if self.price.bounded else descriptions

    def as_dict(self) -> dict[str, Any]:
        """As JSON's types; an unbounded price end is null."""
        sets = {
            name: {facet: sorted(values) for facet, values in getattr(self, name).items()} for name in _SETS
        }
        rest: dict[str, Any] = {
            "text": self.text,
            "words": self.words,
            "order": self.order.value,
            "like": list(self.like),
            "picture": self.picture,
        }
        rest |= {"named": dict(self.named), "without": list(self.without), "follow_up": self.follow_up}
        rest |= {"groups": [sorted(group) for group in self.groups], "recipient": self.recipient}
        rest |= {"is_gift": self.is_gift, "unknown_kind": self.unknown_kind, "noun": self.noun}
        rest |= {"is_relative": self.is_relative}
        return {**rest, **sets, "price": self.price.as_dict(), "budget": self.budget.as_dict()}

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Request:
        """The request that `as_dict` wrote. Raises `InputError` on anything else."""
        try:
            price = PriceRange.from_dict(raw["price"])
            sets = {name: {f: frozenset(map(str, v)) for f, v in raw[name].items()} for name in _SETS}
            return cls(
                text=str(raw["text"]),
                words=str(raw["words"]),
                named={str(facet): str(words) for facet, words in raw["named"].items()},
                order=Order(raw["order"]),
                like=_ids(raw["like"]),
                picture=_picture(raw.get("picture", "")),
                without=_ids(raw["without"]),
                follow_up=bool(raw["follow_up"]),
                groups=tuple(frozenset(map(str, group)) for group in raw.get("groups", ())),
                recipient=str(raw.get("recipient", ""))[:100],
                is_gift=bool(raw.get("is_gift", False)),
                unknown_kind=str(raw.get("unknown_kind", ""))[:100],
                is_relative=bool(raw.get("is_relative", False)),
                price=price,
                budget=PriceRange.from_dict(raw["budget"]) if "budget" in raw else price,
                noun=str(raw.get("noun", ""))[:100],
                facets=sets["facets"],
                exact=sets["exact"],
                excluded=sets["excluded"],
                preferred=sets["preferred"],
            )
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise InputError(f"a request of the conversation can't be read ({error!r})") from None


def _picture(value: object) -> str:
    text = str(value)
    if len(text) > MAX_PICTURE_LENGTH:
        raise ValueError(f"its picture has {len(text)} characters, expected at most {MAX_PICTURE_LENGTH}")
    base64.b64decode(text, validate=True)
    return text


def _ids(values: Sequence[object]) -> tuple[str, ...]:
    if len(values) > MAX_ITEMS:
        raise ValueError(f"it names {len(values)} items, expected at most {MAX_ITEMS}")
    return tuple(str(value)[:MAX_ID_LENGTH] for value in values)


_SETS = ("facets", "exact", "excluded", "preferred")
