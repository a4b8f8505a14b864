"""Google Analytics 4 e-commerce events, as its BigQuery export writes them: one JSON object a line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from bowerbird.data.events import Action, Event
from bowerbird.data.readers.fields import price_of, text_of, time_of, whole_of
from bowerbird.data.readers.records import EventDraft, Records, Refused
from bowerbird.data.readers.segment import LONGEST_NAME, json_lines

ACTION_OF = {
    "view_item_list": Action.IMPRESSION,
    "view_item": Action.VIEW,
    "select_item": Action.CLICK,
    "add_to_cart": Action.ADD_TO_CART,
    "add_to_wishlist": Action.SAVE,
    "purchase": Action.PURCHASE,
}


def read(paths: Sequence[Path]) -> Records:
    """Events of exported files."""
    for path in paths:
        for where, row in json_lines(path):
            if not isinstance(row, dict):
                yield Refused("events", "no JSON object", where, row)
                continue
            for found in events_of(row):
                yield (
                    Refused("events", found, where, row)
                    if isinstance(found, str)
                    else EventDraft(found, where)
                )


def events_of(row: dict[str, Any]) -> Iterator[Event | str]:
    """The events that one exported row tells of, or the reason why it tells of none."""
    name = text_of(row.get("event_name"))[:LONGEST_NAME]
    action = ACTION_OF.get(name)
    if action is None:
        yield f"event {name!r} tells of no item" if name else "no event_name"
        return
    user = text_of(row.get("user_id")) or text_of(row.get("user_pseudo_id"))
    at = time_of(row.get("event_timestamp"))
    items = row.get("items")
    items = [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []
    if not user or at is None or not items:
        yield (
            "no user_pseudo_id"
            if not user
            else "no event_timestamp that can be read"
            if at is None
            else "no items"
        )
        return
    session = _parameter(row, "ga_session_id")
    for item in items:
        item_id = text_of(item.get("item_id"))
        if not item_id:
            yield "no item_id"
            continue
        price = price_of(item["price"]) if item.get("price") is not None else None
        yield Event(
            user_id=user,
            item_id=item_id,
            action=action,
            at=at,
            value=price[0] if price else None,
            session=session or None,
            surface=text_of(item.get("item_list_name")) or None,
            position=whole_of(item.get("index", item.get("item_list_index"))),
        )


def _parameter(row: dict[str, Any], key: str) -> str:
    given = row.get("event_params")
    for each in given if isinstance(given, list) else []:
        if isinstance(each, dict) and each.get("key") == key and isinstance(each.get("value"), dict):
            return text_of(next((v for v in each["value"].values() if v is not None), ""))
    return ""
