"""Collections: named sets of items made by a user or an editor (board, outfit, room, basket)."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

COLLECTION_SCHEMA = pa.schema(
    [
        pa.field("collection_id", pa.string(), nullable=False),
        pa.field("name", pa.string()),
        pa.field("kind", pa.string()),
        pa.field("user_id", pa.string()),
        pa.field("item_ids", pa.list_(pa.string()), nullable=False),
    ]
)


@dataclass(frozen=True, slots=True)
class Collection:
    """A named set of items; `user_id` is empty for an editor's collection."""

    collection_id: str
    item_ids: tuple[str, ...]
    name: str = ""
    kind: str = "board"
    user_id: str = ""
