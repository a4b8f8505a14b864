"""Google Analytics 4 e-commerce events, as in its BigQuery export: JSON lines or Parquet.

The `user_pseudo_id` (a device) and the `user_id` (a login) of one row are one user: they are joined.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from bowerbird.data.events import Action, Alias, Event
from bowerbird.data.readers.events.orders import OrderLines, parse_order_id
from bowerbird.data.readers.events.segment import CALLS_PER_BATCH, MAX_NAME_LENGTH
from bowerbird.data.readers.events.segment_columns import PlainRows, is_amount, is_id, is_position, is_text
from bowerbird.data.readers.fields import parse_amount, parse_text, parse_time, parse_whole_number
from bowerbird.data.readers.inputs.forms import Form, form_of
from bowerbird.data.readers.inputs.json_lines import read_json_lines
from bowerbird.data.readers.inputs.tables import read_rows
from bowerbird.data.readers.records import Records, RejectedRow, records_of
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
OF_ORDERS = (Action.PURCHASE, Action.REFUND)
NO_TIME = "no event_timestamp that can be read"
NOT_SET = "(not set)"
"""What Google's export holds in place of a missing text."""


def read(paths: Sequence[Path]) -> Records:
    """Read the events of exported files."""
    for path in paths:
        if form_of(path) is Form.JSON:
            yield from _of_json(path)
        else:
            for location, row in read_rows(path, ("event_name",)):
                yield from records_of(parse_events(row), location, row, f"event {_name(row)!r}")


def _of_json(path: Path) -> Records:
    usual = UsualRows(path.name, NO_TIME)
    for number, row in read_json_lines(path):
        location = f"{path.name}:{number}"
        if not isinstance(row, dict):
            yield RejectedRow("events", "not a JSON object", location, row)
        elif not usual.add(number, row):
            yield from records_of(parse_events(row), location, row, f"event {_name(row)!r}")
        elif len(usual) >= CALLS_PER_BATCH:
            yield from usual.records()
    yield from usual.records()


class UsualRows(PlainRows):
    """The events of the rows so far that name a device only, and no order."""

    def add(self, number: int, row: dict[str, Any]) -> bool:
        """Add the events of a row; False where it is not of the usual form: then none is added."""
        name, device, items = row.get("event_name"), row.get("user_pseudo_id"), row.get("items")
        action = ACTION_OF.get(name) if type(name) is str else None
        if (
            action is None
            or action in OF_ORDERS
            or row.get("user_id")
            or type(items) is not list
            or not items
        ):
            return False
        stamp = row.get("event_timestamp")
        if (
            not is_id(device)
            or device.strip() == NOT_SET
            or type(stamp) not in (int, str)
            or stamp in (0, "")
        ):
            return False
        session = _parameter(row, "ga_session_id") or None
        events = []
        for item in items:
            if type(item) is not dict or not is_id(item_id := item.get("item_id")):
                return False
            value, surface = item.get("price"), item.get("item_list_name")
            position = item.get("index", item.get("item_list_index"))
            is_usual = is_amount(value) and is_position(position) and (surface is None or is_text(surface))
            if not is_usual or NOT_SET in (item_id.strip(), (surface or "").strip()):
                return False
            shown_in = (surface or "").strip() or None
            fields = (
                device.strip(),
                item_id.strip(),
                str(action),
                str(stamp),
                None,
                value,
                session,
                shown_in,
            )
            events.append((*fields, None, None, position))
        self._rows += events
        self._numbers += [number] * len(events)
        return True


def parse_events(row: dict[str, Any]) -> Iterator[Event | Alias | str]:
    """The events of one exported row and the alias of its user, or the reasons why it has none.

    Rows of other events (page views, sessions) yield no event.
    """
    user, device = _text(row, "user_id"), _text(row, "user_pseudo_id")
    if user and device and user != device:
        yield Alias(device, user)
    name = _name(row)
    action = ACTION_OF.get(name)
    if action is None:
        if not name:
            yield "no event_name"
        return
    at, items = parse_time(row.get("event_timestamp")), _unnested(row.get("items"))
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
            yield Event(
                user_id=user or device,
                item_id=item_id,
                action=action,
                at=at,
                event_id=lines.event_id(item_id),
                value=parse_amount(item.get("price"), _parameter(row, "currency")),
                session=session or None,
                surface=_text(item, "item_list_name") or None,
                position=parse_whole_number(item.get("index", item.get("item_list_index"))),
            )


def _name(row: dict[str, Any]) -> str:
    return parse_text(row.get("event_name"))[:MAX_NAME_LENGTH]


def _text(row: dict[str, Any], name: str) -> str:
    text = parse_text(row.get(name))
    return "" if text == NOT_SET else text


def _transaction_id(row: dict[str, Any]) -> str:
    ecommerce = row.get("ecommerce")
    in_record = parse_order_id(ecommerce.get("transaction_id")) if isinstance(ecommerce, dict) else ""
    return in_record or parse_order_id(_parameter(row, "transaction_id"))


def _unnested(value: Any) -> list[dict[str, Any]]:
    """The records of a repeated field: a list, or BigQuery's Parquet form {list: [{element: record}]}."""
    if isinstance(value, dict) and set(value) == {"list"}:
        inner = value["list"] if isinstance(value["list"], list) else []
        value = [
            entry.get("element", entry.get("item")) if isinstance(entry, dict) else None for entry in inner
        ]
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def _parameter(row: dict[str, Any], key: str) -> str:
    for parameter in _unnested(row.get("event_params")):
        if parameter.get("key") == key and isinstance(value := parameter.get("value"), dict):
            return parse_text(next((each for each in value.values() if each is not None), ""))
    return ""
