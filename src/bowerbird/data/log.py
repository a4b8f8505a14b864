"""The append-only event log: the truth that every state is rebuilt from.

Two kinds of files. **Segments** are immutable Parquet files, one per import. The **tail** is a JSON-lines
file that a server appends to, one line an event, flushed to the disk before the event counts as accepted; a
last line cut by a crash is ignored and overwritten. An event counts once, by its `event_id`, however often it
arrives.

`forget` is the one thing that rewrites: it removes a person from every file and starts a new **generation**,
by which whoever keeps a snapshot of the log knows to rebuild it.
"""

from __future__ import annotations

import fcntl
import json
import os
import uuid
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bowerbird.data.events import EVENT_SCHEMA, Event
from bowerbird.errors import StoreError


class EventLog:
    """The log in one folder. Safe for several processes: appends take a lock, readers need none."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._seen: set[str] | None = None
        self._seen_until: tuple[int, tuple[str, ...], int] | None = None

    # -- reading ------------------------------------------------------------------------------------------

    def read(self) -> pa.Table:
        """Every event once, in `EVENT_SCHEMA`, sorted by time (equal times by id)."""
        tables = [pq.read_table(path) for path in self._segments()]
        tables.append(_table_of(row for row, _ in self._tail_rows(0)))
        whole = pa.concat_tables([table.select(EVENT_SCHEMA.names).cast(EVENT_SCHEMA) for table in tables])
        return _first_of_each_id(whole).sort_by([("at", "ascending"), ("event_id", "ascending")])

    def tail_since(self, offset: int) -> tuple[list[Event], int]:
        """Events that were appended to the tail at or after a byte offset, and the offset to go on from."""
        events = []
        for row, end in self._tail_rows(offset):
            events.append(Event.from_row(row))
            offset = end
        return events, offset

    @property
    def tail_size(self) -> int:
        """Bytes of complete lines in the tail: the offset of the next event."""
        try:
            with (self.path / "tail.jsonl").open("rb") as file:
                size = file.seek(0, os.SEEK_END)
                for start in range(size, 0, -4096):  # backwards to the last line's end: the tail may be long
                    file.seek(max(0, start - 4096))
                    end = file.read(min(start, 4096)).rfind(b"\n")
                    if end >= 0:
                        return max(0, start - 4096) + end + 1
        except FileNotFoundError:
            pass
        return 0

    @property
    def generation(self) -> int:
        """Grows with every `forget` and import; a snapshot of an older generation must be rebuilt."""
        try:
            return int((self.path / "GENERATION").read_text())
        except FileNotFoundError:
            return 0

    def __len__(self) -> int:
        return int(self.read().num_rows)

    # -- writing ------------------------------------------------------------------------------------------

    def append(self, events: Sequence[Event]) -> list[Event]:
        """Append live events, durable when this returns; gives those that were new."""
        with _locked(self.path):
            seen = self._ids()
            fresh: list[Event] = []
            for event in events:
                if event.event_id not in seen:
                    seen.add(event.event_id)
                    fresh.append(event)
            if fresh:
                self._append_lines(fresh)
            self._seen_until = self._state()
        return fresh

    def _append_lines(self, events: Sequence[Event]) -> None:
        lines = b"".join(_line(event) for event in events)
        tail = self.path / "tail.jsonl"
        good = self.tail_size
        try:
            with tail.open("r+b" if tail.exists() else "w+b") as file:
                file.truncate(good)  # a line that a crash cut short
                file.seek(good)
                file.write(lines)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            self._seen = None
            if tail.exists():
                os.truncate(tail, good)
            raise StoreError(
                f"the event log {tail} can't be written ({error}); nothing was accepted"
            ) from error

    def add_segment(self, events: pa.Table) -> int:
        """Add a batch of events as one immutable segment; gives how many of them were new."""
        with _locked(self.path):
            old = pa.array(sorted(self._ids()), pa.string())
            fresh = _first_of_each_id(events.select(EVENT_SCHEMA.names).cast(EVENT_SCHEMA))
            fresh = fresh.filter(pc.invert(pc.is_in(fresh["event_id"], value_set=old)))
            if not fresh.num_rows:
                return 0
            name = f"segment-{len(self._segments()):06d}-{uuid.uuid4().hex[:6]}.parquet"
            self._write_segment(fresh, self.path / name)
            self._next_generation()
            self._seen = None
        return int(fresh.num_rows)

    def forget(self, user_id: str) -> int:
        """Remove every event of a person from every file; gives how many there were."""
        removed = 0
        with _locked(self.path):
            self._next_generation()  # before as well: a kill on the way must not leave a snapshot in force
            for left in self.path.glob(".*-*"):  # parts of files that a killed writer left
                left.unlink(missing_ok=True)
            for segment in self._segments():
                table = pq.read_table(segment)
                kept = table.filter(pc.not_equal(table["user_id"], user_id))
                if kept.num_rows < table.num_rows:
                    removed += table.num_rows - kept.num_rows
                    self._write_segment(kept, segment)
            rows = [row for row, _ in self._tail_rows(0)]
            others = [row for row in rows if row["user_id"] != user_id]
            removed += len(rows) - len(others)
            if len(others) < len(rows) or self._cut_line():
                beside = self.path / f".tail-{uuid.uuid4().hex[:6]}"
                beside.write_bytes(b"".join(_line(Event.from_row(row)) for row in others))
                beside.replace(self.path / "tail.jsonl")
            self._next_generation()
            self._seen = None
        return removed

    # -- inside -------------------------------------------------------------------------------------------

    def _segments(self) -> list[Path]:
        return sorted(self.path.glob("segment-*.parquet"))

    def _tail_rows(self, offset: int) -> Iterator[tuple[dict[str, Any], int]]:
        """Rows of complete lines from a byte offset on, each with the offset after it."""
        try:
            file = (self.path / "tail.jsonl").open("rb")
        except FileNotFoundError:
            return
        with file:
            file.seek(offset)
            for line in file:
                if not line.endswith(b"\n"):
                    return
                offset += len(line)
                row = json.loads(line)
                yield {**row, "at": datetime.fromisoformat(row["at"])}, offset

    def _cut_line(self) -> bool:
        """Whether the tail ends in a line that a crash cut short; it may name anybody."""
        tail = self.path / "tail.jsonl"
        return tail.exists() and tail.stat().st_size > self.tail_size

    def _state(self) -> tuple[int, tuple[str, ...], int]:
        tail = self.path / "tail.jsonl"
        size = tail.stat().st_size if tail.exists() else 0
        return self.generation, tuple(path.name for path in self._segments()), size

    def _ids(self) -> set[str]:
        """Ids of every logged event; kept in memory and read anew when another process has written."""
        if self._seen is None or self._seen_until != self._state():
            self._seen = {row["event_id"] for row, _ in self._tail_rows(0)}
            for segment in self._segments():
                self._seen.update(pq.read_table(segment, columns=["event_id"])["event_id"].to_pylist())
        return self._seen

    def _write_segment(self, table: pa.Table, path: Path) -> None:
        beside = path.with_name(f".{path.name}")
        try:
            pq.write_table(table, beside, compression="zstd")
            with beside.open("rb") as file:
                os.fsync(file.fileno())
            beside.replace(path)
        except OSError as error:
            raise StoreError(
                f"the event log {self.path} can't be written ({error}); nothing changed"
            ) from error
        finally:
            beside.unlink(missing_ok=True)

    def _next_generation(self) -> None:
        beside = self.path / f".generation-{uuid.uuid4().hex[:6]}"
        beside.write_text(str(self.generation + 1))
        beside.replace(self.path / "GENERATION")


class _locked:
    """Holds the log's write lock; the kernel lets go of it if the process dies."""

    def __init__(self, path: Path) -> None:
        path.mkdir(parents=True, exist_ok=True)
        self.file = (path / "LOCK").open("a")

    def __enter__(self) -> None:
        fcntl.flock(self.file, fcntl.LOCK_EX)

    def __exit__(self, *_: object) -> None:
        self.file.close()


def _line(event: Event) -> bytes:
    row = event.as_row()
    return json.dumps({**row, "at": event.at.isoformat()}, ensure_ascii=False).encode() + b"\n"


def _table_of(rows: Iterator[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(list(rows), schema=EVENT_SCHEMA)


def _first_of_each_id(table: pa.Table) -> pa.Table:
    numbered = table.append_column("row", pa.array(range(table.num_rows), pa.int64()))
    first = numbered.group_by("event_id", use_threads=False).aggregate([("row", "min")])["row_min"]
    return table.take(first.take(pc.sort_indices(first)))
