"""Google Analytics 4 e-commerce events, as in its BigQuery export: one JSON object per line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from bowerbird.data.events import Action, Event
from bowerbird.data.readers.events.segment import MAX_NAME_LENGTH, read_json_lines
from bowerbird.data.readers.fields import parse_price, parse_text, parse_time, parse_whole_number
from bowerbird.data.readers.records import EventDraft, Records, RejectedRow

ACTION_OF = {
    "view_item_list": Action.IMPRESSION,
    "view_item": Action.VIEW,
    "select_item": Action.CLICK,
    "add_to_cart": Action.ADD_TO_CART,
    "add_to_wishlist": Action.SAVE,
    "purchase": Action.PURCHASE,
}


def read(paths: Sequence[Path]) -> Records:
    """Read the events of exported files."""
    for path in paths:
        for location, row in read_json_lines(path):
            if not isinstance(row, dict):
                yield RejectedRow("events", "not a JSON object", location, row)
                continue
            for event_or_reason in parse_events(row):
                yield (
                    RejectedRow("events", event_or_reason, location, row)
                    if isinstance(event_or_reason, str)
                    else EventDraft(event_or_reason, location)
                )


def parse_events(row: dict[str, Any]) -> Iterator[Event | str]:
    """The events of one exported row, or the reason why it has none."""
    name = parse_text(row.get("event_name"))[:MAX_NAME_LENGTH]
    action = ACTION_OF.get(name)
    if action is None:
        yield f"event {name!r} has no item" if name else "no event_name"
        return
    user = parse_text(row.get("user_id")) or parse_text(row.get("user_pseudo_id"))
    at = parse_time(row.get("event_timestamp"))
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
        item_id = parse_text(item.get("item_id"))
        if not item_id:
            yield "no item_id"
            continue
        price = parse_price(item["price"]) if item.get("price") is not None else None
        yield Event(
            user_id=user,
            item_id=item_id,
            action=action,
            at=at,
            value=price[0] if price else None,
            session=session or None,
            surface=parse_text(item.get("item_list_name")) or None,
            position=parse_whole_number(item.get("index", item.get("item_list_index"))),
        )


def _parameter(row: dict[str, Any], key: str) -> str:
    parameters = row.get("event_params")
    for parameter in parameters if isinstance(parameters, list) else []:
        if (
            isinstance(parameter, dict)
            and parameter.get("key") == key
            and isinstance(parameter.get("value"), dict)
        ):
            return parse_text(next((v for v in parameter["value"].values() if v is not None), ""))
    return ""
