"""Calls of Segment's e-commerce events (v2 specification); RudderStack's are the same.

`track` calls with products become events. `identify` and `alias` calls, and any call with a userId and an
anonymousId, join two ids (RudderStack's `merge` too). Page, screen and group calls say nothing about items.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from bowerbird.data.events import Action, Alias, Event
from bowerbird.data.readers.events.orders import OrderLines, parse_order_id
from bowerbird.data.readers.events.segment_calls import event_name
from bowerbird.data.readers.events.values import amount_of, rank_of
from bowerbird.data.readers.fields import parse_text, parse_time
from bowerbird.data.readers.records import (
    Parsed,
    ParsedEvent,
    without_repairs,
)
from bowerbird.data.readers.values.times import explain_rejection

ACTION_OF = {
    "viewed product": Action.VIEW,
    "added product": Action.ADD_TO_CART,
    "removed product": Action.REMOVE,
    "product viewed": Action.VIEW,
    "product clicked": Action.CLICK,
    "product added": Action.ADD_TO_CART,
    "product removed": Action.REMOVE,
    "product added to wishlist": Action.SAVE,
    "product removed from wishlist": Action.REMOVE,
    "wishlist product added to cart": Action.ADD_TO_CART,
    "product saved": Action.SAVE,
    "product saved to board": Action.SAVE,
    "product shared": Action.SAVE,
    "product hidden": Action.HIDE,
}
ACTION_OF_LIST = {
    "product list viewed": Action.IMPRESSION,
    "product list filtered": Action.IMPRESSION,
    "products searched": Action.IMPRESSION,
    "viewed product list": Action.IMPRESSION,
    "viewed product category": Action.IMPRESSION,
    "completed order": Action.PURCHASE,
    "order completed": Action.PURCHASE,
    "order refunded": Action.REFUND,
    "order cancelled": Action.REFUND,
}
MAX_NAME_LENGTH = 40  # characters of an event's name in a reason
IGNORED_TYPES = ("page", "screen", "group")
TIMES = ("timestamp", "originalTimestamp", "sentAt", "receivedAt")
"""Fields of the time of a call, the most exact first."""
USUAL_TYPES = ("track", "identify", *IGNORED_TYPES)


def describe_ignored(message: dict[str, Any]) -> str:
    """What a message without an item is."""
    message_type = parse_text(message.get("type", "track"))[:MAX_NAME_LENGTH]
    name = parse_text(message.get("event"))[:MAX_NAME_LENGTH]
    return f"event {name!r}" if message_type == "track" else f"{message_type} call"


def parse_events(
    message: dict[str, Any], received_at: datetime | None = None
) -> Iterator[Event | Alias | str]:
    """The events and aliases of one call as in `parse_call`, without what was left out of them."""
    return without_repairs(parse_call(message, received_at))


def parse_call(message: dict[str, Any], received_at: datetime | None = None) -> Iterator[Parsed]:
    """The events and aliases of one call, or the reasons why it has none.

    Calls that say nothing about items (page, screen, other events) yield nothing. `received_at` is the time
    of calls that carry none.
    """
    message_type = parse_text(message.get("type", "track")).lower()[:MAX_NAME_LENGTH]
    if message_type == "alias":
        yield _alias(message.get("previousId") or message.get("anonymousId"), message.get("userId"))
    elif message_type == "merge":
        yield _merge(message)
    elif message_type in USUAL_TYPES:
        user, anonymous = parse_text(message.get("userId")), parse_text(message.get("anonymousId"))
        if user and anonymous and user != anonymous:
            yield Alias(anonymous, user)
        if message_type == "track":
            yield from _track(message, received_at)
    else:
        yield f"unknown type {message_type!r}"


def _alias(previous: Any, user: Any) -> Alias | str:
    previous_id, user_id = parse_text(previous), parse_text(user)
    if not previous_id or not user_id:
        return "no previousId" if user_id else "no userId"
    return Alias(previous_id, user_id)


def _merge(message: dict[str, Any]) -> Alias | str:
    """RudderStack's call that two identifiers are one user's; the first is the one that stays."""
    pair = message.get("mergeProperties")
    values = [
        parse_text(entry.get("value"))
        for entry in (pair if isinstance(pair, list) else [])
        if isinstance(entry, dict)
    ]
    return (
        Alias(values[1], values[0]) if len(values) == 2 and all(values) else "merge without two identifiers"
    )


def _track(message: dict[str, Any], received_at: datetime | None) -> Iterator[ParsedEvent | str]:
    name = event_name(message.get("event"))[:MAX_NAME_LENGTH]
    properties = properties_of(message)
    lines = OrderLines(
        ACTION_OF_LIST.get(name, Action.VIEW),
        parse_order_id(properties.get("order_id") or properties.get("transaction_id")),
    )
    if name in ACTION_OF_LIST:
        products = properties.get("products")
        products = products if isinstance(products, list) else []
        if not products and name != "products searched":
            yield "no products"
        for index, product in enumerate(products):
            if isinstance(product, dict):
                suffix = f"/{index}" if len(products) > 1 else ""
                fields = {**properties, **product}
                yield _event(message, ACTION_OF_LIST[name], fields, suffix, lines, received_at)
            else:
                yield "a product is not a JSON object"
    elif name in ACTION_OF:
        yield _event(message, ACTION_OF[name], properties, "", lines, received_at)
    elif not name:
        yield "no event name"


def _event(
    message: dict[str, Any],
    action: Action,
    product: dict[str, Any],
    id_suffix: str,
    lines: OrderLines,
    received_at: datetime | None,
) -> ParsedEvent | str:
    user = parse_text(message.get("userId")) or parse_text(message.get("anonymousId"))
    item = parse_text(product.get("product_id")) or parse_text(product.get("sku"))
    stamp = next((value for name in TIMES if (value := message.get(name)) not in (None, "")), None)
    at = received_at if stamp is None else parse_time(stamp)
    if not user:
        return "no userId"
    if not item:
        return "no product_id"
    if at is None:
        return "no timestamp" if stamp is None else "no timestamp that can be read" + explain_rejection(stamp)
    message_id = parse_text(message.get("messageId"))
    value, unread_price = amount_of("price", product.get("price"), product.get("currency"))
    position, unread_rank = rank_of("position", product.get("position"))
    event = Event(
        user_id=user,
        item_id=item,
        action=action,
        at=at,
        event_id=lines.event_id(item) or (message_id + id_suffix if message_id else ""),
        value=value,
        session=parse_text(product.get("session_id")) or None,
        surface=parse_text(product.get("list_id")) or None,
        query=parse_text(product.get("query")) or None,
        position=position,
        recommendation_id=parse_text(product.get("recommendation_id")) or None,
    )
    return ParsedEvent(event, unread_price + unread_rank)


def properties_of(message: dict[str, Any]) -> dict[str, Any]:
    """The properties of a call; none where they are no object."""
    properties = message.get("properties")
    return properties if isinstance(properties, dict) else {}
