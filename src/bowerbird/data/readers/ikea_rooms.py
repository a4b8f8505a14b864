"""Furnished rooms as collections: items with pictures, and which of them stand together in a room."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bowerbird.data.collections import Collection
from bowerbird.data.items import Item
from bowerbird.data.readers.fields import file_in, text_of
from bowerbird.data.readers.records import CollectionDraft, ItemDraft, Records, Refused
from bowerbird.data.readers.tables import rows_of


def read(paths: Sequence[Path]) -> Records:
    """Items, then rooms, of each folder."""
    for folder in paths:
        for where, row in rows_of(file_in(folder, "items.parquet"), ("item_id", "name")):
            item_id = text_of(row["item_id"])
            if not item_id:
                yield Refused("items", "no item_id", where, row)
                continue
            facts = {"type": row.get("type"), "colour": row.get("color"), "size": row.get("size")}
            item = Item(
                item_id,
                title=" ".join(part for part in (text_of(row["name"]), text_of(row.get("type"))) if part),
                description=text_of(row.get("description")),
                category=("furniture", text_of(row.get("type")))
                if text_of(row.get("type"))
                else ("furniture",),
                attributes={name: text_of(value) for name, value in facts.items() if text_of(value)},
            )
            yield ItemDraft(item, where, row.get("image"))
        for where, row in rows_of(file_in(folder, "rooms.parquet"), ("room", "item_ids")):
            ids = tuple(dict.fromkeys(text_of(item) for item in row["item_ids"] or () if text_of(item)))
            if not text_of(row["room"]) or not ids:
                yield Refused("collections", "no item_ids" if text_of(row["room"]) else "no room", where, row)
                continue
            room = Collection(text_of(row["room"]), ids, name=text_of(row.get("room_type")), kind="room")
            yield CollectionDraft(room, where)
