"""Events of a table with a column map."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from bowerbird.data.events import ACTIONS, Action
from bowerbird.data.readers.column_map import EventColumns
from bowerbird.data.readers.event_columns import EventRows, each_distinct, texts
from bowerbird.data.readers.fields import parse_text, parse_whole_number
from bowerbird.data.readers.inputs.table_batches import TableBatch
from bowerbird.data.readers.records import EventBatch, RejectedRow
from bowerbird.data.readers.values.actions import parse_action
from bowerbird.data.readers.values.item_fields import SAMPLED_ROWS
from bowerbird.data.readers.values.prices import Price, find_decimal_mark, parse_price

OPTIONAL_TEXTS = ("session", "surface", "query", "recommendation_id")
NO_AMOUNT = "is no number or price with one reading"
MAX_SHOWN = 40  # characters of an unknown action in a reason


def events_of(columns: EventColumns, batch: TableBatch) -> Iterator[EventBatch | RejectedRow]:
    """The events of some rows, from the mapped columns that they have. A row without an action is a click."""
    rows, present = EventRows(batch), set(batch.rows.column_names)
    for field, name in (("user_id", columns.user_id), ("item_id", columns.item_id)):
        rows.set_id(field, name, f"no {field}")
    rows.set_time(columns.at, "no time that can be read")
    _set_action(rows, columns)
    if columns.event_id in present:
        ids = texts(rows.column(columns.event_id))
        rows.set("event_id", pc.if_else(pc.equal(ids, ""), pa.scalar(None, pa.string()), ids))
    if columns.value in present:
        rows.set_parsed("value", columns.value, _amounts(rows.column(columns.value)), NO_AMOUNT)
    for field in OPTIONAL_TEXTS:
        if (name := getattr(columns, field)) in present:
            text = texts(rows.column(name))
            rows.set(field, pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text))
    if columns.position in present:
        ranks = each_distinct(rows.column(columns.position), parse_whole_number, pa.int32())
        rows.set_parsed("position", columns.position, ranks, "is no whole number")
    yield from rows.records()


def _set_action(rows: EventRows, columns: EventColumns) -> None:
    if not columns.action:
        rows.set("action", Action.CLICK.value)
        return
    names = set(ACTIONS)
    own_names = {name.lower(): action for name, action in columns.actions.items()}

    def bowerbird_name(value: Any) -> str:
        name = parse_text(value) or Action.CLICK.value
        return str(own_names.get(name.lower()) or parse_action(name) or name)

    actions = each_distinct(rows.column(columns.action), bowerbird_name, pa.string())
    for name in pc.unique(actions).to_pylist():
        if name not in names:
            rows.reject(pc.equal(actions, name), f"unknown action {name[:MAX_SHOWN]!r}")
    rows.set("action", actions)


def _amounts(column: pa.Array) -> pa.Array:
    """Amounts of numbers and prices, (n,) float64, null where there is none, or two readings."""
    mark = find_decimal_mark(column.slice(0, SAMPLED_ROWS).to_pylist())

    def amount(value: Any) -> float | None:
        price = parse_price(value, decimal_mark=mark)
        return price.amount if isinstance(price, Price) else None

    return each_distinct(column, amount, pa.float64())
