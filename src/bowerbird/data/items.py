"""Items and the catalogue that holds them in order.

A catalogue is one Arrow table and an index from id to row. Everywhere else an item is its **position**
(row number) in the catalogue; ids are used at the edges only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bowerbird.data.pictures import Pictures

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
        pa.field("availability", pa.string()),  # in_stock, out_of_stock, preorder, backorder
        pa.field("created_at", pa.timestamp("us", tz="UTC")),
    ]
)


FACTS_SCHEMA = ITEM_SCHEMA.remove(ITEM_SCHEMA.get_field_index("image"))
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

    def __init__(self, table: pa.Table, pictures: Pictures | None = None) -> None:
        """`table` holds `ITEM_SCHEMA`, or all of it but `image` where `pictures` reads that on demand."""
        self._facts = table.select(FACTS_SCHEMA.names).cast(FACTS_SCHEMA).combine_chunks()
        self._images = table["image"].cast(pa.binary()) if pictures is None else None
        self._pictures = pictures

    @classmethod
    def of(cls, items: Iterable[Item]) -> Catalogue:
        return cls(pa.Table.from_pylist([item.as_row() for item in items], schema=ITEM_SCHEMA))

    def __len__(self) -> int:
        return int(self._facts.num_rows)

    @property
    def table(self) -> pa.Table:
        """Everything, pictures included, in `ITEM_SCHEMA`."""
        images = self._pictures.column() if self._pictures is not None else self._images
        place = ITEM_SCHEMA.get_field_index("image")
        return self._facts.add_column(place, ITEM_SCHEMA.field(place), images)

    @cached_property
    def launched(self) -> np.ndarray:
        """When each item came, (items,) int64 microseconds since 1970; the least number where unknown."""
        times: np.ndarray = (
            self._facts["created_at"].cast("int64").fill_null(np.iinfo(np.int64).min).to_numpy()
        )
        return times

    def __contains__(self, item_id: object) -> bool:
        return item_id in self.position

    @cached_property
    def ids(self) -> list[str]:
        ids: list[str] = self._facts["item_id"].to_pylist()
        return ids

    @cached_property
    def position(self) -> dict[str, int]:
        """Row number of each item id."""
        return {item_id: row for row, item_id in enumerate(self.ids)}

    @cached_property
    def prices(self) -> np.ndarray:
        """Prices, (items,) float64, NaN where an item has none."""
        prices: np.ndarray = self._facts["price"].fill_null(np.nan).to_numpy()
        return prices

    @cached_property
    def available(self) -> np.ndarray:
        """Whether each item can be bought now, (items,) bool."""
        kept = pc.not_equal(self._facts["availability"].fill_null("in_stock"), "out_of_stock")
        available: np.ndarray = kept.to_numpy()
        return available

    @cached_property
    def _rows(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self._facts.to_pylist()
        return rows

    def _row(self, position: int) -> dict[str, Any]:
        if len(self) <= LISTED:
            return self._rows[position]
        row: dict[str, Any] = self._facts.slice(position, 1).to_pylist()[0]
        return row

    def item(self, position: int) -> Item:
        """The item at a position, without its image bytes (see `image`)."""
        row = self._row(position)
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

    def image(self, position: int) -> bytes | None:
        """Encoded picture of the item at a position, if it has one."""
        if self._pictures is not None:
            return self._pictures.at(position)
        assert self._images is not None
        value: bytes | None = self._images[position].as_py()
        return value

    def text(self, position: int) -> str:
        """What a text encoder reads of an item: title, category, attributes, description."""
        item = self.item(position)
        facts = ", ".join(f"{name}: {value}" for name, value in sorted(item.attributes.items()))
        parts = [item.title, item.brand, " > ".join(item.category), facts, item.description]
        return ". ".join(part for part in parts if part)
