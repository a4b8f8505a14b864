"""Imported events: one immutable Parquet file an import, `segment-000012-a1b2c3.parquet`.

A segment is replaced only to remove users from it. Writing it is all or nothing; reading verifies the
checksum of every page, so that a damaged file raises an error that names it.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bowerbird.data.events import EVENT_SCHEMA, as_event_table
from bowerbird.data.files.durable import flush_folder
from bowerbird.data.logs.local.known_ids import NONE, KnownIds, split_digests, split_id_digests
from bowerbird.data.logs.rows import digest_id
from bowerbird.errors import StoreError

_BATCH_ROWS = 1 << 16  # rows of a segment in memory at a time while it is searched or rewritten


class Segments:
    """The segments in a log's folder. The callers of writing methods hold the log's lock."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    # -- reading ------------------------------------------------------------------------------------------

    def paths(self) -> list[Path]:
        """All segments, in the order of their imports."""
        return sorted(self.folder.glob("segment-*.parquet"))

    def next_number(self) -> int:
        """Number of the next import, larger than all earlier ones."""
        return 1 + max((segment_number(path) for path in self.paths()), default=-1)

    def count_rows(self) -> int:
        """Number of imported events, from the files' footers."""
        return sum(int(_open(path).metadata.num_rows) for path in self.paths())

    def tables(self) -> list[pa.Table]:
        """The events of every segment. Raises `StoreError` for a damaged one."""
        return [_read(path) for path in self.paths()]

    def tables_of(self, users: Collection[str]) -> Iterator[pa.Table]:
        """The events of some users in every segment, read in batches. Raises `StoreError` for a damaged
        one."""
        ids = pa.array(list(users), pa.string())
        for path in self.paths():
            try:
                if has_users(path, ids):
                    batches = map(_as_table, _open(path).iter_batches(_BATCH_ROWS))
                    yield pa.concat_tables([each.filter(pc.is_in(each["user_id"], ids)) for each in batches])
            except (OSError, pa.ArrowException) as error:
                raise _damaged(path, error) from error

    def known_ids(self) -> KnownIds:
        """Digests of all event ids, read from the segments themselves."""
        high, low = [], []
        for path in self.paths():
            for batch in _open(path).iter_batches(_BATCH_ROWS, columns=["event_id"]):
                halves = split_id_digests(pa.chunked_array([batch.column(0)]))
                high.append(halves[0])
                low.append(halves[1])
        return KnownIds.of(np.concatenate(high), np.concatenate(low)) if high else NONE

    # -- writing ------------------------------------------------------------------------------------------

    def add(self, events: pa.Table) -> None:
        """Write events as the next segment, whole or not at all."""
        name = f"segment-{self.next_number():06d}-{uuid.uuid4().hex[:6]}.parquet"
        path, building = self.folder / name, self.folder / f".{name}"
        self._write([events], building)
        building.replace(path)
        flush_folder(self.folder)

    def rewrite_without(self, segment: Path, users: pa.Array) -> RewrittenSegment | None:
        """Write a copy of a segment without some users next to it; None where it has no event of them.

        This may take minutes and needs no lock: the segment itself stays as it is.
        """
        if not len(users):
            return None
        file, event_ids = _open(segment), []
        for batch in file.iter_batches(_BATCH_ROWS, columns=["user_id", "event_id"]):
            event_ids += batch["event_id"].filter(pc.is_in(batch["user_id"], users)).to_pylist()
        if not event_ids:
            return None
        batches = (pa.Table.from_batches([batch]) for batch in file.iter_batches(_BATCH_ROWS))
        remaining = (table.filter(pc.invert(pc.is_in(table["user_id"], users))) for table in batches)
        replacement = segment.with_name(f".without-{segment.name}")
        self._write(map(as_event_table, remaining), replacement)
        return RewrittenSegment(
            segment, replacement, KnownIds.of(*split_digests(digest_id(event_id) for event_id in event_ids))
        )

    def _write(self, tables: Iterable[pa.Table], path: Path) -> None:
        try:
            with pq.ParquetWriter(path, EVENT_SCHEMA, compression="zstd", write_page_checksum=True) as file:
                for table in tables:
                    file.write_table(table)
            with path.open("rb") as written:
                os.fsync(written.fileno())
        except BaseException as error:
            path.unlink(missing_ok=True)
            if not isinstance(error, OSError):
                raise
            raise StoreError(
                f"the event log {self.folder} can't be written ({error}); nothing changed: free some space "
                "or fix the folder's permissions, and try again"
            ) from error


class RewrittenSegment(NamedTuple):
    """A segment, the file that will replace it, and the ids of the removed events."""

    path: Path
    replacement: Path
    removed_ids: KnownIds


def segment_number(segment: Path) -> int:
    """The number in a segment's file name."""
    return int(segment.name.split("-")[1])


def has_users(segment: Path, users: pa.Array) -> bool:
    """Whether a segment has an event of some users."""
    if not len(users):
        return False
    batches = _open(segment).iter_batches(_BATCH_ROWS, columns=["user_id"])
    return any(pc.any(pc.is_in(batch["user_id"], users)).as_py() for batch in batches)


def _as_table(batch: pa.RecordBatch) -> pa.Table:
    return as_event_table(pa.Table.from_batches([batch]))


def _open(path: Path) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(path, page_checksum_verification=True)
    except (OSError, pa.ArrowException) as error:
        raise _damaged(path, error) from error


def _read(path: Path) -> pa.Table:
    try:
        return as_event_table(_open(path).read())
    except (OSError, pa.ArrowException) as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> StoreError:
    return StoreError(
        f"{path} is damaged ({error}): restore it from a backup; or stop the processes that use the "
        "store, delete that file, and import its events again"
    )
