"""What a listing's own fields say of an item: rating, condition, shipping, returns, numbers, its page."""

from __future__ import annotations

import re
from collections.abc import Callable

from bowerbird.assist.find.offers import price_before_sale, priced
from bowerbird.assist.turn import Turn
from bowerbird.data.items import Item

_QUESTIONS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (name, re.compile(pattern))
    for name, pattern in (
        (
            "rating",
            r"\b(?:rated|ratings?|reviews?|reviewed|stars?|score|what do (?:people|others) (?:say|think))\b",
        ),
        ("condition", r"\b(?:used|second[- ]?hand|refurbished|brand[- ]new|new or|condition|pre-?owned)\b"),
        ("shipping", r"\b(?:ship(?:s|ping|ped|ment)?|deliver(?:y|s|ed|ies)?|postage|dispatch(?:ed)?)\b"),
        ("returns", r"\b(?:returns?|return (?:it|this|that)|refunds?|send (?:it|this) back|money back)\b"),
        (
            "sale",
            r"\b(?:on sale|reduced|discount(?:ed)?|on offer|original price|regular price|full price|"
            r"(?:how much|what) was it|before the sale|cheaper than before|how long is .* sale)\b",
        ),
        ("gtin", r"\b(?:gtin|ean|upc|isbn|barcode|bar code)\b"),
        ("mpn", r"\b(?:mpn|part number|model number|manufacturer number|article number)\b"),
        ("link", r"\b(?:link|url|web ?page|website|where can i (?:buy|order) (?:it|this|that))\b"),
        ("language", r"\b(?:which|what) language\b|\blanguage is\b"),
    )
)
CONDITIONS = ("new", "used", "refurbished")


def answer_field(turn: Turn, item: Item) -> str:
    """The answer to a question about a field of a listing; empty where it asks for none that is there."""
    for name, pattern in _QUESTIONS:
        if pattern.search(turn.plain) and (text := _ANSWERS[name](turn, item)):
            return text
    return ""


def states(item: Item, topic: str) -> bool:
    """Whether a listing says something of a policy's topic."""
    return bool({"shipping": item.shipping, "returns": item.returns}.get(topic))


def _rating(turn: Turn, item: Item) -> str:
    if item.rating is None:
        return ""
    rating = f"{item.rating:.3g}"
    if item.rating_count is None:
        return turn.say("field_rating", title=item.title, rating=rating)
    return turn.say("field_ratings", title=item.title, rating=rating, count=f"{item.rating_count:,}")


def _condition(turn: Turn, item: Item) -> str:
    if not item.condition:
        return ""
    condition = item.condition.lower()
    word = turn.say(f"condition_{condition}") if condition in CONDITIONS else item.condition
    return turn.say("field_condition", title=item.title, condition=word)


def _sale(turn: Turn, item: Item) -> str:
    if not item.on_sale:
        return turn.say("field_no_sale", title=item.title)
    prices = {"price": priced(item, turn.language), "before": price_before_sale(item, turn.language)}
    if item.sale_ends is None:
        return turn.say("field_sale", title=item.title, **prices)
    return turn.say("field_sale_until", title=item.title, date=f"{item.sale_ends:%Y-%m-%d}", **prices)


def _stated(name: str) -> Callable[[Turn, Item], str]:
    """Answers with a field as the listing states it."""

    def answer(turn: Turn, item: Item) -> str:
        value = getattr(item, name)
        return turn.say(f"field_{name}", title=item.title, value=value) if value else ""

    return answer


_ANSWERS: dict[str, Callable[[Turn, Item], str]] = {
    "rating": _rating,
    "condition": _condition,
    "sale": _sale,
    **{name: _stated(name) for name in ("shipping", "returns", "gtin", "mpn", "link", "language")},
}
