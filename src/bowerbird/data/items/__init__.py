"""Items, and the catalogue that holds them in a fixed order.

A catalogue is one Arrow table and an index from id to row. Everywhere else an item is its **position**
(row number) in the catalogue; ids are used at the edges only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bowerbird.data.arrays import BoolArray, DoubleArray, IntArray
from bowerbird.data.articles.variants import Articles, differing_values
from bowerbird.data.files.picture_columns import is_same_memory, replace_pictures
from bowerbird.data.items.item import (
    FURTHER_FIELDS,
    ITEM_SCHEMA,
    NOT_SOLD,
    TEXT_FIELDS,
    WITHDRAWN,
    Item,
    encoder_text,
    item_from_row,
    table_of,
    with_all_columns,
)
from bowerbird.data.items.sales import next_change_of_sales, with_current_prices

__all__ = [
    "FURTHER_FIELDS",
    "ITEM_SCHEMA",
    "NOT_SOLD",
    "TEXT_FIELDS",
    "WITHDRAWN",
    "Catalogue",
    "Item",
    "table_of",
]
TEXTS_BLOCK = 4096
MAX_CACHED_ROWS = 100_000
"""Items; smaller catalogues are cached as Python rows, five times faster to read than Arrow's."""


class Catalogue:
    """Items in a fixed order, with their positions."""

    def __init__(self, table: pa.Table) -> None:
        now = datetime.now(UTC)
        columns = with_current_prices(with_all_columns(table), now)
        self._sales_change_at = next_change_of_sales(columns, now)
        # Combine all columns but the pictures: combining those would copy them into memory.
        joined = columns.drop_columns(["image"]).combine_chunks()
        image_column = ITEM_SCHEMA.get_field_index("image")
        self.table = joined.add_column(image_column, ITEM_SCHEMA.field("image"), columns["image"])

    @classmethod
    def of(cls, items: Iterable[Item]) -> Catalogue:
        """A catalogue of items in their order."""
        return cls(table_of(list(items)))

    def __len__(self) -> int:
        return int(self.table.num_rows)

    @cached_property
    def launched(self) -> IntArray:
        """Launch time of each item, (items,) int64 microseconds since 1970; smallest int64 if unknown."""
        times: IntArray = self.table["created_at"].cast("int64").fill_null(np.iinfo(np.int64).min).to_numpy()
        return times

    def __contains__(self, item_id: object) -> bool:
        return item_id in self.position

    @cached_property
    def ids(self) -> list[str]:
        """Id of each item."""
        ids: list[str] = self.table["item_id"].to_pylist()
        return ids

    @cached_property
    def position(self) -> dict[str, int]:
        """Row number of each item id."""
        return {item_id: row for row, item_id in enumerate(self.ids)}

    @cached_property
    def prices(self) -> DoubleArray:
        """Prices, (items,) float64, NaN where an item has none."""
        prices: DoubleArray = self.table["price"].fill_null(np.nan).to_numpy()
        return prices

    @cached_property
    def list_prices(self) -> DoubleArray:
        """Prices outside of a sale, (items,) float64, NaN where an item has no sale price."""
        prices: DoubleArray = self.table["list_price"].fill_null(np.nan).to_numpy()
        return prices

    @cached_property
    def articles(self) -> Articles:
        """Which items are variants of one article."""
        return Articles(self.table["group_id"])

    def also_in(self, position: int) -> dict[str, tuple[str, ...]]:
        """By attribute, what other variants of an item's article can be bought in: {"size": ("M", "L")}.

        Variants whose attributes do not differ are named by their titles, under "title".
        """
        if not self.articles.has_variants:
            return {}
        variants = self.articles.variants_of(position)
        variants = variants[self.available[variants] & (variants != position)]
        if not len(variants):
            return {}
        item, variant_items = self.item(position), self.items_at(variants)
        values = differing_values(item.attributes, [variant.attributes for variant in variant_items])
        return values or differing_values(
            {"title": item.title}, [{"title": each.title} for each in variant_items]
        )

    @cached_property
    def on_sale(self) -> BoolArray:
        """Whether each item's price is below its list price now, (items,) bool."""
        with np.errstate(invalid="ignore"):
            on_sale: BoolArray = self.prices < self.list_prices
        return on_sale

    @cached_property
    def available(self) -> BoolArray:
        """Whether each item can be bought now, (items,) bool."""
        states = self.table["availability"].fill_null("in_stock")
        available = pc.invert(pc.is_in(states, pa.array(NOT_SOLD, pa.string()))).to_numpy()
        return np.array(available, bool)

    @cached_property
    def withdrawn(self) -> BoolArray:
        """Whether each item was removed from the shop, (items,) bool: it must not be shown at all."""
        withdrawn = pc.equal(self.table["availability"], WITHDRAWN).fill_null(False).to_numpy()
        return np.array(withdrawn, bool)

    def by_ids(self, ids: Sequence[str]) -> Catalogue:
        """Items in the order of `ids`; an unknown id becomes a withdrawn item without any other field."""
        if self.ids == ids:
            return self
        if self.ids[: len(ids)] == ids:
            return Catalogue(self.table.slice(0, len(ids)))
        rows = [self.position.get(item_id) for item_id in ids]
        missing = [Item(ids[index], availability=WITHDRAWN) for index, row in enumerate(rows) if row is None]
        table = pa.concat_tables([self.table, Catalogue.of(missing).table])
        missing_rows = iter(range(len(self), len(self) + len(missing)))
        order = [next(missing_rows) if row is None else row for row in rows]
        return Catalogue(table.take(pa.array(order, pa.int64())))

    def has_pictures_of(self, other: Catalogue) -> bool:
        """Whether both share the memory of all pictures, so that these need not be written again."""
        own_chunks, other_chunks = self.table["image"].chunks, other.table["image"].chunks
        return len(own_chunks) == len(other_chunks) and all(map(is_same_memory, own_chunks, other_chunks))

    def updated(self, fresh: Catalogue) -> Catalogue:
        """Replace items by those of `fresh` with the same ids, and append the new ones."""
        rows_here = [self.position.get(item_id, -1) for item_id in fresh.ids]
        order, new_rows = (
            np.arange(len(self)),
            [row for row, row_here in enumerate(rows_here) if row_here < 0],
        )
        for row, row_here in enumerate(rows_here):
            if row_here >= 0:
                order[row_here] = len(self) + row
        order = np.concatenate([order, len(self) + np.array(new_rows, np.int64)])
        old_and_new = pa.concat_tables(
            [catalogue.table.drop_columns(["image"]) for catalogue in (self, fresh)]
        )
        columns = old_and_new.take(pa.array(order))
        images = replace_pictures(self.table["image"], fresh.table["image"], np.array(rows_here, np.int64))
        return Catalogue(columns.append_column(ITEM_SCHEMA.field("image"), images))

    def without(self, item_ids: Iterable[str]) -> Catalogue:
        """The same items in the same order, of which some are withdrawn."""
        withdrawn = np.zeros(len(self), bool)
        withdrawn[[self.position[item_id] for item_id in item_ids]] = True
        states = pc.if_else(pa.array(withdrawn), WITHDRAWN, self.table["availability"])
        column = ITEM_SCHEMA.get_field_index("availability")
        return Catalogue(self.table.set_column(column, ITEM_SCHEMA.field("availability"), states))

    def leave_out(self, newer: pa.Table) -> None:
        """Take what a newer catalogue does not sell out of `available`, and mark what it lacks `withdrawn`.

        `newer` has the columns item_id and availability. In place, so that everything that answers from this
        catalogue stops naming them before the newer one is open; items that are sold again wait for that.
        """
        rows = pc.index_in(self.table["item_id"], value_set=newer["item_id"].combine_chunks())
        states = newer["availability"].fill_null("in_stock").take(rows.fill_null(0))
        is_gone = pc.or_(pc.is_null(rows), pc.equal(states, WITHDRAWN)).to_numpy()
        is_unsold = pc.is_in(states, pa.array(NOT_SOLD, pa.string())).to_numpy() | is_gone
        self.available[is_unsold] = False
        self.withdrawn[is_gone] = True

    def undo_leave_out(self) -> None:
        """Sell again what this catalogue says is sold: the newer one was rolled back."""
        for name in ("available", "withdrawn"):
            self.__dict__.pop(name, None)

    def follow_sales(self, now: datetime) -> None:
        """Set the prices to those of `now`, in place, where a sale has begun or ended since they were set."""
        if now < self._sales_change_at:
            return
        self._sales_change_at = next_change_of_sales(self.table, now)
        self.table = with_current_prices(self.table, now)
        for name in ("prices", "on_sale", "_fields", "_rows"):
            self.__dict__.pop(name, None)

    def in_category(self, name: str) -> BoolArray:
        """Whether a name is part of each item's category path, ignoring case, (items,) bool."""
        names, rows = self._categories
        has_name = np.zeros(len(self), bool)
        has_name[rows[pc.equal(names, name.casefold()).fill_null(False).to_numpy(zero_copy_only=False)]] = (
            True
        )
        return has_name

    @cached_property
    def _categories(self) -> tuple[pa.Array, IntArray]:
        """Every name of every category path, in lower case, and the row of its item; both (names,)."""
        lists = self.table["category"].combine_chunks()
        return pc.utf8_lower(lists.flatten()), pc.list_parent_indices(lists).to_numpy()

    @cached_property
    def _fields(self) -> pa.Table:
        """All columns but the pictures and the further ones that are empty."""
        empty = [name for name in FURTHER_FIELDS if self.table[name].null_count == len(self)]
        return self.table.drop_columns(["image", *empty])

    @cached_property
    def _rows(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self._fields.to_pylist()
        return rows

    def _row(self, position: int) -> dict[str, Any]:
        if len(self) <= MAX_CACHED_ROWS:
            return self._rows[position]
        row: dict[str, Any] = self._fields.slice(position, 1).to_pylist()[0]
        return row

    def title(self, position: int) -> str:
        """Give an item's title, empty where it has none; quicker than the whole `item`."""
        if len(self) <= MAX_CACHED_ROWS:
            return self._rows[position]["title"] or ""
        return self.table["title"][position].as_py() or ""

    def item(self, position: int) -> Item:
        """The item at a position, without its image bytes (see `image`)."""
        return item_from_row(self._row(position))

    def items_at(self, positions: IntArray) -> list[Item]:
        """The items at positions (n,) int, without their image bytes; faster than one by one."""
        if len(self) <= MAX_CACHED_ROWS:
            return [item_from_row(self._rows[position]) for position in positions.tolist()]
        columns = self._fields.take(pa.array(positions))
        return [item_from_row(row) for row in columns.to_pylist()]

    def items(self) -> Iterator[Item]:
        """All items in order, without their pictures, converted in blocks."""
        columns = self._fields
        for start in range(0, len(self), TEXTS_BLOCK):
            yield from map(item_from_row, columns.slice(start, TEXTS_BLOCK).to_pylist())

    def has_image(self, position: int) -> bool:
        """Whether the item at a position has a picture."""
        return bool(self.table["image"][position].is_valid)

    def image(self, position: int) -> bytes | None:
        """Encoded picture of the item at a position, if it has one."""
        value: bytes | None = self.table["image"][position].as_py()
        return value

    def texts(self, positions: IntArray) -> Iterator[str]:
        """Text encoder input for the items at positions (n,) int, made in blocks."""
        columns = self._fields
        for start in range(0, len(positions), TEXTS_BLOCK):
            block = columns.take(pa.array(positions[start : start + TEXTS_BLOCK]))
            yield from (encoder_text(item_from_row(row)) for row in block.to_pylist())

    def text(self, position: int) -> str:
        """Text encoder input for one item: title, brand, category, attributes, description."""
        return encoder_text(self.item(position))
