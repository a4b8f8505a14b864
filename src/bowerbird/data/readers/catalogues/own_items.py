"""Items under bowerbird's own names, one JSON object a line, as `bowerbird items export` writes them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bowerbird.data.items import ITEM_SCHEMA, Item
from bowerbird.data.readers.fields import parse_text
from bowerbird.data.readers.inputs.json_objects import read_json_objects
from bowerbird.data.readers.records import ItemDraft, Records, RejectedRow
from bowerbird.data.readers.values.item_fields import ItemFields
from bowerbird.data.readers.values.outcomes import Repair

ITEM_FIELDS = frozenset(ITEM_SCHEMA.names) - {"image"}
_TEXTS = (
    *("title", "description", "currency", "brand", "link", "image_link", "gtin", "mpn", "group_id"),
    *("condition", "shipping", "returns", "language"),
)
_NUMBERS = ("price", "list_price", "sale_price", "rating")
_TIMES = ("created_at", "sale_starts", "sale_ends")


def read(paths: Sequence[Path]) -> Records:
    """Read the items of files."""
    for path in paths:
        for location, row in read_json_objects(path):
            if not isinstance(row, dict):
                yield RejectedRow("items", "not a JSON object", location, row)
            elif not parse_text(row.get("item_id")):
                yield RejectedRow("items", "no item_id", location, row)
            else:
                yield _item(row, location)


def _item(row: dict[str, Any], location: str) -> ItemDraft:
    fields = ItemFields()
    count = fields.count("rating_count", row.get("rating_count"))
    category, attributes = row.get("category"), row.get("attributes")
    pictures = row.get("additional_images")
    plain: dict[str, Any] = {name: parse_text(row.get(name)) for name in _TEXTS}
    plain |= {name: fields.number(name, row.get(name)) for name in _NUMBERS}
    plain |= {name: fields.time(name, row.get(name)) for name in _TIMES}
    item = Item(
        parse_text(row["item_id"]),
        category=tuple(_texts(category)),
        attributes={str(name): text for name, value in _pairs(attributes) if (text := parse_text(value))},
        availability=fields.availability("availability", row.get("availability")),
        additional_images=tuple(_texts(pictures)),
        rating_count=count,
        **plain,
    )
    repairs = [*fields.repairs, *_unread(row)]
    return ItemDraft(item, location, item.image_link or None, tuple(repairs))


def _unread(row: dict[str, Any]) -> list[Repair]:
    """Fields that an item does not have, or that hold another kind of value than it has."""
    kinds = {"category": list, "additional_images": list, "attributes": dict}
    unknown = [name for name in row if name not in ITEM_FIELDS]
    wrong = [name for name, kind in kinds.items() if not isinstance(row.get(name), kind | None)]
    nested = [name for name in _TEXTS if isinstance(row.get(name), dict | list | bool)]
    return [
        *(Repair.of(name[:40], row[name], "is no field of an item") for name in unknown),
        *(Repair.of(name, row[name], "is no list, or no object, as it should be") for name in wrong),
        *(Repair.of(name, row[name], "is no text") for name in nested),
    ]


def _texts(value: Any) -> list[str]:
    return [text for text in map(parse_text, value) if text] if isinstance(value, list) else []


def _pairs(value: Any) -> list[tuple[Any, Any]]:
    return list(value.items()) if isinstance(value, dict) else []
