"""Segment's e-commerce events (v2 specification), one JSON object a line; RudderStack's are the same.

`track` calls with products become events. `identify` and `alias` calls, and any call with a userId and an
anonymousId, join two ids (RudderStack's `merge` too). Page, screen and group calls say nothing about items.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from bowerbird.data.collections import Collection
from bowerbird.data.events import Action, Alias, Event
from bowerbird.data.readers.events.orders import OrderLines, parse_order_id
from bowerbird.data.readers.events.segment_columns import TrackRows, event_name
from bowerbird.data.readers.fields import parse_amount, parse_text, parse_time, parse_whole_number
from bowerbird.data.readers.inputs.json_lines import read_json_lines
from bowerbird.data.readers.records import CollectionDraft, EventDraft, Records, RejectedRow, records_of
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
PLAIN_ACTION_OF = {name: action for name, action in ACTION_OF.items() if action is not Action.SAVE}
"""Calls that can't name a board."""
CALLS_PER_BATCH = 50_000
BOARD_NAMES = ("wishlist_name", "board_name", "board")  # the specification's field, and common custom fields
MAX_NAME_LENGTH = 40  # characters of an event's name in a reason
IGNORED_TYPES = ("page", "screen", "group")
TIMES = ("timestamp", "originalTimestamp", "sentAt", "receivedAt")
"""Fields of the time of a call, the most exact first."""


def read(paths: Sequence[Path]) -> Records:
    """Read the events of files, and a collection for each named wish list or board."""
    boards: dict[tuple[str, str], dict[str, None]] = {}
    for path in paths:
        usual = TrackRows(path.name, PLAIN_ACTION_OF)
        for number, message in _calls(path):
            if isinstance(message, dict) and usual.add(number, message):
                if len(usual) >= CALLS_PER_BATCH:
                    yield from usual.records()
                continue
            location = f"{path.name}:{number}"
            if not isinstance(message, dict):
                yield RejectedRow("events", "not a JSON object", location, message)
                continue
            for record in records_of(parse_events(message), location, message, describe_ignored(message)):
                yield record
                if isinstance(record, EventDraft) and record.event.action is Action.SAVE:
                    event = record.event
                    if board := _board(message):
                        boards.setdefault((event.user_id, board), {})[event.item_id] = None
        yield from usual.records()
    for (user, name), items in boards.items():
        collection = Collection(f"{user}/{name}", tuple(items), name=name, kind="board", user_id=user)
        yield CollectionDraft(collection, f"board {name}", extends_existing=True)


def _calls(path: Path) -> Iterator[tuple[int, Any]]:
    """The calls of a file, those of a batch (as senders post them) one by one."""
    for number, message in read_json_lines(path):
        calls = message.get("batch") if isinstance(message, dict) else None
        if isinstance(calls, list):
            shared = {name: message[name] for name in TIMES if name in message}
            yield from ((number, shared | call if isinstance(call, dict) else call) for call in calls)
        else:
            yield number, message


def describe_ignored(message: dict[str, Any]) -> str:
    """What a message without an item is."""
    message_type = parse_text(message.get("type", "track"))[:MAX_NAME_LENGTH]
    name = parse_text(message.get("event"))[:MAX_NAME_LENGTH]
    return f"event {name!r}" if message_type == "track" else f"{message_type} call"


def parse_events(
    message: dict[str, Any], received_at: datetime | None = None
) -> Iterator[Event | Alias | str]:
    """The events and aliases of one call, or the reasons why it has none.

    Calls that say nothing about items (page, screen, other events) yield nothing. `received_at` is the time
    of calls that carry none.
    """
    message_type = parse_text(message.get("type", "track")).lower()[:MAX_NAME_LENGTH]
    if message_type == "alias":
        yield _alias(message.get("previousId") or message.get("anonymousId"), message.get("userId"))
    elif message_type == "merge":
        yield _merge(message)
    elif message_type in ("track", "identify", *IGNORED_TYPES):
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


def _track(message: dict[str, Any], received_at: datetime | None) -> Iterator[Event | str]:
    name = event_name(message.get("event"))[:MAX_NAME_LENGTH]
    properties = _properties(message)
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
) -> Event | str:
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
    return Event(
        user_id=user,
        item_id=item,
        action=action,
        at=at,
        event_id=lines.event_id(item) or (message_id + id_suffix if message_id else ""),
        value=parse_amount(product.get("price"), parse_text(product.get("currency"))),
        session=parse_text(product.get("session_id")) or None,
        surface=parse_text(product.get("list_id")) or None,
        query=parse_text(product.get("query")) or None,
        position=parse_whole_number(product.get("position")),
        recommendation_id=parse_text(product.get("recommendation_id")) or None,
    )


def _board(message: dict[str, Any]) -> str:
    properties = _properties(message)
    return next((text for name in BOARD_NAMES if (text := parse_text(properties.get(name)))), "")


def _properties(message: dict[str, Any]) -> dict[str, Any]:
    properties = message.get("properties")
    return properties if isinstance(properties, dict) else {}
