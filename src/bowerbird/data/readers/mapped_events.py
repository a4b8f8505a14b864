"""Events of a table with a column map."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from bowerbird.data.events import ACTIONS, Action
from bowerbird.data.readers.column_map import EventColumns
from bowerbird.data.readers.event_columns import EventRows, each_distinct, texts
from bowerbird.data.readers.fields import parse_amount, parse_text, parse_whole_number
from bowerbird.data.readers.inputs.table_batches import TableBatch
from bowerbird.data.readers.records import EventBatch, RejectedRow

OPTIONAL_TEXTS = ("session", "surface", "query", "recommendation_id")
USUAL_NAMES = {
    **dict.fromkeys(
        ("look", "browse", "pageview", "page_view", "detail", "view_item", "viewed"), Action.VIEW
    ),
    **dict.fromkeys(("select_item", "clicked", "open"), Action.CLICK),
    **dict.fromkeys(("like", "wishlist", "add_to_wishlist", "favorite", "favourite", "saved"), Action.SAVE),
    **dict.fromkeys(("cart", "addtocart", "add to cart", "basket", "add_to_basket"), Action.ADD_TO_CART),
    **dict.fromkeys(("buy", "bought", "order", "transaction", "purchased"), Action.PURCHASE),
}
"""Names that many shops give to actions; a column map's own names come first."""
MAX_SHOWN = 40  # characters of an unknown action in a reason


def events_of(columns: EventColumns, batch: TableBatch) -> Iterator[EventBatch | RejectedRow]:
    """The events of some rows, from the mapped columns that they have. A row without an action is a click."""
    rows, present = EventRows(batch), set(batch.rows.column_names)
    for field, name in (("user_id", columns.user_id), ("item_id", columns.item_id)):
        rows.set_id(field, name, f"no {field}", _without_decimals)
    rows.set_time(columns.at, "no time that can be read")
    _set_action(rows, columns)
    if columns.event_id in present:
        ids = texts(rows.column(columns.event_id))
        rows.set("event_id", pc.if_else(pc.equal(ids, ""), pa.scalar(None, pa.string()), ids))
    if columns.value in present:
        rows.set("value", each_distinct(rows.column(columns.value), parse_amount, pa.float64()))
    for field in OPTIONAL_TEXTS:
        if (name := getattr(columns, field)) in present:
            text = texts(rows.column(name))
            rows.set(field, pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text))
    if columns.position in present:
        rows.set("position", each_distinct(rows.column(columns.position), parse_whole_number, pa.int32()))
    yield from rows.records()


def _set_action(rows: EventRows, columns: EventColumns) -> None:
    if not columns.action:
        rows.set("action", Action.CLICK.value)
        return
    names = set(ACTIONS)

    def bowerbird_name(value: Any) -> str:
        name = parse_text(value) or Action.CLICK.value
        return str(columns.actions.get(name) or USUAL_NAMES.get(name.lower(), name))

    actions = each_distinct(rows.column(columns.action), bowerbird_name, pa.string())
    for name in pc.unique(actions).to_pylist():
        if name not in names:
            rows.reject(pc.equal(actions, name), f"unknown action {name[:MAX_SHOWN]!r}")
    rows.set("action", actions)


def _without_decimals(ids: pa.Array) -> pa.Array:
    """Ids that went through a table of floats lose their ".0": `7325.0` is `7325`."""
    return pc.replace_substring_regex(ids, r"^(\d+)\.0+$", r"\1")
