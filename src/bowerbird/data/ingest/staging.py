"""What an import has read so far, on disk: memory stays flat, and a killed import can be continued.

`importing/` in the store's folder holds parts of accepted items and events, the list of rejected rows, and
`checkpoint.json`: up to which record of which files they reach. Nothing of it is in force. It is removed when
the import is published, when its files changed, and by an erasure, since it may name users.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from bowerbird.data.events import EVENT_SCHEMA
from bowerbird.data.files.records import read_record, write_record
from bowerbird.data.ingest.summary import ImportSummary
from bowerbird.data.items import ITEM_SCHEMA
from bowerbird.data.readers.records import RejectedRow
from bowerbird.errors import StoreError

FOLDER = "importing"
CHECKPOINT_FILE = "checkpoint.json"
REJECTED_FILE = "rejected.jsonl"
MAX_PART_EVENTS = 1_000_000
COMPRESSED = pa.ipc.IpcWriteOptions(compression="zstd")
"""Arrow's own form takes a third of the time of Parquet, and half as much disk again."""
MAX_LISTED = 1_000_000
"""Rejected rows that are listed; further ones are only counted, so that a report can't fill the disk."""


@dataclass(frozen=True)
class Checkpoint:
    """How far an import had come."""

    files: str
    """Fingerprint of the imported files, the layout and the catalogue."""
    records: int
    """Records that the parts hold."""
    summary: ImportSummary
    parts: dict[str, int]
    """Finished parts of each kind."""
    rejected_bytes: int
    rejected_rows: int


@dataclass
class Staging:
    """The folder of one import. The caller holds the store's lock."""

    folder: Path
    files: str
    parts: dict[str, int] = field(default_factory=lambda: {"items": 0, "events": 0})
    rejected_rows: int = 0

    def __post_init__(self) -> None:
        self._writers: dict[str, pa.RecordBatchFileWriter] = {}
        self._event_rows = 0
        self._rejected_bytes = 0

    @classmethod
    def open(cls, store_path: Path, files: str) -> tuple[Staging, Checkpoint | None]:
        """The staging folder for some files, and the checkpoint of an interrupted import of the same."""
        staging, checkpoint = cls(store_path / FOLDER, files), None
        if (staging.folder / CHECKPOINT_FILE).exists():
            try:
                checkpoint = read_record(staging.folder / CHECKPOINT_FILE, Checkpoint)
            except StoreError:
                checkpoint = None
        if checkpoint is None or checkpoint.files != files or not staging._has_parts(checkpoint.parts):
            staging.drop()
            staging.folder.mkdir()
            return staging, None
        staging._continue_from(checkpoint)
        return staging, checkpoint

    def _has_parts(self, parts: Mapping[str, int]) -> bool:
        """Whether all finished parts are there: older versions wrote files of another form."""
        return all(path.exists() for path in self._part_paths(parts))

    def _continue_from(self, checkpoint: Checkpoint) -> None:
        self.parts = dict(checkpoint.parts)
        finished = set(self._part_paths(self.parts))
        for path in self.folder.glob("*.arrow"):
            if path not in finished:
                path.unlink()
        self.rejected_rows, self._rejected_bytes = checkpoint.rejected_rows, checkpoint.rejected_bytes
        if self.rejected_rows:
            with (self.folder / REJECTED_FILE).open("r+b") as file:
                file.truncate(self._rejected_bytes)

    # -- writing ------------------------------------------------------------------------------------------

    def add_items(self, rows: pa.Table) -> None:
        """Add items in `ITEM_SCHEMA`."""
        self._writer("items", ITEM_SCHEMA).write_table(rows)

    def add_events(self, rows: pa.Table) -> None:
        """Add events in `EVENT_SCHEMA`."""
        self._writer("events", EVENT_SCHEMA).write_table(rows)
        self._event_rows += rows.num_rows
        if self._event_rows >= MAX_PART_EVENTS:
            self._finish_part("events")

    def reject(self, row: RejectedRow) -> None:
        """List a rejected row."""
        if self.rejected_rows < MAX_LISTED:
            with (self.folder / REJECTED_FILE).open("ab") as file:
                self._rejected_bytes += file.write(row.as_line().encode(errors="replace"))
            self.rejected_rows += 1

    def checkpoint(self, records: int, summary: ImportSummary) -> None:
        """Finish the parts, and record that they hold `records` records."""
        for kind in list(self._writers):
            self._finish_part(kind)
        state = Checkpoint(self.files, records, summary, self.parts, self._rejected_bytes, self.rejected_rows)
        write_record(self.folder / CHECKPOINT_FILE, state)

    def _writer(self, kind: str, schema: pa.Schema) -> pa.RecordBatchFileWriter:
        if kind not in self._writers:
            path = str(self._part_path(kind, self.parts[kind]))
            self._writers[kind] = pa.ipc.new_file(path, schema, options=COMPRESSED)
        return self._writers[kind]

    def _finish_part(self, kind: str) -> None:
        self._writers.pop(kind).close()
        self.parts[kind] += 1
        if kind == "events":
            self._event_rows = 0

    # -- reading ------------------------------------------------------------------------------------------

    def item_batches(self) -> Iterator[pa.Table]:
        """The items, some thousand at a time."""
        for number in range(self.parts["items"]):
            with pa.memory_map(str(self._part_path("items", number))) as file:
                batches = pa.ipc.open_file(file)
                for index in range(batches.num_record_batches):
                    yield pa.Table.from_batches([batches.get_batch(index)])

    def event_parts(self) -> Iterator[pa.Table]:
        """The events, a part at a time."""
        for number in range(self.parts["events"]):
            with pa.memory_map(str(self._part_path("events", number))) as file:
                yield pa.ipc.open_file(file).read_all()

    def move_rejected(self, to: Path) -> bool:
        """Move the list of rejected rows; False where there is none."""
        if not self.rejected_rows:
            return False
        shutil.move(self.folder / REJECTED_FILE, to)
        return True

    def drop(self) -> None:
        """Remove everything."""
        for writer in self._writers.values():
            with contextlib.suppress(OSError):  # closing writes: on a full disk it fails again
                writer.close()
        self._writers.clear()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _part_path(self, kind: str, number: int) -> Path:
        return self.folder / f"{kind}-{number:05d}.arrow"

    def _part_paths(self, parts: Mapping[str, int]) -> Iterator[Path]:
        return (self._part_path(kind, number) for kind, n in parts.items() for number in range(n))


def drop_staged(store_path: Path) -> None:
    """Remove what an interrupted import left: it may name users. The import then starts anew."""
    shutil.rmtree(store_path / FOLDER, ignore_errors=True)
