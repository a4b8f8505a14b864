"""The records that readers yield: drafts of items, events and collections, and rejected rows."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from bowerbird.data.arrays import IntArray
from bowerbird.data.collections import Collection
from bowerbird.data.events import Alias, Event
from bowerbird.data.items import Catalogue, Item
from bowerbird.data.readers.values.outcomes import Repair

SHOWN_CHARACTERS = 500  # of a rejected row, in the report


@dataclass(frozen=True, slots=True)
class ItemDraft:
    """An item as read, with a reference to its picture."""

    item: Item
    location: str
    """File and row number."""
    picture: bytes | Path | str | None = None
    """Encoded bytes, a file, or a URL."""
    repairs: tuple[Repair, ...] = ()
    """Fields that were left out, e.g. a price that is not a number."""


def repairs_as_row(kind: str, item_id: str, repairs: Sequence[Repair], location: str) -> RejectedRow:
    """What was left out of an accepted item or event (of an item), as a row of the report."""
    reasons = "; ".join(repair.description for repair in repairs)
    values = {"item_id": item_id} | {repair.field: repair.value for repair in repairs}
    fields = ", ".join(dict.fromkeys(repair.field for repair in repairs))
    return RejectedRow(kind, f"kept, without its {fields}: {reasons}", location, values)


@dataclass(frozen=True, slots=True)
class EventDraft:
    """An event as read."""

    event: Event
    location: str
    repairs: tuple[Repair, ...] = ()
    """Fields that were left out, e.g. a price that is not a number."""


class RowLocations(Sequence[str]):
    """File and number of each of n rows."""

    def __init__(self, file: str, numbers: IntArray) -> None:
        self._file, self._numbers = file, numbers

    def __len__(self) -> int:
        return len(self._numbers)

    def __getitem__(self, row: Any) -> Any:
        return f"{self._file}:{self._numbers[row]}"


@dataclass(frozen=True, slots=True)
class EventBatch:
    """Many events as read: an import checks them together, some ten times as fast as one by one."""

    rows: pa.Table
    """In `EVENT_SCHEMA`; an `event_id` that is null is derived from the rest."""
    locations: Sequence[str]
    """Of each row."""
    repairs: Mapping[int, tuple[Repair, ...]] = field(default_factory=dict)
    """Of the rows that have any, by their index."""


@dataclass(frozen=True, slots=True)
class ItemBatch:
    """Many items as read, like the drafts of each."""

    rows: pa.Table
    """In `ITEM_SCHEMA`, without pictures."""
    locations: Sequence[str]
    """Of each row."""
    pictures: Sequence[bytes | Path | str | None]
    """Of each row, as in a draft."""
    repairs: Mapping[int, tuple[Repair, ...]]
    """Of the rows that have any, by their index."""

    def drafts(self) -> Iterator[ItemDraft]:
        """The items one by one."""
        for index, item in enumerate(Catalogue(self.rows).items()):
            repairs = self.repairs.get(index, ())
            yield ItemDraft(item, self.locations[index], self.pictures[index], repairs)


@dataclass(frozen=True, slots=True)
class AliasDraft:
    """Two ids of one user, as read."""

    alias: Alias
    location: str


@dataclass(frozen=True, slots=True)
class IgnoredRow:
    """Valid rows that say nothing about an item, e.g. page calls, by what they are."""

    kind: str  # items, events or collections
    description: str
    count: int = 1
    """Rows that are so."""


@dataclass(frozen=True, slots=True)
class CollectionDraft:
    """A collection as read."""

    collection: Collection
    location: str
    extends_existing: bool = False
    """Whether its items are added to those in the store: a board that is logged save by save."""


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A row that can't be used, with the reason."""

    kind: str  # items, events or collections
    reason: str
    location: str
    row: Any

    def as_line(self) -> str:
        """The row as one line of JSON for the report, its content cut to `SHOWN_CHARACTERS`."""
        content = json.dumps(self.row, ensure_ascii=False, default=_describe)[:SHOWN_CHARACTERS]
        line = {"kind": self.kind, "reason": self.reason, "where": self.location, "row": content}
        return json.dumps(line, ensure_ascii=False) + "\n"


def _describe(value: Any) -> str:
    return f"{len(value)} bytes" if isinstance(value, bytes) else str(value)


class ParsedEvent(NamedTuple):
    """An event, and what was left out of it."""

    event: Event
    repairs: tuple[Repair, ...] = ()


Parsed = ParsedEvent | Alias | str
"""What a row says: an event, two ids of one user, or why it can't be used."""


def records_of(
    parsed: Iterable[Parsed], location: str, row: Any, description: str
) -> Iterator[EventDraft | AliasDraft | RejectedRow | IgnoredRow]:
    """What a row of events says: its events, aliases, and reasons (texts) why it can't be used.

    A row that says nothing is ignored, as what `description` names.
    """
    is_empty = True
    for outcome in parsed:
        is_empty = False
        if isinstance(outcome, str):
            yield RejectedRow("events", outcome, location, row)
        elif isinstance(outcome, Alias):
            yield AliasDraft(outcome, location)
        else:
            yield EventDraft(outcome.event, location, outcome.repairs)
    if is_empty:
        yield IgnoredRow("events", description)


Record = (
    ItemDraft | ItemBatch | EventDraft | EventBatch | AliasDraft | CollectionDraft | RejectedRow | IgnoredRow
)
Records = Iterator[Record]
