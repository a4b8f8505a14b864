"""What a file would be imported as: its layout or a column map, and its first rows as they would be read."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from bowerbird.data.events import EVENT_SCHEMA
from bowerbird.data.readers.inputs.paths import data_files
from bowerbird.data.readers.inputs.table_batches import TableBatch, read_batches
from bowerbird.data.readers.layouts import FileLayout, read_files
from bowerbird.data.readers.recognition.layout import recognise
from bowerbird.data.readers.recognition.proposal import action_column, propose_column_map
from bowerbird.data.readers.recognition.samples import Sample, read_sample
from bowerbird.data.readers.records import (
    AliasDraft,
    CollectionDraft,
    EventBatch,
    EventDraft,
    ItemBatch,
    ItemDraft,
    Record,
    RejectedRow,
)
from bowerbird.errors import InputError

SHOWN_ROWS = 10
ACTION_ROWS = 5000
"""Rows whose actions are looked at."""


@dataclass(frozen=True)
class Inspection:
    """The outcome for one file or folder."""

    layout: str
    """Name for `bowerbird import`."""
    columns: str
    """A proposed column map in TOML; empty where the layout needs none."""
    rows: list[dict[str, Any]]
    """The first rows as they would be read; a rejected one has a `rejected` reason."""

    def as_dict(self) -> dict[str, Any]:
        """Give the fields as plain values."""
        return asdict(self)


def inspect(path: Path, shown: int = SHOWN_ROWS) -> Inspection:
    """Recognise a file and read its first rows. Raises `InputError` where it can't be read at all."""
    layout, column_map = recognise([path]), ""
    if layout is None or layout is FileLayout.PARQUET:
        layout, column_map = FileLayout.PARQUET, _propose(path)
    with tempfile.TemporaryDirectory() as folder:
        map_path = Path(folder) / "map.toml"
        map_path.write_text(column_map, encoding="utf-8")
        records = read_files(layout, [path], map_path if column_map else None)
        rows = [row for record in islice(records, shown) for row in _plain_rows(record, shown)]
    return Inspection(layout.value, column_map, rows[:shown])


def _propose(path: Path) -> str:
    sample, *others = map(read_sample, data_files([path]))
    if any(set(other.columns) != set(sample.columns) for other in others):
        raise InputError(f"{path} holds files with other columns: inspect its tables one by one")
    proposal = propose_column_map(sample.columns, _action_names(sample))
    if not proposal:
        columns = ", ".join(sample.columns) or f"none (it is {sample.form})"
        raise InputError(
            f"{path} is of no layout that is known, and its columns name neither items nor events: {columns}"
            ". Write a column map (see the how-to on imports), or rename the columns: items need item_id and "
            "title, events user_id, item_id and at"
        )
    return proposal


def _action_names(sample: Sample) -> Sequence[str]:
    column = action_column(sample.columns)
    if not column:
        return ()
    batch = next((b for b in read_batches(sample.path, (column,)) if isinstance(b, TableBatch)), None)
    values = batch.rows[column].slice(0, ACTION_ROWS).to_pylist() if batch is not None else []
    return list(dict.fromkeys(value for value in values if isinstance(value, str)))


def _plain_rows(record: Record, shown: int) -> list[dict[str, Any]]:
    """A record as plain fields, those without a value left out."""
    match record:
        case ItemDraft():
            picture = _describe(record.picture)
            rows = [{**asdict(record.item), "picture": picture}]
        case ItemBatch():
            return [row for draft in islice(record.drafts(), shown) for row in _plain_rows(draft, shown)]
        case EventDraft():
            rows = [record.event.as_row()]
        case EventBatch():
            rows = record.rows.slice(0, shown).select(EVENT_SCHEMA.names).to_pylist()
        case CollectionDraft():
            rows = [asdict(record.collection)]
        case AliasDraft():
            rows = [asdict(record.alias)]
        case RejectedRow():
            rows = [{"rejected": record.reason, "where": record.location}]
        case _:
            rows = []
    return [
        {name: value for name, value in row.items() if value not in (None, "", (), {}, b"")} for row in rows
    ]


def _describe(picture: Any) -> str:
    return (
        f"{len(picture):,} bytes" if isinstance(picture, bytes) else "" if picture is None else str(picture)
    )
