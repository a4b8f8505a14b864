"""Furnished rooms as collections: items with pictures, and the items of each room."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bowerbird.data.collections import Collection
from bowerbird.data.items import Item
from bowerbird.data.readers.fields import find_file, parse_id, parse_text
from bowerbird.data.readers.inputs.tables import read_rows
from bowerbird.data.readers.records import CollectionDraft, ItemDraft, Records, RejectedRow


def read(paths: Sequence[Path]) -> Records:
    """Read items, then rooms, of each folder."""
    for folder in paths:
        for location, row in read_rows(find_file(folder, "items.parquet"), ("item_id", "name")):
            item_id = parse_id(row["item_id"])
            if not item_id:
                yield RejectedRow("items", "no item_id", location, row)
                continue
            attributes = {"type": row.get("type"), "colour": row.get("color"), "size": row.get("size")}
            item = Item(
                item_id,
                title=" ".join(
                    part for part in (parse_text(row["name"]), parse_text(row.get("type"))) if part
                ),
                description=parse_text(row.get("description")),
                category=("furniture", parse_text(row.get("type")))
                if parse_text(row.get("type"))
                else ("furniture",),
                attributes={
                    name: parse_text(value) for name, value in attributes.items() if parse_text(value)
                },
            )
            yield ItemDraft(item, location, row.get("image"))
        for location, row in read_rows(find_file(folder, "rooms.parquet"), ("room", "item_ids")):
            listed = row["item_ids"] if isinstance(row["item_ids"], list) else ()
            ids = tuple(dict.fromkeys(item_id for each in listed if (item_id := parse_id(each))))
            if not parse_text(row["room"]) or not ids:
                yield RejectedRow(
                    "collections", "no item_ids" if parse_text(row["room"]) else "no room", location, row
                )
                continue
            room = Collection(
                parse_text(row["room"]), ids, name=parse_text(row.get("room_type")), kind="room"
            )
            yield CollectionDraft(room, location)
