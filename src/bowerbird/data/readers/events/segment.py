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
from bowerbird.data.readers.events.segment_rows import call_of_row, is_warehouse_row
from bowerbird.data.readers.events.values import amount_of, rank_of
from bowerbird.data.readers.fields import parse_name, parse_text, parse_time
from bowerbird.data.readers.inputs.json_lines import decode_json
from bowerbird.data.readers.records import (
    Parsed,
    ParsedEvent,
)
from bowerbird.data.readers.values.actions import parse_action
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
ITEM_NAMES = ("product_id", "sku", "productId", "id")
"""Fields of a product's id, the most exact first."""
USUAL_TYPES = ("track", "identify", *IGNORED_TYPES)


def describe_ignored(message: dict[str, Any]) -> str:
    """What a message without an item is."""
    message_type = parse_text(message.get("type", "track"))[:MAX_NAME_LENGTH]
    name = parse_text(message.get("event"))[:MAX_NAME_LENGTH]
    return f"event {name!r}" if message_type == "track" else f"{message_type} call"


def parse_call(message: dict[str, Any], received_at: datetime | None = None) -> Iterator[Parsed]:
    """The events and aliases of one call, or the reasons why it has none.

    Calls that say nothing about items (page, screen, other events) yield nothing. `received_at` is the time
    of calls that carry none.
    """
    if is_warehouse_row(message):
        message = call_of_row(message)
    message_type = parse_text(message.get("type", "track")).lower()[:MAX_NAME_LENGTH]
    if message_type == "alias":
        yield _alias(message.get("previousId") or message.get("anonymousId"), message.get("userId"))
    elif message_type == "merge":
        yield _merge(message)
    elif message_type in USUAL_TYPES:
        user, anonymous = parse_name(message.get("userId")), parse_name(message.get("anonymousId"))
        if user and anonymous and user != anonymous:
            yield Alias(anonymous, user)
        if message_type == "track":
            yield from _track(message, received_at)
    else:
        yield f"unknown type {message_type!r}"


def _alias(previous: Any, user: Any) -> Alias | str:
    previous_id, user_id = parse_name(previous), parse_name(user)
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
    products = products_of(properties)
    action = ACTION_OF_LIST.get(name) or ACTION_OF.get(name)
    if action is None and (products or _item_of(properties)):
        action = parse_action(name)
    if action is None:
        if not name:
            yield "no event name"
        return
    if name in ACTION_OF or (name not in ACTION_OF_LIST and not products):
        yield _event(message, action, properties, "", OrderLines(Action.VIEW, ""), received_at)
        return
    order_id = parse_order_id(properties.get("order_id") or properties.get("transaction_id"))
    lines = OrderLines(action, order_id)
    if not products and name != "products searched":
        yield "no products"
    for index, product in enumerate(products):
        if isinstance(product, dict):
            suffix = f"/{index}" if len(products) > 1 else ""
            fields = {**properties, "id": None, **product}
            yield _event(message, action, fields, suffix, lines, received_at)
        else:
            yield "a product is not a JSON object"


def products_of(properties: dict[str, Any]) -> list[Any]:
    """The products of a call; tables of warehouses hold them as JSON."""
    products = properties.get("products")
    if isinstance(products, str):
        products = decode_json(products.encode())
    return products if isinstance(products, list) else []


def _item_of(product: dict[str, Any]) -> str:
    """The id of a product, by the names of the specification, and those that were and are used for it."""
    return next((item for name in ITEM_NAMES if (item := parse_name(product.get(name)))), "")


def _event(
    message: dict[str, Any],
    action: Action,
    product: dict[str, Any],
    id_suffix: str,
    lines: OrderLines,
    received_at: datetime | None,
) -> ParsedEvent | str:
    user = parse_name(message.get("userId")) or parse_name(message.get("anonymousId"))
    item = _item_of(product)
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
        surface=parse_name(product.get("list_id")) or None,
        query=parse_text(product.get("query")) or None,
        position=position,
        recommendation_id=parse_text(product.get("recommendation_id")) or None,
    )
    return ParsedEvent(event, unread_price + unread_rank)


def properties_of(message: dict[str, Any]) -> dict[str, Any]:
    """The properties of a call, or those of their JSON; none where they are no object."""
    properties = message.get("properties")
    if isinstance(properties, str):
        properties = decode_json(properties.encode())
    return properties if isinstance(properties, dict) else {}
