"""The most frequent events of trackers as columns: several times as fast as an object for each event.

A `track` call about one product whose fields have the usual types is a row of a batch. Every other call is
parsed one by one by `segment.parse_events`, and a test holds both to the same events.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeGuard

import numpy as np
import pyarrow as pa

from bowerbird.data.events import Action
from bowerbird.data.readers.event_columns import EventRows
from bowerbird.data.readers.fields import parse_text
from bowerbird.data.readers.inputs.table_batches import TableBatch
from bowerbird.data.readers.records import Records
from bowerbird.data.readers.values.actions import snake_case
from bowerbird.data.readers.values.prices import MAX_AMOUNT

FIELDS = (
    "user",
    "item",
    "action",
    "stamp",
    "message",
    "value",
    "session",
    "surface",
    "query",
    "list",
    "position",
)
_TEXT = pa.string()
SCHEMA = pa.schema(
    [
        *((name, _TEXT) for name in FIELDS[:5]),
        ("value", pa.float64()),
        *((name, _TEXT) for name in FIELDS[6:10]),
        ("position", pa.int32()),
    ]
)
_MAX_POSITION = 2**31


def event_name(value: Any) -> str:
    """The name of an event as the specification writes it, in small letters.

    >>> event_name("product_viewed"), event_name("ProductViewed"), event_name("Product Viewed")
    ('product viewed', 'product viewed', 'product viewed')
    """
    return snake_case(parse_text(value)).replace("_", " ")


class PlainRows:
    """Rows of events whose fields have the usual types: the fields of `FIELDS` in their order."""

    def __init__(self, file: str, reason: str) -> None:
        """`reason` is that of rows whose time can't be read."""
        self._file, self._reason = file, reason
        self._rows: list[tuple[Any, ...]] = []
        self._numbers: list[int] = []

    def __len__(self) -> int:
        return len(self._rows)

    def records(self) -> Records:
        """The events of the rows; those whose time can't be read are rejected. Starts anew."""
        if not self._rows:
            return
        columns = zip(*self._rows, strict=True)
        arrays = [pa.array(column, field.type) for column, field in zip(columns, SCHEMA, strict=True)]
        batch = TableBatch(pa.table(arrays, schema=SCHEMA), self._file, np.array(self._numbers))
        self._rows, self._numbers = [], []
        rows = EventRows(batch)
        rows.set_time("stamp", self._reason)
        for field, name in (("user_id", "user"), ("item_id", "item"), ("event_id", "message")):
            rows.set(field, rows.column(name))
        for field in ("action", "value", "session", "surface", "query", "position"):
            rows.set(field, rows.column(field))
        rows.set("recommendation_id", rows.column("list"))
        yield from rows.records()


class TrackRows(PlainRows):
    """The rows of the calls about one product so far."""

    def __init__(self, file: str, actions: Mapping[str, Action]) -> None:
        super().__init__(file, "no timestamp that can be read")
        self._actions = {name: str(action) for name, action in actions.items()}

    def add(self, number: int, message: dict[str, Any]) -> bool:
        """Add the call of a line; False where it is not of the usual form."""
        properties, stamp, event = message.get("properties"), message.get("timestamp"), message.get("event")
        if type(properties) is not dict or type(stamp) is not str or type(event) is not str:
            return False
        action = self._actions.get(event_name(event))
        user, device = message.get("userId"), message.get("anonymousId")
        if action is None or message.get("type") != "track" or (user and device):
            return False
        user, item, message_id = user or device, properties.get("product_id"), message.get("messageId", "")
        if not (is_id(user) and is_id(item) and is_text(message_id) and stamp):
            return False
        value, position = properties.get("price"), properties.get("position")
        if not (is_amount(value) and is_position(position)):
            return False
        names = ("session_id", "list_id", "query", "recommendation_id")
        optional = [properties.get(name) for name in names]
        if any(text is not None and not is_text(text) for text in optional):
            return False
        texts = ((text.strip() or None) if text else None for text in optional)
        ids = (str(user).strip(), str(item).strip())
        row = (*ids, action, stamp, message_id.strip() or None, value, *texts, position)
        self._rows.append(row)
        self._numbers.append(number)
        return True


def is_amount(value: Any) -> bool:
    """Whether a number is an amount as it is; None is none."""
    return value is None or (type(value) in (int, float) and 0 <= value <= MAX_AMOUNT)


def is_position(value: Any) -> bool:
    """Whether a number is a rank as it is; None is none."""
    return value is None or (type(value) is int and abs(value) < _MAX_POSITION)


def is_id(value: Any) -> TypeGuard[str]:
    """Whether a text is an id but for blanks around it."""
    return type(value) is str and value.isascii() and bool(value.strip())


def is_text(value: Any) -> TypeGuard[str]:
    """Whether a text is one but for blanks around it."""
    return type(value) is str and value.isascii()
