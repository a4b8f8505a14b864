"""The log in a store's own folder: Parquet for imports, SQLite for live events.

    segment-*.parquet   one immutable file an import
    known-*.ids         digests of the segments' event ids, sorted; made from them, and anew where it lacks
    live.db             live events, in order of arrival
    GENERATION, LOCK
    FORGETTING          empty; while users are being removed, and after that was cut short
    forgetting.lock     held by who removes users, one at a time

`forget_all` is the one thing that rewrites segments: it removes users from every file. It writes them anew
beside the old ones, which may take minutes; writers wait only while those take their places.
"""

from __future__ import annotations

import contextlib
import os
import threading
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bowerbird.data.durable import flush_folder, locked, write_atomically
from bowerbird.data.events import EVENT_SCHEMA, Event
from bowerbird.data.logs.contract import EventLog, LogMark
from bowerbird.data.logs.known_ids import NONE, KnownIds, first_of_each, halves_of, halves_of_ids
from bowerbird.data.logs.legacy_tail import TAIL, tail_rows
from bowerbird.data.logs.live import LiveEvents
from bowerbird.data.logs.rows import Row, digest_of, in_order, table_of
from bowerbird.errors import StoreError

_AT_ONCE = 1 << 16  # rows of a segment in memory at a time while it is searched or rewritten


class EmbeddedLog(EventLog):
    """The log in one folder of a local disk. Writers take turns by a lock, readers need none."""

    forget_adds = 2

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self._live = LiveEvents(path)
        self._opening = threading.Lock()
        self._looked_at_in = 0  # the process that has looked at what was there before it
        self._imported: tuple[int, KnownIds] | None = None  # with the generation that it is of

    # -- reading ------------------------------------------------------------------------------------------

    def read(self) -> pa.Table:
        self._look_first()
        return self._all()

    def _all(self) -> pa.Table:
        tables = [self._read_segment(path) for path in self._segments()]
        return in_order(pa.concat_tables([*tables, table_of(self._live.bodies())]))

    def tail_since(self, offset: int) -> tuple[list[Event], int]:
        self._look_first()
        return self._live.since(offset, self.generation)

    @property
    def tail_size(self) -> int:
        self._look_first()
        return self._live.last

    @property
    def mark(self) -> LogMark:
        self._look_first()
        return LogMark(self._live.last, self._next_segment())

    @property
    def generation(self) -> int:
        path = self.path / "GENERATION"
        try:
            return int(path.read_text())
        except FileNotFoundError:
            return 0
        except ValueError:
            raise StoreError(
                f"{path} holds no number: write one into it that is larger than it ever was, for example "
                "1000000; what was computed from the log is then computed anew"
            ) from None

    def __len__(self) -> int:
        self._look_first()
        return sum(self._rows_in(path) for path in self._segments()) + len(self._live)

    # -- writing ------------------------------------------------------------------------------------------

    def _commit(self, rows: Sequence[Row]) -> list[bool]:
        self._look_first()
        with self._locked():
            imported = self._imported_ids().place_of(*halves_of(row.digest for row in rows)) >= 0
            fresh = [row for row, held in zip(rows, imported, strict=True) if not held]
            maybe = iter(self._live.add(fresh, self.generation))
        return [not held and next(maybe) for held in imported]

    def add_segment(self, events: pa.Table) -> int:
        self._look_first()
        events = events.select(EVENT_SCHEMA.names).cast(EVENT_SCHEMA)
        high, low = halves_of_ids(events["event_id"])
        with self._locked():
            imported = self._imported_ids()
            fresh = first_of_each(high, low) & (imported.place_of(high, low) < 0)
            arriving = KnownIds.of(high, low)
            for chunk in self._live.known() if self._live.path.exists() else ():
                held = arriving.place_of(*chunk)
                held = held[held >= 0]
                gone = KnownIds(arriving.high[np.sort(held)], arriving.low[np.sort(held)])
                fresh &= gone.place_of(high, low) < 0
            count = int(fresh.sum())
            if not count:
                return 0
            name = f"segment-{self._next_segment():06d}-{uuid.uuid4().hex[:6]}.parquet"
            self._next_generation()  # before as well: a kill on the way must not leave a snapshot in force
            self._write_segment([events.filter(pa.array(fresh))], self.path / name)
            self._next_generation()
            self._keep_known(imported, plus=KnownIds.of(high[fresh], low[fresh]))
        return count

    def names_any(self, users: Mapping[str, LogMark]) -> bool:
        self._look_first()
        return (
            self._forgetting.exists()
            or any(self._names_in(segment, _users_in(segment, users)) for segment in self._segments())
            or self._live.names_any(_until(users))
        )

    def forget_all(self, users: Mapping[str, LogMark]) -> int:
        if not users or not self.names_any(users):
            return 0
        with self._locked("forgetting.lock"):
            now = self.mark  # what arrives from here on stays
            users = {user: LogMark(*map(min, mark, now)) for user, mark in users.items()}
            others = [self._without(path, _users_in(path, users)) for path in self._segments()]
            live = self._live.numbers_of(_until(users))
            with self._locked():
                return self._remove([one for one in others if one is not None], live)

    def _remove(self, rewritten: Sequence[_Rewritten], live: Sequence[int]) -> int:
        """Put rewritten segments in the places of the old ones, and remove live events."""
        gone, known, beside = NONE, self._imported_ids(), {one.beside for one in rewritten}
        self._replace(self._forgetting, b"")
        self._next_generation()
        for left in self.path.glob(".*-*"):  # parts of files that a killed writer left
            if left not in beside:
                left.unlink(missing_ok=True)
        for one in rewritten:
            one.beside.replace(one.segment)
            gone = gone.merged(one.gone)
        flush_folder(self.path)
        self._live.remove(live)
        self._next_generation()
        self._keep_known(known, minus=gone)
        self._forgetting.unlink()
        return len(gone) + len(live)

    @property
    def _forgetting(self) -> Path:
        return self.path / "FORGETTING"

    def close(self) -> None:
        self._live.close()
        self._imported, self._looked_at_in = None, 0

    # -- moving away --------------------------------------------------------------------------------------

    def move_to(self, add: Callable[[pa.Table], object]) -> None:
        """Hand all events to the `add` of a server's log, then remove them here.

        Removed, since a person would have to be erased from both. Killed on the way it is done again, and an
        event counts once. Nothing happens where the folder holds no events.
        """
        if not self._holds_files():
            return
        self._look_first()
        with self._locked():
            if self._holds_files():
                add(self._all())
                self.close()
                for files in ("segment-*.parquet", "known-*.ids", "live.db*", ".*-*"):
                    for path in self.path.glob(files):
                        path.unlink()
                flush_folder(self.path)

    def _holds_files(self) -> bool:
        return bool(self._segments()) or self._live.path.exists() or (self.path / TAIL).exists()

    # -- what was there before ----------------------------------------------------------------------------

    def _look_first(self) -> None:
        """Once a process: refuse a damaged write-ahead file, and take over the tail of an earlier version."""
        if self._looked_at_in == os.getpid() and not (self.path / TAIL).exists():
            return
        with self._opening:
            self._live.check_write_ahead(waiting=self._locked())
            if (self.path / TAIL).exists():
                with self._locked():
                    self._take_over_tail()
            self._looked_at_in = os.getpid()

    def _take_over_tail(self) -> None:
        tail = self.path / TAIL
        if tail.exists():
            imported = self._imported_ids()
            rows = list(tail_rows(tail))
            held = imported.place_of(*halves_of(row.digest for row in rows)) >= 0 if rows else ()
            fresh = [row for row, known in zip(rows, held, strict=True) if not known]
            self._live.add(fresh, self.generation)
            self._next_generation()  # offsets were bytes of that file
            tail.unlink()

    # -- segments -----------------------------------------------------------------------------------------

    def _segments(self) -> list[Path]:
        return sorted(self.path.glob("segment-*.parquet"))

    def _next_segment(self) -> int:
        """Number of the next import, larger than those before."""
        return 1 + max((_number_of(path) for path in self._segments()), default=-1)

    def _file(self, path: Path) -> pq.ParquetFile:
        try:
            return pq.ParquetFile(path, page_checksum_verification=True)
        except (OSError, pa.ArrowException) as error:
            raise self._damaged(path, error) from error

    def _rows_in(self, path: Path) -> int:
        return int(self._file(path).metadata.num_rows)

    def _read_segment(self, path: Path) -> pa.Table:
        try:
            return self._file(path).read().select(EVENT_SCHEMA.names).cast(EVENT_SCHEMA)
        except (OSError, pa.ArrowException) as error:
            raise self._damaged(path, error) from error

    def _damaged(self, path: Path, error: Exception) -> StoreError:
        return StoreError(
            f"{path} is damaged ({error}): restore it from a backup; or stop what uses the store, delete "
            "that file, and import its events again"
        )

    def _write_segment(self, tables: Iterable[pa.Table], path: Path) -> None:
        """Write tables as one file, whole or not at all."""
        beside = path.with_name(f".{path.name}")
        self._write_tables(tables, beside)
        beside.replace(path)
        flush_folder(self.path)

    def _write_tables(self, tables: Iterable[pa.Table], path: Path) -> None:
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
                f"the event log {self.path} can't be written ({error}); nothing changed: free some space or "
                "mend the folder's permissions, and try again"
            ) from error

    def _names_in(self, segment: Path, users: pa.Array) -> bool:
        if not len(users):
            return False
        batches = self._file(segment).iter_batches(_AT_ONCE, columns=["user_id"])
        return any(pc.any(pc.is_in(batch["user_id"], users)).as_py() for batch in batches)

    def _without(self, segment: Path, users: pa.Array) -> _Rewritten | None:
        """Write a segment without some users beside it; None where it does not name them."""
        if not len(users):
            return None
        file, theirs = self._file(segment), []
        for batch in file.iter_batches(_AT_ONCE, columns=["user_id", "event_id"]):
            theirs += batch["event_id"].filter(pc.is_in(batch["user_id"], users)).to_pylist()
        if not theirs:
            return None
        batches = (pa.Table.from_batches([batch]) for batch in file.iter_batches(_AT_ONCE))
        others = (table.filter(pc.invert(pc.is_in(table["user_id"], users))) for table in batches)
        beside = segment.with_name(f".without-{segment.name}")
        self._write_tables((table.cast(EVENT_SCHEMA) for table in others), beside)
        return _Rewritten(segment, beside, KnownIds.of(*halves_of(digest_of(one) for one in theirs)))

    # -- which ids were imported --------------------------------------------------------------------------

    def _imported_ids(self) -> KnownIds:
        """Digests of all segments' ids. Called under the lock: generation and segments belong together."""
        generation = self.generation
        if self._imported is None or self._imported[0] != generation:
            self._imported = (generation, self._known_of(generation))
        return self._imported[1]

    def _known_of(self, generation: int) -> KnownIds:
        segments = self._segments()
        try:
            known = KnownIds.mapped(self.path / f"known-{generation}.ids")
            if len(known) == sum(self._rows_in(path) for path in segments):
                return known
        except FileNotFoundError:
            if not segments:
                return NONE
        high, low = [], []
        for path in segments:
            for batch in self._file(path).iter_batches(_AT_ONCE, columns=["event_id"]):
                both = halves_of_ids(pa.chunked_array([batch.column(0)]))
                high.append(both[0])
                low.append(both[1])
        found = KnownIds.of(np.concatenate(high), np.concatenate(low)) if high else NONE
        self._keep_known(found)
        with contextlib.suppress(OSError):
            return KnownIds.mapped(self.path / f"known-{generation}.ids")
        return found  # no room to keep them

    def _keep_known(self, known: KnownIds, plus: KnownIds = NONE, minus: KnownIds = NONE) -> None:
        """Save digests under the generation in force; where there is no room, they are made anew later."""
        path = self.path / f"known-{self.generation}.ids"
        self._imported = None
        with contextlib.suppress(OSError):
            known.save_changed(path, plus, minus)
            for old in self.path.glob("known-*.ids"):
                if old != path:
                    old.unlink(missing_ok=True)

    # -- lock and generation ------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _locked(self, name: str = "LOCK") -> Iterator[None]:
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(locked(self.path, name))
            except OSError as error:
                raise StoreError(f"the event log {self.path} can't be written ({error})") from error
            yield

    def _next_generation(self) -> None:
        self._replace(self.path / "GENERATION", str(self.generation + 1).encode())

    def _replace(self, path: Path, content: bytes) -> None:
        try:
            write_atomically(path, content)
        except OSError as error:
            raise StoreError(
                f"the event log {self.path} can't be written ({error}): free some space and try again"
            ) from error


class _Rewritten(NamedTuple):
    """A segment, what is to take its place, and the ids of the events that leave."""

    segment: Path
    beside: Path
    gone: KnownIds


def _number_of(segment: Path) -> int:
    return int(segment.name.split("-")[1])


def _users_in(segment: Path, users: Mapping[str, LogMark]) -> pa.Array:
    """Those of the users who are to leave a segment, which was there before their marks."""
    number = _number_of(segment)
    return pa.array([user for user, mark in users.items() if number < mark.imported], pa.string())


def _until(users: Mapping[str, LogMark]) -> dict[str, int]:
    return {user: mark.live for user, mark in users.items()}
