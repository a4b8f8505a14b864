"""Google Analytics 4 e-commerce events, as in its BigQuery export: JSON lines or Parquet.

The `user_pseudo_id` (a device) and the `user_id` (a login) of one row are one user: they are joined.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from bowerbird.data.events import Action, Alias, Event
from bowerbird.data.readers.events.event_lines import EventFields, EventLines
from bowerbird.data.readers.events.ga4_rows import decode_row, parse_name
from bowerbird.data.readers.events.orders import OrderLines, parse_order_id
from bowerbird.data.readers.events.segment import MAX_NAME_LENGTH
from bowerbird.data.readers.events.values import amount_of, rank_of
from bowerbird.data.readers.fields import parse_text, parse_time
from bowerbird.data.readers.inputs.forms import Form, form_of
from bowerbird.data.readers.inputs.json_lines import decode_json, read_encoded_lines, require_objects
from bowerbird.data.readers.inputs.parquet import read_parquet
from bowerbird.data.readers.inputs.tables import python_rows, read_rows
from bowerbird.data.readers.records import (
    IgnoredRow,
    Parsed,
    ParsedEvent,
    Records,
    RejectedRow,
    records_of,
    without_repairs,
)
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
COLUMNS = ("event_timestamp", "user_id", "user_pseudo_id", "items", "event_params", "ecommerce")
"""What is read of Parquet files, next to the event's name."""
ROWS_PER_BATCH = 8192
_encode = msgspec.json.Encoder(decimal_format="number").encode
NO_TIME = "no event_timestamp that can be read"


def read(paths: Sequence[Path]) -> Records:
    """Read the events of exported files."""
    for path in paths:
        if form_of(path) is Form.JSON:
            rows = RowLines(path.name)
            yield from rows.read(read_encoded_lines(path))
            require_objects(path, rows.n_rows, rows.n_valid)
        elif form_of(path) is Form.PARQUET:
            yield from _of_parquet(path)
        else:
            for location, row in read_rows(path, ("event_name",)):
                yield from _records(row, location)


def _of_parquet(path: Path) -> Records:
    """Only rows that say something become Python's: nine of ten are page views and the like.

    They are encoded as JSON, whose reader is several times as fast as one of single rows.
    """
    lines = RowLines(path.name)
    start = 1
    for table, _ in read_parquet(path, ("event_name",), COLUMNS, ROWS_PER_BATCH):
        numbers = np.arange(start, start + table.num_rows)
        start += table.num_rows
        ignored = _ignored_events(table)
        for name, n in Counter(name for name in ignored if name).items():
            yield IgnoredRow("events", f"event {name!r}", n)
        is_used = np.array([not name for name in ignored], bool)
        rows = zip(numbers[is_used].tolist(), python_rows(path, table.filter(pa.array(is_used))), strict=True)
        if any(_holds_bytes(field.type) for field in table.schema):  # JSON has none
            for number, row in rows:
                yield from _records(row, f"{path.name}:{number}")
        else:
            yield from lines.read((number, _encode(_plain(row))) for number, row in rows)


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """A row whose repeated fields are lists."""
    lists = {name: _unnested(row[name]) for name in ("items", "event_params") if name in row}
    return row | lists


def _holds_bytes(kind: pa.DataType) -> bool:
    nested = (kind.field(index).type for index in range(kind.num_fields))
    return pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or any(map(_holds_bytes, nested))


def _ignored_events(table: pa.Table) -> list[str]:
    """The name of each row that says nothing of items and names one id at most; empty for other rows."""
    names = [parse_text(name)[:MAX_NAME_LENGTH] for name in table["event_name"].to_pylist()]
    has_two = np.ones(table.num_rows, bool)
    for column in ("user_id", "user_pseudo_id"):
        is_there = column in table.column_names
        has_two &= table[column].is_valid().to_numpy() if is_there else np.zeros(table.num_rows, bool)
    return ["" if two or name in ACTION_OF else name for name, two in zip(names, has_two, strict=True)]


def _records(row: dict[str, Any], location: str) -> Records:
    return records_of(parse_row(row), location, row, f"event {_name(row)!r}")


class RowLines(EventLines):
    """Lines of exported rows."""

    def __init__(self, file: str) -> None:
        super().__init__(file)
        self.parse_name = parse_name

    def usual_events(self, number: int, line: bytes) -> Sequence[EventFields] | str | None:
        """See `EventLines.usual_events`."""
        row = decode_row(line)
        if row is None or not row.event_name:
            return None
        name = parse_text(row.event_name)[:MAX_NAME_LENGTH]
        names_two = row.user_id is not None and row.user_pseudo_id is not None
        is_alias = names_two and self.join(number, row.user_pseudo_id, row.user_id)
        action = ACTION_OF.get(name)
        if action is None and name:
            return [] if is_alias else f"event {name!r}"
        return None if action is None else row.events(action)

    def read_row(self, location: str, line: bytes) -> Records:
        """See `EventLines.read_row`."""
        row = decode_json(line)
        if isinstance(row, dict):
            self.n_valid += 1
            yield from _records(row, location)
        else:
            yield RejectedRow("events", "not a JSON object", location, row)


def parse_events(row: dict[str, Any]) -> Iterator[Event | Alias | str]:
    """The events and the alias of one exported row as in `parse_row`, without what was left out of them."""
    return without_repairs(parse_row(row))


def parse_row(row: dict[str, Any]) -> Iterator[Parsed]:
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


def _name(row: dict[str, Any]) -> str:
    return parse_text(row.get("event_name"))[:MAX_NAME_LENGTH]


def _text(row: dict[str, Any], name: str) -> str:
    return parse_name(row.get(name))


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
