"""Items for a message as a reply names them, not worded yet."""

from __future__ import annotations

import math
from dataclasses import dataclass

from bowerbird.assist.find.offers import in_currency, price_before_sale, say_also_in
from bowerbird.assist.languages import ENGLISH, Language, load_language
from bowerbird.assist.parts import Parts
from bowerbird.assist.reply import ReplyItem
from bowerbird.assist.request import Request
from bowerbird.data.arrays import BoolArray

_PLAIN_FACTS = ("solid", "plain")
_FACTS = ("material", "style", "pattern", "colour", "genre", "brand")


@dataclass(frozen=True)
class ItemMatches:
    """Items for a message, not worded yet."""

    request: Request
    items: tuple[ReplyItem, ...]
    nearest: tuple[ReplyItem, ...] = ()
    unmet: tuple[str, ...] = ()
    is_personal: bool = False
    count: int = 0
    """How many items of the catalogue satisfy the constraints."""
    mask: BoolArray | None = None
    """Which, (items,) bool."""


def name_item(
    parts: Parts,
    position: int,
    request: Request,
    reason: str,
    *,
    near: bool = False,
    language: Language | None = None,
) -> ReplyItem:
    """An item as a reply names it, with the facts that the request did not state already."""
    item = parts.catalogue.item(position)
    price = None if item.price is None or not math.isfinite(item.price) else item.price
    language = language or load_language(ENGLISH)
    facts = [
        language.value_for(facet, value)
        for facet in _FACTS
        if not (near and facet in request.facets)  # named as a difference, or as asked
        for value in parts.vocabulary.values_of(position, facet)[:1]
        if len(request.facets.get(facet, ())) != 1
        and value not in request.exact.get(facet, ())
        and value.lower() not in _PLAIN_FACTS
    ]
    why = "; ".join(phrase for phrase in (", ".join(list(dict.fromkeys(facts))[:3]), reason) if phrase)
    title = " ".join(item.title.split()) or f"item {item.item_id}"
    also_in = parts.catalogue.also_in(position)
    return ReplyItem(
        position,
        item.item_id,
        title,
        price,
        item.currency,
        why,
        list_price=item.list_price,
        on_sale=item.on_sale,
        priced="" if price is None else in_currency(price, item.currency, language),
        before_sale=price_before_sale(item, language),
        also_in=also_in,
        variants=say_also_in(also_in, language),
    )
