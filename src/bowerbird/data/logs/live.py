"""The live events of a store's folder: one SQLite database, each commit flushed before it is acknowledged.

SQLite in write-ahead mode with `synchronous=FULL` flushes once per commit, has checksums of the write-ahead
file, looks ids up on disk, and overwrites deleted content (`secure_delete`). This module adds a checksum for
each event, and a check of the write-ahead file before SQLite opens it (`write_ahead`).

The callers of writing methods hold the log's lock; reading methods need no lock.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import uuid
import zlib
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

import numpy as np

from bowerbird.data.durable import flush_folder
from bowerbird.data.events import Event
from bowerbird.data.logs.known_ids import split_digests
from bowerbird.data.logs.rows import Row, decode_event, decode_user_id
from bowerbird.data.logs.write_ahead import damaged_commits
from bowerbird.errors import StoreError

_TABLE = """CREATE TABLE IF NOT EXISTS live (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, -- the order of arrival; never given twice
    digest BLOB NOT NULL UNIQUE,           -- 128 bits of BLAKE2 of the event's id
    crc INTEGER NOT NULL,                  -- CRC-32 of the body
    body TEXT NOT NULL                     -- the event as JSON; `at` in microseconds since 1970
)"""
_DIGESTS_PER_QUERY = 500  # digests looked up by one statement
_CACHED_EVENTS = 4096  # latest events of this process that are kept in memory
_PAGES_UNTIL_CHECKPOINT = 4000  # 16 MB of write-ahead file; a checkpoint flushes the database itself
_WAIT_S = 30.0


class LiveEvents:
    """The database `live.db` in a log's folder; it is created with the first event."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "live.db"
        self._reader: _CachedConnection | None = None
        self._writer: _CachedConnection | None = None
        self._reader_lock = threading.Lock()
        self._recent = _RecentEvents()

    # -- reading ------------------------------------------------------------------------------------------

    def since(self, seq: int, generation: int) -> tuple[list[Event], int]:
        """Events after `seq`, and the `seq` of the last one. `generation` is the log's current one."""
        with self._reading() as reader:
            if (
                recent := self._recent.since(seq, self._last(reader), (generation, self._identity()))
            ) is not None:
                return recent, seq + len(recent)
            rows = reader.execute(
                "SELECT seq, crc, body FROM live WHERE seq > ? ORDER BY seq", (seq,)
            ).fetchall()
        events = [(number, self._check(number, crc, body)) for number, crc, body in rows]
        return [decode_event(body) for _, body in events], events[-1][0] if events else seq

    def bodies(self) -> Iterator[bytes]:
        """Every event's body in order of arrival, read consistently. Raises `StoreError` at a damaged one."""
        if not self.path.exists():
            return
        # A connection of its own: a long read must not block others.
        with self._translate_errors(), contextlib.closing(self._connect()) as connection:
            for number, crc, body in connection.execute("SELECT seq, crc, body FROM live ORDER BY seq"):
                yield self._check(number, crc, body)

    @property
    def last(self) -> int:
        """`seq` of the last event; 0 where there is none."""
        with self._reading() as reader:
            return self._last(reader)

    @staticmethod
    def _last(reader: sqlite3.Connection) -> int:
        return int(reader.execute("SELECT coalesce(max(seq), 0) FROM live").fetchone()[0])

    def __len__(self) -> int:
        with self._reading() as reader:
            return int(reader.execute("SELECT count(*) FROM live").fetchone()[0])

    def digest_halves(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """The two halves of the digests of all events, (M,) uint64 each, M <= 16,384 at a time."""
        with self._translate_errors(), contextlib.closing(self._connect()) as connection:
            rows = connection.execute("SELECT digest FROM live")
            while chunk := rows.fetchmany(1 << 14):
                yield split_digests(digest for (digest,) in chunk)

    def has_any_of(self, users: Mapping[str, int]) -> bool:
        """Whether there is an event of users up to their `seq`. Changes no file but SQLite's shared-memory
        index, `*-shm`."""
        if not self.path.exists():
            return False
        return any(True for _ in self._events_of(users))

    def numbers_of(self, users: Mapping[str, int]) -> list[int]:
        """`seq` of the events of users up to their marks: only past events, so that no lock is needed."""
        return list(self._events_of(users)) if self.path.exists() else []

    def _events_of(self, users: Mapping[str, int]) -> Iterator[int]:
        # The last connection to close moves a write-ahead file into the database, unless it is read-only.
        # Where there is no such file, a read-only connection would leave an empty one.
        read_only = self.path.with_name("live.db-wal").exists()
        with self._translate_errors(), contextlib.closing(self._connect(read_only)) as connection:
            last = max(users.values())
            rows = connection.execute("SELECT seq, crc, body FROM live WHERE seq <= ? ORDER BY seq", (last,))
            for number, crc, body in rows:
                try:
                    is_of_user = number <= users.get(decode_user_id(body), -1)
                except ValueError:
                    is_of_user = True
                if is_of_user:
                    self._check(number, crc, body)
                    yield number

    # -- writing ------------------------------------------------------------------------------------------

    def add(self, rows: Sequence[Row], generation: int) -> list[bool]:
        """Store rows in one durable commit; returns whether each was new. `generation` is the log's."""
        if not rows:
            return []
        with self._translate_errors(), self._transaction() as writer:
            known: set[bytes] = set()
            for start in range(0, len(rows), _DIGESTS_PER_QUERY):
                digests = [row.digest for row in rows[start : start + _DIGESTS_PER_QUERY]]
                query = f"SELECT digest FROM live WHERE digest IN ({','.join('?' * len(digests))})"
                known.update(digest for (digest,) in writer.execute(query, digests))
            is_new = []
            for row in rows:
                is_new.append(row.digest not in known)
                known.add(row.digest)
            fresh = [row for row, row_is_new in zip(rows, is_new, strict=True) if row_is_new]
            writer.executemany(
                "INSERT INTO live (digest, crc, body) VALUES (?, ?, ?)",
                ((row.digest, zlib.crc32(row.body), row.body.decode()) for row in fresh),
            )
            last = int(writer.execute("SELECT coalesce(max(seq), 0) FROM live").fetchone()[0])
        self._recent.add([row.event for row in fresh], last, (generation, self._identity()))
        return is_new

    def remove(self, numbers: Sequence[int]) -> None:
        """Delete events by their `seq`, from every byte of the database and its write-ahead file."""
        if not self.path.exists():
            return
        with self._translate_errors():
            with self._transaction() as writer:
                writer.executemany("DELETE FROM live WHERE seq = ?", [(number,) for number in numbers])
            is_busy, *_ = self._writing_connection().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if is_busy:
            raise StoreError(
                f"{len(numbers)} events were removed from {self.path}, but another process reads it for so "
                "long that its write-ahead file still holds them: run `bowerbird taste forget` again"
            )

    def close(self) -> None:
        for connection in (self._reader, self._writer):
            if connection is not None:
                connection.close()
        self._reader = self._writer = None
        self._recent = _RecentEvents()  # a closed file may be replaced by one with the same inode

    # -- inside -------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """The reading connection, for one short query; an empty database where there is no file yet."""
        with self._reader_lock, self._translate_errors():
            self._reader = self._if_current(self._reader)
            if self._reader is None:
                identity = self._identity()
                if identity is None:
                    with contextlib.closing(sqlite3.connect(":memory:")) as empty:
                        empty.execute(_TABLE)
                        yield empty
                        return
                self._reader = _CachedConnection(self._connect(), identity)
            yield self._reader.connection

    def _writing_connection(self) -> sqlite3.Connection:
        self._writer = self._if_current(self._writer)
        if self._writer is None:
            if self._identity() is None:
                self._create()
            self._writer = _CachedConnection(self._connect(), self._identity())
            self._writer.connection.execute(
                "PRAGMA journal_mode=WAL"
            )  # a restored copy may have another mode
        return self._writer.connection

    def _if_current(self, connection: _CachedConnection | None) -> _CachedConnection | None:
        """None for a connection from before a fork, or whose file was replaced (restored, moved)."""
        if connection is not None and connection.identity != self._identity():
            connection.close()
            return None
        return connection

    def _identity(self) -> tuple[int, int, int] | None:
        """Process id, and device and inode of the current file; None without a file."""
        try:
            stat = self.path.stat()
        except FileNotFoundError:
            return None
        return os.getpid(), stat.st_dev, stat.st_ino

    def _connect(self, read_only: bool = False) -> sqlite3.Connection:
        address = self.path.absolute().as_uri() + ("?mode=ro" if read_only else "")
        connection = sqlite3.connect(
            address, _WAIT_S, isolation_level=None, check_same_thread=False, uri=True
        )
        connection.text_factory = bytes
        for pragma in (
            "synchronous=FULL",
            "secure_delete=ON",
            f"wal_autocheckpoint={_PAGES_UNTIL_CHECKPOINT}",
        ):
            connection.execute(f"PRAGMA {pragma}")
        return connection

    def _create(self) -> None:
        """Create an empty database under a temporary name, then rename it: readers see all or nothing."""
        temporary = self.path.with_name(f".live-{uuid.uuid4().hex[:6]}.db")
        try:
            with contextlib.closing(sqlite3.connect(temporary, isolation_level=None)) as connection:
                connection.execute("PRAGMA journal_mode=WAL")
                connection.execute(_TABLE)
            temporary.replace(self.path)
            flush_folder(self.path.parent)
        finally:
            for file in self.path.parent.glob(f"{temporary.name}*"):
                file.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        writer = self._writing_connection()
        try:
            writer.execute("BEGIN IMMEDIATE")
            yield writer
            writer.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                writer.execute("ROLLBACK")
            writer.close()  # after a failed flush the state is read from disk again
            self._writer, self._recent = None, _RecentEvents()
            raise

    def check_write_ahead(self, waiting: contextlib.AbstractContextManager[None]) -> None:
        """Reject a damaged write-ahead file; call it before the first connection.

        A file that is being written may look damaged: it is read again while `waiting` excludes writers.
        """
        wal_path = self.path.with_name("live.db-wal")
        if not damaged_commits(wal_path):
            return
        with waiting:
            lost = damaged_commits(wal_path)
        if lost:
            raise StoreError(
                f"{wal_path} is damaged, and at least {lost} commits of accepted events lie behind it: "
                f"restore {self.path.parent} from a backup, or move that file away to continue without them"
            )

    def _check(self, number: int, crc: int, body: bytes) -> bytes:
        if zlib.crc32(body) != crc:
            raise StoreError(
                f"event {number} in {self.path} is damaged (its checksum differs): restore the folder from a "
                f"backup, or delete it to continue: sqlite3 {self.path} "
                f"'DELETE FROM live WHERE seq = {number}'"
            )
        return body

    @contextlib.contextmanager
    def _translate_errors(self) -> Iterator[None]:
        """Turn SQLite's errors into `StoreError`, each with the way out."""
        try:
            yield
        except (sqlite3.OperationalError, OSError) as error:
            raise StoreError(
                f"the event log {self.path} can't be used ({error}); nothing was accepted: free some space "
                "or fix the folder's permissions, and send the events again"
            ) from error
        except sqlite3.DatabaseError as error:
            raise StoreError(f"the event log {self.path} is damaged ({error}): {_RESTORE}") from error


_RESTORE = "restore the folder from a backup, or save what can be read with `sqlite3 live.db .recover`"
# Never closed: closing one in this process would release the parent's locks.
_CONNECTIONS_OF_PARENTS: list[sqlite3.Connection] = []


class _CachedConnection:
    """A cached connection, and its process and file."""

    def __init__(self, connection: sqlite3.Connection, identity: tuple[int, int, int] | None) -> None:
        self.connection, self.identity = connection, identity

    def close(self) -> None:
        if self.identity is not None and self.identity[0] != os.getpid():
            _CONNECTIONS_OF_PARENTS.append(self.connection)
        else:
            self.connection.close()


class _RecentEvents:
    """The latest events that this process wrote itself, so that following the log need not read them back.

    Valid only while no other process has written since, and generation (an erased user's events are gone) and
    file are the same: `of` identifies both. Safe to use from several threads.
    """

    def __init__(self) -> None:
        self._events: deque[Event] = deque(maxlen=_CACHED_EVENTS)
        self._last = 0  # `seq` of the last of them; they are consecutive
        self._valid_for: object = None
        self._lock = threading.Lock()

    def add(self, events: Sequence[Event], last: int, of: object) -> None:
        """Add events that were just written; `last` is the `seq` of the last one."""
        with self._lock:
            if of != self._valid_for or last - len(events) != self._last:
                self._events.clear()
            self._events.extend(events)
            self._last, self._valid_for = last, of

    def since(self, seq: int, last: int, of: object) -> list[Event] | None:
        """The events after `seq`, where `last` is the log's last `seq`; None where they are not all
        cached."""
        with self._lock:
            count = last - seq
            if of != self._valid_for or last != self._last or not 0 <= count <= len(self._events):
                return None
            return list(islice(self._events, len(self._events) - count, None))
