"""Segment's e-commerce events (v2 specification), one JSON object per line."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from bowerbird.data.collections import Collection
from bowerbird.data.events import Action, Event
from bowerbird.data.readers.fields import parse_price, parse_text, parse_time, parse_whole_number
from bowerbird.data.readers.records import CollectionDraft, EventDraft, Records, RejectedRow
from bowerbird.errors import InputError

ACTION_OF = {
    "product viewed": Action.VIEW,
    "product clicked": Action.CLICK,
    "product added": Action.ADD_TO_CART,
    "product added to wishlist": Action.SAVE,
    "product saved": Action.SAVE,
    "product saved to board": Action.SAVE,
    "product shared": Action.SAVE,
    "product hidden": Action.HIDE,
}
ACTION_OF_LIST = {
    "product list viewed": Action.IMPRESSION,
    "product list filtered": Action.IMPRESSION,
    "order completed": Action.PURCHASE,
}
BOARD_NAMES = ("wishlist_name", "board_name", "board")  # the specification's field, and common custom fields
MAX_NAME_LENGTH = 40  # characters of an event's name in a reason
IGNORED_TYPES = ("identify", "page", "screen", "group", "alias")


def read(paths: Sequence[Path]) -> Records:
    """Read the events of files, and a collection for each named wish list or board."""
    boards: dict[tuple[str, str], dict[str, None]] = {}
    for path in paths:
        for location, message in read_json_lines(path):
            if not isinstance(message, dict):
                yield RejectedRow("events", "not a JSON object", location, message)
                continue
            for event_or_reason in parse_events(message):
                if isinstance(event_or_reason, str):
                    yield RejectedRow("events", event_or_reason, location, message)
                    continue
                yield EventDraft(event_or_reason, location)
                properties = _properties(message)
                board = next((text for name in BOARD_NAMES if (text := parse_text(properties.get(name)))), "")
                if board and event_or_reason.action is Action.SAVE:
                    boards.setdefault((event_or_reason.user_id, board), {})[event_or_reason.item_id] = None
    for (user, name), items in boards.items():
        collection = Collection(f"{user}/{name}", tuple(items), name=name, kind="board", user_id=user)
        yield CollectionDraft(collection, f"board {name}", extends_existing=True)


def parse_events(message: dict[str, Any]) -> Iterator[Event | str]:
    """The events of one `track` message, or the reason why it has none.

    Messages of other types (identify, page, …) and other events are valid, but have no item.
    """
    message_type = parse_text(message.get("type", "track"))[:MAX_NAME_LENGTH]
    name = parse_text(message.get("event")).lower()[:MAX_NAME_LENGTH]
    if message_type != "track":
        yield (
            f"type {message_type} has no item"
            if message_type in IGNORED_TYPES
            else f"unknown type {message_type!r}"
        )
        return
    properties = _properties(message)
    if name in ACTION_OF_LIST:
        products = properties.get("products")
        products = (
            [product for product in products if isinstance(product, dict)]
            if isinstance(products, list)
            else []
        )
        if not products:
            yield "no products"
        for index, product in enumerate(products):
            yield _event(message, ACTION_OF_LIST[name], {**properties, **product}, f"/{index}")
    elif name in ACTION_OF:
        yield _event(message, ACTION_OF[name], properties, "")
    else:
        yield f"event {name!r} has no item" if name else "no event name"


def _event(message: dict[str, Any], action: Action, product: dict[str, Any], id_suffix: str) -> Event | str:
    user = parse_text(message.get("userId")) or parse_text(message.get("anonymousId"))
    item = parse_text(product.get("product_id")) or parse_text(product.get("sku"))
    at = parse_time(message.get("timestamp") or message.get("originalTimestamp"))
    if not user:
        return "no userId"
    if not item:
        return "no product_id"
    if at is None:
        return "no timestamp that can be read"
    message_id = parse_text(message.get("messageId"))
    price = parse_price(product["price"]) if product.get("price") is not None else None
    return Event(
        user_id=user,
        item_id=item,
        action=action,
        at=at,
        event_id=message_id + id_suffix if message_id else "",
        value=price[0] if price else None,
        session=parse_text(product.get("session_id")) or None,
        surface=parse_text(product.get("list_id")) or None,
        query=parse_text(product.get("query")) or None,
        position=parse_whole_number(product.get("position")),
    )


def _properties(message: dict[str, Any]) -> dict[str, Any]:
    properties = message.get("properties")
    return properties if isinstance(properties, dict) else {}


def read_json_lines(path: Path) -> Iterator[tuple[str, Any]]:
    """Read each line of a file as JSON, with its location; a line that is not JSON is returned as text.

    Raises `InputError` for a file without a single JSON object.
    """
    n_lines = n_objects = 0
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if not line.strip():
                    continue
                n_lines += 1
                try:
                    row = json.loads(line)
                except (ValueError, RecursionError):
                    row = line[:200].decode(errors="replace")
                n_objects += isinstance(row, dict)
                yield f"{path.name}:{number}", row
    except OSError as error:
        raise InputError(f"{path} can't be read ({error.strerror})") from None
    if n_lines and not n_objects:
        raise InputError(f"{path} has {n_lines} lines and none is a JSON object: write one event per line")
