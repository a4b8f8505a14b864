"""Google Analytics 4 e-commerce events, as in the rows of its BigQuery export.

The `user_pseudo_id` (a device) and the `user_id` (a login) of one row are one user: they are joined.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bowerbird.data.events import Action, Alias, Event
from bowerbird.data.readers.events.orders import OrderLines, parse_order_id
from bowerbird.data.readers.events.segment import MAX_NAME_LENGTH
from bowerbird.data.readers.events.values import amount_of, rank_of
from bowerbird.data.readers.fields import parse_text, parse_time
from bowerbird.data.readers.inputs.json_lines import decode_json
from bowerbird.data.readers.records import (
    Parsed,
    ParsedEvent,
)
from bowerbird.data.readers.values.texts import parse_name
from bowerbird.data.readers.values.times import explain_rejection

ACTION_OF = {
    "view_item_list": Action.IMPRESSION,
    "view_item": Action.VIEW,
    "select_item": Action.CLICK,
    "add_to_cart": Action.ADD_TO_CART,
    "remove_from_cart": Action.REMOVE,
    "add_to_wishlist": Action.SAVE,
    "purchase": Action.PURCHASE,
    "refund": Action.REFUND,
}
NO_TIME = "no event_timestamp that can be read"


def parse_row(row: dict[str, Any]) -> Iterator[Parsed]:
    """The events of one exported row and the alias of its user, or the reasons why it has none.

    Rows of other events (page views, sessions) yield no event.
    """
    user, device = _text(row, "user_id"), _text(row, "user_pseudo_id")
    if user and device and user != device:
        yield Alias(device, user)
    name = name_of(row)
    action = ACTION_OF.get(name)
    if action is None:
        if not name:
            yield "no event_name"
        return
    at, items = parse_time(row.get("event_timestamp")), _items_of(row)
    if not user and not device:
        yield "no user_pseudo_id"
    elif at is None:
        yield NO_TIME + explain_rejection(row.get("event_timestamp"))
    elif not items:
        yield "no items"
    else:
        session, lines = _parameter(row, "ga_session_id"), OrderLines(action, _transaction_id(row))
        for item in items:
            item_id = _text(item, "item_id")
            if not item_id:
                yield "no item_id"
                continue
            value, unread_price = amount_of("price", item.get("price"), _parameter(row, "currency"))
            position, unread_rank = rank_of("position", item.get("index", item.get("item_list_index")))
            event = Event(
                user_id=user or device,
                item_id=item_id,
                action=action,
                at=at,
                event_id=lines.event_id(item_id),
                value=value,
                session=session or None,
                surface=_text(item, "item_list_name") or None,
                position=position,
            )
            yield ParsedEvent(event, unread_price + unread_rank)


def _items_of(row: dict[str, Any]) -> list[dict[str, Any]]:
    """The items of a row; a flat table, of a query that unnested them, has one item a row."""
    return unnested(row.get("items")) or ([row] if _text(row, "item_id") else [])


def name_of(row: dict[str, Any]) -> str:
    return parse_text(row.get("event_name"))[:MAX_NAME_LENGTH]


def _text(row: dict[str, Any], name: str) -> str:
    return parse_name(row.get(name))


def _transaction_id(row: dict[str, Any]) -> str:
    ecommerce = row.get("ecommerce")
    in_record = parse_order_id(ecommerce.get("transaction_id")) if isinstance(ecommerce, dict) else ""
    return in_record or parse_order_id(_parameter(row, "transaction_id"))


def unnested(value: Any) -> list[dict[str, Any]]:
    """The records of a repeated field: a list, its JSON, or Parquet's form {list: [{element: record}]}."""
    if isinstance(value, str):
        value = decode_json(value.encode())
    if isinstance(value, dict) and set(value) == {"list"}:
        inner = value["list"] if isinstance(value["list"], list) else []
        value = [
            entry.get("element", entry.get("item")) if isinstance(entry, dict) else None for entry in inner
        ]
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def _parameter(row: dict[str, Any], key: str) -> str:
    for parameter in unnested(row.get("event_params")):
        if parameter.get("key") == key and isinstance(value := parameter.get("value"), dict):
            return parse_text(next((each for each in value.values() if each is not None), ""))
    return ""
