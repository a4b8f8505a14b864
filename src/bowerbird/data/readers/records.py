"""What a reader yields: drafts of items, events, collections, and rows that it could not use."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bowerbird.data.collections import Collection
from bowerbird.data.events import Event
from bowerbird.data.items import Item

SHOWN_CHARACTERS = 500  # of a refused row, in the report


@dataclass(frozen=True, slots=True)
class ItemDraft:
    """An item as read, its picture still where it was found."""

    item: Item
    where: str
    """File and row, to find it again."""
    picture: bytes | Path | str | None = None
    """Encoded bytes, a file, or an address on the web."""
    mended: tuple[str, ...] = ()
    """Why fields were left out of it, e.g. a price that is no number."""


@dataclass(frozen=True, slots=True)
class EventDraft:
    event: Event
    where: str


@dataclass(frozen=True, slots=True)
class CollectionDraft:
    collection: Collection
    where: str
    grows: bool = False
    """Whether its items add to those the store holds of it: a board, told of save by save."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A row that can't be used."""

    kind: str  # items, events or collections
    reason: str
    where: str
    row: Any

    def as_line(self) -> str:
        """The row as reports list it: one line of JSON, the row's own text cut to `SHOWN_CHARACTERS`."""
        shown = json.dumps(self.row, ensure_ascii=False, default=_short)[:SHOWN_CHARACTERS]
        line = {"kind": self.kind, "reason": self.reason, "where": self.where, "row": shown}
        return json.dumps(line, ensure_ascii=False) + "\n"


def _short(value: Any) -> str:
    return f"{len(value)} bytes" if isinstance(value, bytes) else str(value)


Record = ItemDraft | EventDraft | CollectionDraft | Refused
Records = Iterator[Record]
