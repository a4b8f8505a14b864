"""What was shown: each item of each list that a server answered, with its position and propensity.

    exposures/exposures-20260131T120000000000-4711.parquet   written by one process, replaced until it is full

Exposures are not events: they are written some seconds late, and a kill loses those. Events name the list
they come from (`recommendation_id`), so that what came of an exposure can be read from the log.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection, Sequence
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bowerbird.data.files.durable import replacing
from bowerbird.data.files.locks import hold_lock

EXPOSURE_SCHEMA = pa.schema(
    [
        pa.field("recommendation_id", pa.string(), nullable=False),
        pa.field("at", pa.timestamp("us", tz="UTC"), nullable=False),
        pa.field("surface", pa.string(), nullable=False),
        pa.field("user_id", pa.string()),  # null for lists that are for nobody in particular
        pa.field("item_id", pa.string(), nullable=False),
        pa.field("position", pa.int32(), nullable=False),
        pa.field("propensity", pa.float64(), nullable=False),
        pa.field("score", pa.float64(), nullable=False),
        pa.field("source", pa.string()),
        pa.field("version_set", pa.int64(), nullable=False),
    ]
)
FOLDER = "exposures"
ROWS_PER_FILE = 50_000
MAX_FILES = 200
"""Files that are kept, ten million exposures; the oldest are removed."""
NEVER = datetime(1, 1, 2, tzinfo=UTC)
"""Before all exposures."""
Row = dict[str, Any]
"""One exposure: the fields of `EXPOSURE_SCHEMA`."""


class ExposureLog:
    """The exposures of one store. Safe to use from several threads and processes."""

    def __init__(self, store: Path) -> None:
        self.folder = store / FOLDER
        self._path = self._next_path()

    def append(self, rows: Sequence[Row]) -> None:
        """Write exposures; the caller holds `writing`. Raises `OSError` where the disk does not take them."""
        table = pa.Table.from_pylist(list(rows), schema=EXPOSURE_SCHEMA)
        if self._path.exists():
            before = pq.read_table(self._path)
            if before.num_rows < ROWS_PER_FILE:
                table = pa.concat_tables([before, table])
            else:
                self._path = self._next_path()
        _write(table, self._path)
        for path in self.paths()[:-MAX_FILES]:
            path.unlink(missing_ok=True)

    def _next_path(self) -> Path:
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
        return self.folder / f"exposures-{stamp}-{os.getpid()}.parquet"

    def writing(self) -> contextlib.AbstractContextManager[None]:
        """Hold the lock of all processes that change the files, waiting for it."""
        return hold_lock(self.folder / "LOCK")

    # -- reading and erasing ------------------------------------------------------------------------------

    def paths(self) -> list[Path]:
        """The files, oldest first."""
        return sorted(self.folder.glob("exposures-*.parquet"))

    def read(self) -> pa.Table:
        """Everything that was written, in `EXPOSURE_SCHEMA`."""
        return pa.concat_tables([EXPOSURE_SCHEMA.empty_table(), *map(pq.read_table, self.paths())])

    def read_days(self, n_days: int) -> pa.Table:
        """What was shown from the start of the last n days on, in `EXPOSURE_SCHEMA`; the last is that of the
        latest exposure. Older files are not read."""
        last_at = {path: _last_at(path) for path in self.paths()}
        last = max(last_at.values(), default=NEVER)
        first = datetime.combine(last, time.min, UTC) - timedelta(days=n_days - 1) if last > NEVER else NEVER
        tables = (
            pq.read_table(path, filters=pc.field("at") >= first)
            for path, last in last_at.items()
            if last >= first
        )
        return pa.concat_tables([EXPOSURE_SCHEMA.empty_table(), *tables])

    def read_latest(self, n_lists: int) -> pa.Table:
        """The files that hold the latest n lists, in `EXPOSURE_SCHEMA`; earlier ones are not read."""
        table = EXPOSURE_SCHEMA.empty_table()
        for last, path in sorted(((_last_at(path), path) for path in self.paths()), reverse=True):
            is_later = pc.greater(table["at"], pa.scalar(last, table["at"].type))
            if len(pc.unique(table["recommendation_id"].filter(is_later))) >= n_lists:
                break
            table = pa.concat_tables([table, pq.read_table(path)])
        return table

    def of_list(self, recommendation_id: str) -> pa.Table:
        """What one list showed, in `EXPOSURE_SCHEMA`."""
        condition = pc.field("recommendation_id") == recommendation_id
        tables = (pq.read_table(path, filters=condition) for path in self.paths())
        return pa.concat_tables([EXPOSURE_SCHEMA.empty_table(), *tables])

    def of_user(self, user_ids: Collection[str]) -> pa.Table:
        """What was shown to a user with some ids, in `EXPOSURE_SCHEMA`."""
        condition = pc.field("user_id").isin(list(user_ids))
        tables = (pq.read_table(path, filters=condition) for path in self.paths())
        return pa.concat_tables([EXPOSURE_SCHEMA.empty_table(), *tables])

    def names(self, user_id: str) -> bool:
        """Whether anything names a user."""
        return bool(self.of_user([user_id]).num_rows)

    def forget(self, users: Collection[str]) -> None:
        """Remove users from every file."""
        if not self.folder.exists():
            return
        with self.writing():
            for path in self.paths():
                table = pq.read_table(path)
                is_erased = pc.is_in(table["user_id"], pa.array(list(users), pa.string()))
                if pc.any(is_erased).as_py():
                    _write(table.filter(pc.invert(is_erased)), path)
            for leftover in self.folder.glob(".exposures-*"):  # of killed writers
                leftover.unlink(missing_ok=True)


def _last_at(path: Path) -> datetime:
    """The time of a file's latest exposure, from its footer; `NEVER` where it holds none any more."""
    metadata, column = pq.read_metadata(path), EXPOSURE_SCHEMA.get_field_index("at")
    groups = [metadata.row_group(group).column(column) for group in range(metadata.num_row_groups)]
    return max((group.statistics.max for group in groups if group.is_stats_set), default=NEVER)


def _write(table: pa.Table, path: Path) -> None:
    with replacing(path) as temporary:
        pq.write_table(table, temporary, compression="zstd")
