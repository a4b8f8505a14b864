"""What a reader yields: drafts of items, events, collections, and rows that it could not use."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bowerbird.data.collections import Collection
from bowerbird.data.events import Event
from bowerbird.data.items import Item


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


Record = ItemDraft | EventDraft | CollectionDraft | Refused
Records = Iterator[Record]
