"""Segment's e-commerce events (v2 specification), one JSON object a line."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from bowerbird.data.collections import Collection
from bowerbird.data.events import Action, Event
from bowerbird.data.readers.fields import price_of, text_of, time_of, whole_of
from bowerbird.data.readers.records import CollectionDraft, EventDraft, Records, Refused
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
BOARD_NAMES = ("wishlist_name", "board_name", "board")  # the specification's, and what custom events say
LONGEST_NAME = 40  # characters of an event's name in a reason
IGNORED_TYPES = ("identify", "page", "screen", "group", "alias")


def read(paths: Sequence[Path]) -> Records:
    """Events of files, and a collection for each named wish list or board."""
    boards: dict[tuple[str, str], dict[str, None]] = {}
    for path in paths:
        for where, message in json_lines(path):
            if not isinstance(message, dict):
                yield Refused("events", "no JSON object", where, message)
                continue
            for found in events_of(message):
                if isinstance(found, str):
                    yield Refused("events", found, where, message)
                    continue
                yield EventDraft(found, where)
                properties = _properties(message)
                board = next((text for name in BOARD_NAMES if (text := text_of(properties.get(name)))), "")
                if board and found.action is Action.SAVE:
                    boards.setdefault((found.user_id, board), {})[found.item_id] = None
    for (user, name), items in boards.items():
        board_made = Collection(f"{user}/{name}", tuple(items), name=name, kind="board", user_id=user)
        yield CollectionDraft(board_made, f"board {name}", grows=True)


def events_of(message: dict[str, Any]) -> Iterator[Event | str]:
    """The events that one `track` message tells of, or the reason why it tells of none.

    Messages of other types (identify, page, …) and other events are no mistakes, but tell nothing of items.
    """
    kind = text_of(message.get("type", "track"))[:LONGEST_NAME]
    name = text_of(message.get("event")).lower()[:LONGEST_NAME]
    if kind != "track":
        yield f"type {kind} tells of no item" if kind in IGNORED_TYPES else f"unknown type {kind!r}"
        return
    properties = _properties(message)
    if name in ACTION_OF_LIST:
        products = properties.get("products")
        products = [p for p in products if isinstance(p, dict)] if isinstance(products, list) else []
        if not products:
            yield "no products"
        for index, product in enumerate(products):
            yield _event(message, ACTION_OF_LIST[name], {**properties, **product}, f"/{index}")
    elif name in ACTION_OF:
        yield _event(message, ACTION_OF[name], properties, "")
    else:
        yield f"event {name!r} tells of no item" if name else "no event name"


def _event(message: dict[str, Any], action: Action, product: dict[str, Any], part: str) -> Event | str:
    user = text_of(message.get("userId")) or text_of(message.get("anonymousId"))
    item = text_of(product.get("product_id")) or text_of(product.get("sku"))
    at = time_of(message.get("timestamp") or message.get("originalTimestamp"))
    if not user:
        return "no userId"
    if not item:
        return "no product_id"
    if at is None:
        return "no timestamp that can be read"
    given = text_of(message.get("messageId"))
    price = price_of(product["price"]) if product.get("price") is not None else None
    return Event(
        user_id=user,
        item_id=item,
        action=action,
        at=at,
        event_id=given + part if given else "",
        value=price[0] if price else None,
        session=text_of(product.get("session_id")) or None,
        surface=text_of(product.get("list_id")) or None,
        query=text_of(product.get("query")) or None,
        position=whole_of(product.get("position")),
    )


def _properties(message: dict[str, Any]) -> dict[str, Any]:
    properties = message.get("properties")
    return properties if isinstance(properties, dict) else {}


def json_lines(path: Path) -> Iterator[tuple[str, Any]]:
    """Each line of a file as JSON with its place; a line that is no JSON comes as its text.

    Raises `InputError` for a file without a single line that is a JSON object.
    """
    read = objects = 0
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if not line.strip():
                    continue
                read += 1
                try:
                    row = json.loads(line)
                except (ValueError, RecursionError):
                    row = line[:200].decode(errors="replace")
                objects += isinstance(row, dict)
                yield f"{path.name}:{number}", row
    except OSError as error:
        raise InputError(f"{path} can't be read ({error.strerror})") from None
    if read and not objects:
        raise InputError(f"{path} has {read} lines and none is a JSON object: give one event a line")
