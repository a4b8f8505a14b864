"""Sale prices: which are in force, and when that changes."""

from __future__ import annotations

from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.compute as pc

from bowerbird.data.items.item import ITEM_SCHEMA


def with_current_prices(table: pa.Table, now: datetime) -> pa.Table:
    """Set the price of items with a sale price: that one within its dates, else the list price."""
    if table["sale_price"].null_count == len(table):
        return table
    moment = pa.scalar(now, ITEM_SCHEMA.field("sale_starts").type)
    is_sale = pc.and_(
        pc.less_equal(table["sale_starts"], moment).fill_null(True),
        pc.greater(table["sale_ends"], moment).fill_null(True),
    )
    has_sale_price = pc.and_(pc.is_valid(table["sale_price"]), pc.is_valid(table["list_price"]))
    in_force = pc.if_else(is_sale, table["sale_price"], table["list_price"])
    prices = pc.if_else(has_sale_price, in_force, table["price"])
    return table.set_column(ITEM_SCHEMA.get_field_index("price"), ITEM_SCHEMA.field("price"), prices)


def next_change_of_sales(table: pa.Table, now: datetime) -> datetime:
    """The next time when a sale begins or ends; the end of all time where none will."""
    moment = pa.scalar(now, ITEM_SCHEMA.field("sale_starts").type)
    columns = (table[name] for name in ("sale_starts", "sale_ends"))
    times = (pc.min(column.filter(pc.greater(column, moment))).as_py() for column in columns)
    return min((time for time in times if time is not None), default=datetime.max.replace(tzinfo=UTC))
