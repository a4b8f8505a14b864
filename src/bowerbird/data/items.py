"""Items and the catalogue that holds them in order.

A catalogue is one Arrow table and an index from id to row. Everywhere else an item is its **position**
(row number) in the catalogue; ids are used at the edges only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

TEXTS_BLOCK = 4096

ITEM_SCHEMA = pa.schema(
    [
        pa.field("item_id", pa.string(), nullable=False),
        pa.field("title", pa.string()),
        pa.field("description", pa.string()),
        pa.field("image", pa.binary()),  # encoded JPEG, PNG or WebP; null where there is none or it is broken
        pa.field("price", pa.float64()),
        pa.field("currency", pa.string()),
        pa.field("brand", pa.string()),
        pa.field("category", pa.list_(pa.string())),  # from broad to narrow
        pa.field("attributes", pa.map_(pa.string(), pa.string())),  # colour, material, pattern, style, …
        pa.field("availability", pa.string()),  # in_stock, out_of_stock, preorder, backorder, withdrawn
        pa.field("created_at", pa.timestamp("us", tz="UTC")),
    ]
)


WITHDRAWN = "withdrawn"
NOT_SOLD = ("out_of_stock", WITHDRAWN)
LISTED = 100_000  # items; up to so many are kept as Python rows, five times as quick to read as Arrow's


@dataclass(frozen=True, slots=True)
class Item:
    """One thing of a catalogue; an id and at least one of title and image are mandatory."""

    item_id: str
    title: str = ""
    description: str = ""
    image: bytes | None = None
    price: float | None = None
    currency: str = ""
    brand: str = ""
    category: tuple[str, ...] = ()
    attributes: Mapping[str, str] = field(default_factory=dict)
    availability: str = "in_stock"
    created_at: datetime | None = None

    def as_row(self) -> dict[str, Any]:
        """The item as one row of `ITEM_SCHEMA`; attributes sorted, so that equal items are equal rows."""
        return {
            "item_id": self.item_id,
            "title": self.title,
            "description": self.description,
            "image": self.image,
            "price": self.price,
            "currency": self.currency,
            "brand": self.brand,
            "category": list(self.category),
            "attributes": sorted(self.attributes.items()),
            "availability": self.availability,
            "created_at": self.created_at,
        }


class Catalogue:
    """Items in a fixed order, with their positions."""

    def __init__(self, table: pa.Table) -> None:
        columns = table.select(ITEM_SCHEMA.names).cast(ITEM_SCHEMA)
        # All but the pictures in one piece: joining those would copy them into memory.
        joined = columns.drop_columns(["image"]).combine_chunks()
        place = ITEM_SCHEMA.get_field_index("image")
        self.table = joined.add_column(place, ITEM_SCHEMA.field("image"), columns["image"])

    @classmethod
    def of(cls, items: Iterable[Item]) -> Catalogue:
        return cls(pa.Table.from_pylist([item.as_row() for item in items], schema=ITEM_SCHEMA))

    def __len__(self) -> int:
        return int(self.table.num_rows)

    @cached_property
    def launched(self) -> np.ndarray:
        """When each item came, (items,) int64 microseconds since 1970; the least number where unknown."""
        times: np.ndarray = (
            self.table["created_at"].cast("int64").fill_null(np.iinfo(np.int64).min).to_numpy()
        )
        return times

    def __contains__(self, item_id: object) -> bool:
        return item_id in self.position

    @cached_property
    def ids(self) -> list[str]:
        ids: list[str] = self.table["item_id"].to_pylist()
        return ids

    @cached_property
    def position(self) -> dict[str, int]:
        """Row number of each item id."""
        return {item_id: row for row, item_id in enumerate(self.ids)}

    @cached_property
    def prices(self) -> np.ndarray:
        """Prices, (items,) float64, NaN where an item has none."""
        prices: np.ndarray = self.table["price"].fill_null(np.nan).to_numpy()
        return prices

    @cached_property
    def available(self) -> np.ndarray:
        """Whether each item can be bought now, (items,) bool."""
        states = self.table["availability"].fill_null("in_stock")
        available: np.ndarray = pc.invert(pc.is_in(states, pa.array(NOT_SOLD, pa.string()))).to_numpy()
        return available

    @cached_property
    def withdrawn(self) -> np.ndarray:
        """Whether each item was taken out of the shop, (items,) bool: it may not be shown at all."""
        gone: np.ndarray = pc.equal(self.table["availability"], WITHDRAWN).fill_null(False).to_numpy()
        return gone

    def by_ids(self, ids: Sequence[str]) -> Catalogue:
        """Items in the order of `ids`; one that is not held is there, withdrawn, with nothing but its id."""
        if self.ids == ids:
            return self
        if self.ids[: len(ids)] == ids:
            return Catalogue(self.table.slice(0, len(ids)))
        rows = [self.position.get(item_id) for item_id in ids]
        gone = [Item(ids[k], availability=WITHDRAWN) for k, row in enumerate(rows) if row is None]
        table = pa.concat_tables([self.table, Catalogue.of(gone).table])
        places = iter(range(len(self), len(self) + len(gone)))
        order = [next(places) if row is None else row for row in rows]
        return Catalogue(table.take(pa.array(order, pa.int64())))

    def has_pictures_of(self, other: Catalogue) -> bool:
        """Whether every picture is the very memory of the other's, so that it need not be written again."""
        mine, theirs = self.table["image"].chunks, other.table["image"].chunks
        return len(mine) == len(theirs) and all(map(_is_same_memory, mine, theirs))

    def updated(self, fresh: Catalogue) -> Catalogue:
        """With the items of `fresh` in the places of those with the same ids, and new ones at the end."""
        places = [self.position.get(item_id, -1) for item_id in fresh.ids]
        order, new = np.arange(len(self)), [row for row, place in enumerate(places) if place < 0]
        for row, place in enumerate(places):
            if place >= 0:
                order[place] = len(self) + row
        order = np.concatenate([order, len(self) + np.array(new, np.int64)])
        old_and_new = pa.concat_tables([part.table.drop_columns(["image"]) for part in (self, fresh)])
        facts = old_and_new.take(pa.array(order))
        images = _in_places(self.table["image"], fresh.table["image"], np.array(places, np.int64))
        return Catalogue(facts.append_column(ITEM_SCHEMA.field("image"), images))

    def in_category(self, name: str) -> np.ndarray:
        """Items with a name anywhere in their category path, in any case, (items,) bool."""
        names, rows = self._categories
        found = np.zeros(len(self), bool)
        found[rows[pc.equal(names, name.casefold()).fill_null(False).to_numpy(zero_copy_only=False)]] = True
        return found

    @cached_property
    def _categories(self) -> tuple[pa.Array, np.ndarray]:
        """Every name of every category path, in lower case, and the item that has it."""
        lists = self.table["category"].combine_chunks()
        return pc.utf8_lower(lists.flatten()), pc.list_parent_indices(lists).to_numpy()

    @cached_property
    def _rows(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.table.drop_columns(["image"]).to_pylist()
        return rows

    def _row(self, position: int) -> dict[str, Any]:
        if len(self) <= LISTED:
            return self._rows[position]
        row: dict[str, Any] = self.table.drop_columns(["image"]).slice(position, 1).to_pylist()[0]
        return row

    def title(self, position: int) -> str:
        """Give an item's title, empty where it has none; quicker than the whole `item`."""
        if len(self) <= LISTED:
            return self._rows[position]["title"] or ""
        return self.table["title"][position].as_py() or ""

    def item(self, position: int) -> Item:
        """The item at a position, without its image bytes (see `image`)."""
        return _item_of(self._row(position))

    def items_at(self, positions: np.ndarray) -> list[Item]:
        """The items at some positions (n,) int, without their image bytes; quicker than one by one."""
        if len(self) <= LISTED:
            return [_item_of(self._rows[position]) for position in positions.tolist()]
        facts = self.table.drop_columns(["image"]).take(pa.array(positions))
        return [_item_of(row) for row in facts.to_pylist()]

    def items(self) -> Iterator[Item]:
        """All items in order, without their pictures, made a block at a time."""
        facts = self.table.drop_columns(["image"])
        for start in range(0, len(self), TEXTS_BLOCK):
            yield from map(_item_of, facts.slice(start, TEXTS_BLOCK).to_pylist())

    def image(self, position: int) -> bytes | None:
        """Encoded picture of the item at a position, if it has one."""
        value: bytes | None = self.table["image"][position].as_py()
        return value

    def texts(self, positions: np.ndarray) -> Iterator[str]:
        """What a text encoder reads of the items at some positions (n,) int, made a block at a time."""
        facts = self.table.drop_columns(["image"])
        for start in range(0, len(positions), TEXTS_BLOCK):
            block = facts.take(pa.array(positions[start : start + TEXTS_BLOCK]))
            yield from (_text_of(_item_of(row)) for row in block.to_pylist())

    def text(self, position: int) -> str:
        """What a text encoder reads of an item: title, category, attributes, description."""
        return _text_of(self.item(position))


def _is_same_memory(one: pa.Array, other: pa.Array) -> bool:
    places = [
        (chunk.offset, len(chunk), [buffer and buffer.address for buffer in chunk.buffers()])
        for chunk in (one, other)
    ]
    return bool(places[0] == places[1])


def _in_places(images: pa.ChunkedArray, fresh: pa.ChunkedArray, places: np.ndarray) -> pa.ChunkedArray:
    """Pictures of items (n,) after those of m fresh ones took their places (m,), -1 for the end.

    Only chunks in which a picture changes are built again: the others may lie in a file of any size.
    """
    chunks, start = [], 0
    for chunk in images.chunks:
        rows = np.flatnonzero((places >= start) & (places < start + len(chunk)))
        row_at = dict(zip((places[rows] - start).tolist(), rows.tolist(), strict=True))
        changed = {place: fresh[row] for place, row in row_at.items() if not fresh[row].equals(chunk[place])}
        if changed:
            values = [changed.get(place, value).as_py() for place, value in enumerate(chunk)]
            chunk = pa.array(values, ITEM_SCHEMA.field("image").type)
        chunks.append(chunk)
        start += len(chunk)
    added = [fresh[row].as_py() for row in np.flatnonzero(places < 0).tolist()]
    if added:
        chunks.append(pa.array(added, ITEM_SCHEMA.field("image").type))
    return pa.chunked_array(chunks, ITEM_SCHEMA.field("image").type)


def _item_of(row: Mapping[str, Any]) -> Item:
    return Item(
        item_id=row["item_id"],
        title=row["title"] or "",
        description=row["description"] or "",
        price=row["price"],
        currency=row["currency"] or "",
        brand=row["brand"] or "",
        category=tuple(row["category"] or ()),
        attributes=dict(row["attributes"] or ()),
        availability=row["availability"] or "in_stock",
        created_at=row["created_at"],
    )


def _text_of(item: Item) -> str:
    facts = ", ".join(f"{name}: {value}" for name, value in sorted(item.attributes.items()))
    parts = [item.title, item.brand, " > ".join(item.category), facts, item.description]
    return ". ".join(part for part in parts if part)
