"""What one message asks for, once understood: hard constraints, soft wishes, and a price range."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from bowerbird.assist.facet_needs import KindNeed
from bowerbird.assist.price_range import ANY_PRICE, PriceRange
from bowerbird.errors import InputError

MAX_ITEMS = 400
"""Items that a request resembles or leaves out; of more, the newest."""
MAX_KINDS = 10
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
    rejected: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Of `excluded`, values that were refused by a common name: by "clothes" all kinds of them."""
    preferred: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Soft: values that count for an item, but whose absence does not exclude it."""
    wording: Mapping[str, str] = field(default_factory=dict)
    """For each facet of `facets`, how the person said it."""
    price: PriceRange = ANY_PRICE
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
    kinds: tuple[KindNeed, ...] = ()
    """Where several kinds were asked for together ("a table and chairs"), each of them."""
    recipient: str = ""
    """Whom it is for, as said ("my sister"); empty where it is for the user."""
    is_gift: bool = False
    unknown_kind: str = ""
    """The kind of thing that was asked for, where the catalogue has none of it."""
    noun: str = ""
    """What this message asks for by a noun that is no type of the catalogue ("headphones")."""
    is_relative: bool = False
    """Whether the price was said relative to items on screen ("cheaper")."""
    budget: PriceRange = ANY_PRICE
    """The price range that was said in amounts; `price` may be narrowed by "cheaper" as well."""
    is_total: bool = False
    """Whether the budget was said to be for everything together."""

    def of_kind(self, kind: KindNeed) -> Request:
        """What is asked of one of its kinds."""
        facets, wording = {**self.facets, **kind.facets, "type": kind.types}, {**self.wording, **kind.wording}
        price = kind.price if kind.price.bounded else self.price
        budget = kind.price if kind.price.bounded else self.budget
        return replace(self, facets=facets, wording=wording, kinds=(), price=price, budget=budget)

    @property
    def has_total_budget(self) -> bool:
        """Whether its budget is for all of its kinds together."""
        return bool(self.is_total and self.kinds and self.budget.high < math.inf)

    @property
    def constrained(self) -> bool:
        return bool(self.facets or self.excluded or self.price.bounded)

    def describe(self) -> list[str]:
        """The hard constraints in words, one each."""
        descriptions = [f"{name}: {' or '.join(sorted(values))}" for name, values in self.facets.items()]
        descriptions += [
            f"not {' or '.join(sorted(values))} ({name})" for name, values in self.excluded.items()
        ]
        if self.price.bounded:
            descriptions.append(f"price: {self.price.describe()}")
        for kind in self.kinds:
            own = [f"{name}: {' or '.join(sorted(values))}" for name, values in kind.facets.items()]
            own += [f"price: {kind.price.describe()}"] if kind.price.bounded else []
            descriptions += [f"{' or '.join(sorted(kind.types))}: {', '.join(own)}"] if own else []
        return descriptions

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
        rest |= {"wording": dict(self.wording), "without": list(self.without), "follow_up": self.follow_up}
        rest |= {"kinds": [kind.as_dict() for kind in self.kinds], "recipient": self.recipient}
        rest |= {"is_gift": self.is_gift, "unknown_kind": self.unknown_kind, "noun": self.noun}
        rest |= {"is_relative": self.is_relative, "is_total": self.is_total}
        return {**rest, **sets, "price": self.price.as_dict(), "budget": self.budget.as_dict()}

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Request:
        """The request that `as_dict` wrote. Raises `InputError` on anything else."""
        try:
            price = PriceRange.from_dict(raw["price"])
            raw = {"rejected": {}, **raw}
            sets = {name: {f: frozenset(map(str, v)) for f, v in raw[name].items()} for name in _SETS}
            return cls(
                text=str(raw["text"]),
                words=str(raw["words"]),
                wording={str(facet): str(words) for facet, words in raw["wording"].items()},
                order=Order(raw["order"]),
                like=_ids(raw["like"]),
                picture=_picture(raw.get("picture", "")),
                without=_ids(raw["without"]),
                follow_up=bool(raw["follow_up"]),
                kinds=tuple(map(KindNeed.from_dict, raw.get("kinds", ())[:MAX_KINDS])),
                recipient=str(raw.get("recipient", ""))[:100],
                is_gift=bool(raw.get("is_gift", False)),
                unknown_kind=str(raw.get("unknown_kind", ""))[:100],
                is_relative=bool(raw.get("is_relative", False)),
                is_total=bool(raw.get("is_total", False)),
                price=price,
                budget=PriceRange.from_dict(raw["budget"]) if "budget" in raw else price,
                noun=str(raw.get("noun", ""))[:100],
                facets=sets["facets"],
                exact=sets["exact"],
                excluded=sets["excluded"],
                rejected=sets["rejected"],
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


_SETS = ("facets", "exact", "excluded", "rejected", "preferred")


def asked_for_again(request: Request, facet: str, excluded: Mapping[str, frozenset[str]]) -> frozenset[str]:
    """Excluded values that a request asks for after all: by their names, or nothing but them.

    "Accessories" after "no hats" are the others; "hats" are hats.
    """
    values = request.facets.get(facet, frozenset())
    return values if values <= excluded.get(facet, frozenset()) else request.exact.get(facet, frozenset())
