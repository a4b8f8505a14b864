"""The log in a store's own folder: Parquet for imports, SQLite for live events.

    segment-*.parquet   one immutable file an import
    known-*.ids         sorted digests of the segments' event ids; rebuilt from them where missing
    live.db             live events, in order of arrival
    GENERATION, LOCK
    FORGETTING          empty; exists while users are being removed, and after an interrupted removal
    forgetting.lock     held while users are removed, by one process at a time

Next to the folder, `events.begun` notes that it has held events: without them, it was moved away.

Only `forget_all` rewrites segments, to remove users from every file. It writes the new segments next to the
old ones, which may take minutes; other writers wait only while the new ones replace the old ones.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from bowerbird.data.events import Event, as_event_table
from bowerbird.data.files.durable import flush_folder, write_atomically
from bowerbird.data.files.locks import hold_lock
from bowerbird.data.logs.contract import EventLog, LogMark
from bowerbird.data.logs.local.known_ids import (
    NONE,
    KnownIds,
    is_first_occurrence,
    split_digests,
    split_id_digests,
)
from bowerbird.data.logs.local.live import LiveEvents
from bowerbird.data.logs.local.segments import RewrittenSegment, Segments, has_users, segment_number
from bowerbird.data.logs.rows import TAIL, Row, decode_bodies, read_tail, sort_by_time
from bowerbird.errors import StoreError


class EmbeddedLog(EventLog):
    """The log in one folder of a local disk. Writers exclude each other by a lock, readers need none."""

    generations_per_forget = 2

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self._live, self._segments = LiveEvents(path), Segments(path)
        self._opening = threading.Lock()
        self._folder: tuple[int, int] | None = None  # device and inode, once it exists
        self._begun = path.with_name(f"{path.name}.begun")
        self._checked_in_pid = 0  # id of the process that has checked the existing files
        self._imported: tuple[int, KnownIds] | None = None  # ids of imported events, with their generation

    # -- reading ------------------------------------------------------------------------------------------

    def read(self) -> pa.Table:
        """See `EventLog.read`."""
        self._prepare_once()
        return self._read_all()

    def _read_all(self) -> pa.Table:
        live = decode_bodies(self._live.bodies())
        return sort_by_time(pa.concat_tables([*self._segments.tables(), live]))

    def read_users(self, users: Collection[str]) -> pa.Table:
        """See `EventLog.read_users`."""
        self._prepare_once()
        live = decode_bodies(self._live.bodies(of=frozenset(users)))
        return sort_by_time(pa.concat_tables([*self._segments.tables_of(users), live]))

    def tail_since(self, offset: int) -> tuple[list[Event], int]:
        """See `EventLog.tail_since`."""
        self._prepare_once()
        return self._live.since(offset, self.generation)

    @property
    def tail_size(self) -> int:
        """See `EventLog.tail_size`."""
        self._prepare_once()
        return self._live.last

    @property
    def mark(self) -> LogMark:
        """See `EventLog.mark`."""
        self._prepare_once()
        return LogMark(self._live.last, self._segments.next_number())

    @property
    def generation(self) -> int:
        """See `EventLog.generation`."""
        path = self.path / "GENERATION"
        self._check_in_place()
        try:
            return int(path.read_text())
        except FileNotFoundError:
            return 0
        except ValueError:
            raise StoreError(
                f"{path} does not contain a number: write one into it that is larger than it ever was, for "
                "example 1000000; states computed from the log are then computed again"
            ) from None

    def __len__(self) -> int:
        self._prepare_once()
        return self._segments.count_rows() + len(self._live)

    # -- writing ------------------------------------------------------------------------------------------

    def _commit(self, rows: Sequence[Row]) -> list[bool]:
        self._prepare_once()
        with self._locked():
            imported_flags = (
                self._imported_ids().positions_of(*split_digests(row.digest for row in rows)) >= 0
            )
            fresh = [row for row, is_imported in zip(rows, imported_flags, strict=True) if not is_imported]
            is_new_live = iter(self._live.add(fresh, self.generation))
            self._note_begun()
        return [not is_imported and next(is_new_live) for is_imported in imported_flags]

    def add_segment(self, events: pa.Table) -> int:
        """See `EventLog.add_segment`."""
        self._prepare_once()
        events = as_event_table(events)
        high, low = split_id_digests(events["event_id"])
        with self._locked():
            imported = self._imported_ids()
            fresh = is_first_occurrence(high, low) & (imported.positions_of(high, low) < 0)
            arriving = KnownIds.of(high, low)
            for chunk in self._live.digest_halves() if self._live.path.exists() else ():
                stored = arriving.positions_of(*chunk)
                stored = stored[stored >= 0]
                live_ids = KnownIds(arriving.high[np.sort(stored)], arriving.low[np.sort(stored)])
                fresh &= live_ids.positions_of(high, low) < 0
            count = int(fresh.sum())
            if not count:
                return 0
            self._next_generation()  # also before writing: a kill in between must not leave a snapshot valid
            self._segments.add(events.filter(pa.array(fresh)))
            self._next_generation()
            new_ids = arriving if count == len(fresh) else KnownIds.of(high[fresh], low[fresh])
            self._save_known(imported, plus=new_ids)
            self._note_begun()
        return count

    def has_any_of(self, users: Mapping[str, LogMark]) -> bool:
        """See `EventLog.has_any_of`."""
        self._prepare_once()
        return (
            self._forgetting.exists()
            or any(has_users(segment, _users_in(segment, users)) for segment in self._segments.paths())
            or self._live.has_any_of(_live_marks(users))
        )

    def forget_all(self, users: Mapping[str, LogMark]) -> int:
        """See `EventLog.forget_all`."""
        if not users or not self.has_any_of(users):
            return 0
        with self._locked("forgetting.lock"):
            end = self.mark  # later events stay
            users = {user: LogMark(*map(min, mark, end)) for user, mark in users.items()}
            rewritten = [
                self._segments.rewrite_without(path, _users_in(path, users))
                for path in self._segments.paths()
            ]
            live = self._live.numbers_of(_live_marks(users))
            with self._locked():
                return self._remove([segment for segment in rewritten if segment is not None], live)

    def _remove(self, rewritten: Sequence[RewrittenSegment], live: Sequence[int]) -> int:
        """Replace segments by their rewritten files, and remove live events."""
        removed_ids, known_before = NONE, self._imported_ids()
        replacements = {segment.replacement for segment in rewritten}
        self._replace(self._forgetting, b"")
        self._next_generation()
        for partial in self.path.glob(".*-*"):  # partial files of killed writers
            if partial not in replacements:
                partial.unlink(missing_ok=True)
        for segment in rewritten:
            segment.replacement.replace(segment.path)
            removed_ids = removed_ids.merged(segment.removed_ids)
        flush_folder(self.path)
        self._live.remove(live)
        self._next_generation()
        self._save_known(known_before, minus=removed_ids)
        self._forgetting.unlink()
        return len(removed_ids) + len(live)

    @property
    def _forgetting(self) -> Path:
        return self.path / "FORGETTING"

    def close(self) -> None:
        """Close files and connections; the next call opens them again."""
        self._live.close()
        self._imported, self._checked_in_pid, self._folder = None, 0, None

    # -- moving away --------------------------------------------------------------------------------------

    def move_to(self, add: Callable[[pa.Table], object]) -> None:
        """Pass all events to the `add` of a server's log, then remove them here.

        They are removed because a user would have to be erased from both. If it is killed, the next call
        repeats it, and an event counts once. Does nothing where the folder holds no events.
        """
        if not self._has_events():
            return
        self._prepare_once()
        with self._locked():
            if self._has_events():
                add(self._read_all())
                self.close()
                for files in ("segment-*.parquet", "known-*.ids", "live.db*", ".*-*"):
                    for path in self.path.glob(files):
                        path.unlink()
                flush_folder(self.path)
                self._begun.unlink(missing_ok=True)

    def _has_events(self) -> bool:
        return bool(self._segments.paths()) or self._live.path.exists() or (self.path / TAIL).exists()

    # -- existing files -----------------------------------------------------------------------------------

    def _prepare_once(self) -> None:
        """Once per process: reject a damaged write-ahead file, and convert an older version's tail file."""
        if self._checked_in_pid == os.getpid() and not (self.path / TAIL).exists():
            return
        with self._opening:
            self._live.check_write_ahead(waiting=self._locked())
            if (self.path / TAIL).exists():
                with self._locked():
                    self._convert_tail()
            self._checked_in_pid = os.getpid()

    def _convert_tail(self) -> None:
        tail = self.path / TAIL
        if tail.exists():
            imported = self._imported_ids()
            rows = list(read_tail(tail))
            imported_flags = (
                imported.positions_of(*split_digests(row.digest for row in rows)) >= 0 if rows else ()
            )
            fresh = [row for row, is_imported in zip(rows, imported_flags, strict=True) if not is_imported]
            self._live.add(fresh, self.generation)
            self._next_generation()  # offsets were bytes of that file
            tail.unlink()

    # -- ids of imported events ---------------------------------------------------------------------------

    def _imported_ids(self) -> KnownIds:
        """Digests of all segments' ids. Called under the lock, so that generation and segments agree."""
        generation = self.generation
        if self._imported is None or self._imported[0] != generation:
            self._imported = (generation, self._load_known(generation))
        return self._imported[1]

    def _load_known(self, generation: int) -> KnownIds:
        try:
            known = KnownIds.open_mapped(self.path / f"known-{generation}.ids")
            if len(known) == self._segments.count_rows():
                return known
        except FileNotFoundError:
            if not self._segments.paths():
                return NONE
        rebuilt = self._segments.known_ids()
        self._save_known(rebuilt)
        with contextlib.suppress(OSError):
            return KnownIds.open_mapped(self.path / f"known-{generation}.ids")
        return rebuilt  # the disk is full: not saved

    def _save_known(self, known: KnownIds, plus: KnownIds = NONE, minus: KnownIds = NONE) -> None:
        """Save digests under the current generation; on a full disk they are rebuilt later."""
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
        self._check_in_place()
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(hold_lock(self.path / name))
            except OSError as error:
                raise StoreError(f"the event log {self.path} can't be written ({error})") from error
            self._check_in_place()
            yield

    def _check_in_place(self) -> None:
        """Raise `StoreError` where the folder was moved away: a log begun anew would lose every event.

        A folder that stands in its place, such as a backup that was restored, is read from then on.
        """
        try:
            stat = self.path.stat()
            folder = stat.st_dev, stat.st_ino
        except FileNotFoundError:
            folder = None
        if folder is None and self._folder is not None:
            raise StoreError(
                f"the event log {self.path} was moved away while it was in use: put the folder back"
            )
        if self._folder is None and self._begun.exists() and not self._has_events():
            raise StoreError(
                f"the event log {self.path} has held events, and is gone: put the folder back, or remove "
                f"{self._begun} to begin a new log"
            )
        self._folder = folder

    def _note_begun(self) -> None:
        """Note that there are events, so that a later process notices where they are gone."""
        if not self._begun.exists():
            with contextlib.suppress(OSError):  # the events are stored
                write_atomically(self._begun, b"")

    def _next_generation(self) -> None:
        self._replace(self.path / "GENERATION", str(self.generation + 1).encode())

    def _replace(self, path: Path, content: bytes) -> None:
        try:
            write_atomically(path, content)
        except OSError as error:
            raise StoreError(
                f"the event log {self.path} can't be written ({error}): free some space and try again"
            ) from error


def _users_in(segment: Path, users: Mapping[str, LogMark]) -> pa.Array:
    """The users to remove from a segment: those whose marks are after it."""
    number = segment_number(segment)
    return pa.array([user for user, mark in users.items() if number < mark.imported], pa.string())


def _live_marks(users: Mapping[str, LogMark]) -> dict[str, int]:
    return {user: mark.live for user, mark in users.items()}
