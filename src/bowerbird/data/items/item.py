"""One item, and the schema of the table that holds many."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pyarrow as pa

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
        pa.field("link", pa.string()),
        pa.field("image_link", pa.string()),
        pa.field("additional_images", pa.list_(pa.string())),  # addresses of further pictures
        pa.field("list_price", pa.float64()),  # where there is a sale price: the price outside of its dates
        pa.field("sale_price", pa.float64()),
        pa.field("sale_starts", pa.timestamp("us", tz="UTC")),
        pa.field("sale_ends", pa.timestamp("us", tz="UTC")),
        pa.field("rating", pa.float64()),
        pa.field("rating_count", pa.int64()),
        pa.field("gtin", pa.string()),
        pa.field("mpn", pa.string()),
        pa.field("group_id", pa.string()),  # of the variants (sizes, colours) of one article
        pa.field("condition", pa.string()),  # new, refurbished, used
        pa.field("shipping", pa.string()),
        pa.field("returns", pa.string()),
        pa.field("language", pa.string()),
    ]
)
TEXT_FIELDS = ("item_id", "title", "description", "brand", "category", "attributes", "created_at")
"""What is encoded or trained on; other fields change without new vectors."""
FURTHER_FIELDS = tuple(ITEM_SCHEMA.names[ITEM_SCHEMA.get_field_index("created_at") + 1 :])
"""Fields that many catalogues do not have."""
_FURTHER_TEXTS = tuple(
    name
    for name in FURTHER_FIELDS
    if name == "additional_images" or pa.types.is_string(ITEM_SCHEMA.field(name).type)
)
N_USUAL_COLUMNS = len(ITEM_SCHEMA) - len(FURTHER_FIELDS) - 1  # without the image
WITHDRAWN = "withdrawn"
NOT_SOLD = ("out_of_stock", WITHDRAWN)


@dataclass(frozen=True, slots=True)
class Item:
    """One item of a catalogue; an id and at least one of title and image are mandatory."""

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
    link: str = ""
    image_link: str = ""
    additional_images: tuple[str, ...] = ()
    """Addresses of further pictures."""
    list_price: float | None = None
    """Price outside of the sale; None where there is no sale price."""
    sale_price: float | None = None
    """In force from `sale_starts` to before `sale_ends`, or always where these are None."""
    sale_starts: datetime | None = None
    sale_ends: datetime | None = None
    rating: float | None = None
    rating_count: int | None = None
    gtin: str = ""
    mpn: str = ""
    group_id: str = ""
    """The same for all variants (sizes, colours) of an article."""
    condition: str = ""
    shipping: str = ""
    returns: str = ""
    language: str = ""

    @property
    def on_sale(self) -> bool:
        """Whether its price is below its list price now."""
        return self.price is not None and self.list_price is not None and self.price < self.list_price

    def as_row(self) -> dict[str, Any]:
        """The item as one row of `ITEM_SCHEMA`; attributes sorted, so that equal items are equal rows."""
        row = {name: getattr(self, name) for name in ITEM_SCHEMA.names}
        row |= {name: row[name] or None for name in FURTHER_FIELDS if row[name] in ("", ())}
        return row | {
            "category": list(self.category),
            "attributes": sorted(self.attributes.items()),
            "additional_images": list(self.additional_images) or None,
        }


def table_of(items: Sequence[Item], images: Sequence[bytes | None] | None = None) -> pa.Table:
    """Items as rows of `ITEM_SCHEMA`, like `Item.as_row`; `images`, of each, in the place of theirs."""
    columns = {name: [getattr(item, name) for item in items] for name in ITEM_SCHEMA.names}
    columns |= {name: [value or None for value in columns[name]] for name in _FURTHER_TEXTS}
    columns["attributes"] = [sorted(attributes.items()) for attributes in columns["attributes"]]
    columns["image"] = columns["image"] if images is None else list(images)
    arrays = [pa.array(columns[field.name], field.type) for field in ITEM_SCHEMA]
    return pa.table(arrays, schema=ITEM_SCHEMA)


def with_all_columns(table: pa.Table) -> pa.Table:
    """The columns of `ITEM_SCHEMA`; those that an older store does not have are null."""
    for column in ITEM_SCHEMA:
        if column.name not in table.column_names:
            table = table.append_column(column, pa.nulls(len(table), column.type))
    return table.select(ITEM_SCHEMA.names).cast(ITEM_SCHEMA)


def item_from_row(row: Mapping[str, Any]) -> Item:
    """An item of a row; further columns, which a row need not have, are in `FURTHER_FIELDS`."""
    further: dict[str, Any] = {}
    if len(row) > N_USUAL_COLUMNS:
        for name in FURTHER_FIELDS:
            if row.get(name) is not None:
                further[name] = tuple(row[name]) if name == "additional_images" else row[name]
    return Item(
        row["item_id"],
        row["title"] or "",
        row["description"] or "",
        None,
        row["price"],
        row["currency"] or "",
        row["brand"] or "",
        tuple(row["category"] or ()),
        dict(row["attributes"] or ()),
        row["availability"] or "in_stock",
        row["created_at"],
        **further,
    )


def encoder_text(item: Item) -> str:
    """What a text encoder reads of an item: title, brand, category, attributes, description."""
    attributes = ", ".join(f"{name}: {value}" for name, value in sorted(item.attributes.items()))
    parts = [item.title, item.brand, " > ".join(item.category), attributes, item.description]
    return ". ".join(part for part in parts if part)
