"""The live events of a store's folder: one SQLite database, each commit flushed before it counts.

SQLite in write-ahead mode with `synchronous=FULL` flushes once a commit, keeps checksums of what is not yet
in the database, looks ids up on disk, and overwrites what is deleted (`secure_delete`). What it lacks is
added here: a checksum for each event, and a look at the write-ahead file before it is taken in
(`write_ahead`).

Writers hold the log's lock already; readers wait for nobody.
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
from bowerbird.data.logs.known_ids import halves_of
from bowerbird.data.logs.rows import Row, event_of, user_of
from bowerbird.data.logs.write_ahead import damaged_commits
from bowerbird.errors import StoreError

_TABLE = """CREATE TABLE IF NOT EXISTS live (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, -- the order of arrival; never given twice
    digest BLOB NOT NULL UNIQUE,           -- 128 bits of BLAKE2 of the event's id
    crc INTEGER NOT NULL,                  -- CRC-32 of the body
    body TEXT NOT NULL                     -- the event as JSON; `at` in microseconds since 1970
)"""
_ASKED_AT_ONCE = 500  # digests looked up by one statement
_OWN = 4096  # events of this process that are kept as they are
_PAGES_UNTIL_CHECKPOINT = 4000  # 16 MB of write-ahead file; a checkpoint flushes the database itself
_WAIT_S = 30.0


class LiveEvents:
    """The database `live.db` in a log's folder; it is made with the first event."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "live.db"
        self._reader: _Held | None = None
        self._writer: _Held | None = None
        self._reading = threading.Lock()
        self._own = _OwnLast()

    # -- reading ------------------------------------------------------------------------------------------

    def since(self, seq: int, generation: int) -> tuple[list[Event], int]:
        """Events behind `seq`, and the last one's. `generation` is the log's now."""
        with self._asked() as reader:
            if (own := self._own.since(seq, self._last(reader), (generation, self._identity()))) is not None:
                return own, seq + len(own)
            rows = reader.execute(
                "SELECT seq, crc, body FROM live WHERE seq > ? ORDER BY seq", (seq,)
            ).fetchall()
        found = [(number, self._checked(number, crc, body)) for number, crc, body in rows]
        return [event_of(body) for _, body in found], found[-1][0] if found else seq

    def bodies(self) -> Iterator[bytes]:
        """Every event's body in order of arrival, as of one moment. Raises `StoreError` at a damaged one."""
        if not self.path.exists():
            return
        with self._told(), contextlib.closing(self._connected()) as own:  # own: a long read holds nobody up
            for number, crc, body in own.execute("SELECT seq, crc, body FROM live ORDER BY seq"):
                yield self._checked(number, crc, body)

    @property
    def last(self) -> int:
        """`seq` of the last event; 0 where there is none."""
        with self._asked() as reader:
            return self._last(reader)

    @staticmethod
    def _last(reader: sqlite3.Connection) -> int:
        return int(reader.execute("SELECT coalesce(max(seq), 0) FROM live").fetchone()[0])

    def __len__(self) -> int:
        with self._asked() as reader:
            return int(reader.execute("SELECT count(*) FROM live").fetchone()[0])

    def known(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """The digests' halves of all events, some ten thousand at a time."""
        with self._told(), contextlib.closing(self._connected()) as own:
            rows = own.execute("SELECT digest FROM live")
            while chunk := rows.fetchmany(1 << 14):
                yield halves_of(digest for (digest,) in chunk)

    def names_any(self, users: Mapping[str, int]) -> bool:
        """Whether there is an event of users up to their `seq`. Changes no file but SQLite's index of
        readers, `*-shm`."""
        if not self.path.exists():
            return False
        return any(True for _ in self._theirs(users))

    def numbers_of(self, users: Mapping[str, int]) -> list[int]:
        """`seq` of the events of users up to theirs: of what was kept already, so that no lock is needed."""
        return list(self._theirs(users)) if self.path.exists() else []

    def _theirs(self, users: Mapping[str, int]) -> Iterator[int]:
        # The last connection that closes moves a write-ahead file into the database, unless it may only read.
        # Where there is no such file, one that may only read would leave an empty one.
        only_reads = self.path.with_name("live.db-wal").exists()
        with self._told(), contextlib.closing(self._connected(only_reads)) as own:
            last = max(users.values())
            rows = own.execute("SELECT seq, crc, body FROM live WHERE seq <= ? ORDER BY seq", (last,))
            for number, crc, body in rows:
                try:
                    is_theirs = number <= users.get(user_of(body), -1)
                except ValueError:
                    is_theirs = True
                if is_theirs:
                    self._checked(number, crc, body)
                    yield number

    # -- writing ------------------------------------------------------------------------------------------

    def add(self, rows: Sequence[Row], generation: int) -> list[bool]:
        """Keep rows in one durable commit; says of each whether it was new. `generation` is the log's now."""
        if not rows:
            return []
        with self._told(), self._transaction() as writer:
            known: set[bytes] = set()
            for start in range(0, len(rows), _ASKED_AT_ONCE):
                part = [row.digest for row in rows[start : start + _ASKED_AT_ONCE]]
                asked = f"SELECT digest FROM live WHERE digest IN ({','.join('?' * len(part))})"
                known.update(digest for (digest,) in writer.execute(asked, part))
            new = []
            for row in rows:
                new.append(row.digest not in known)
                known.add(row.digest)
            fresh = [row for row, first in zip(rows, new, strict=True) if first]
            writer.executemany(
                "INSERT INTO live (digest, crc, body) VALUES (?, ?, ?)",
                ((row.digest, zlib.crc32(row.body), row.body.decode()) for row in fresh),
            )
            last = int(writer.execute("SELECT coalesce(max(seq), 0) FROM live").fetchone()[0])
        self._own.add([row.event for row in fresh], last, (generation, self._identity()))
        return new

    def remove(self, numbers: Sequence[int]) -> None:
        """Delete events by their `seq`; no byte of them is left in the database or its write-ahead file."""
        if not self.path.exists():
            return
        with self._told():
            with self._transaction() as writer:
                writer.executemany("DELETE FROM live WHERE seq = ?", [(number,) for number in numbers])
            busy, *_ = self._writing().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if busy:
            raise StoreError(
                f"{len(numbers)} events were removed from {self.path}, but another process reads it for so "
                "long that its write-ahead file still holds them: run `bowerbird taste forget` again"
            )

    def close(self) -> None:
        for held in (self._reader, self._writer):
            if held is not None:
                held.let_go()
        self._reader = self._writer = None
        self._own = _OwnLast()  # a file that nobody holds may be replaced by one of the same number

    # -- inside -------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _asked(self) -> Iterator[sqlite3.Connection]:
        """The reading connection, for one short question; an empty database where there is none yet."""
        with self._reading, self._told():
            self._reader = self._of_now(self._reader)
            if self._reader is None:
                identity = self._identity()
                if identity is None:
                    with contextlib.closing(sqlite3.connect(":memory:")) as empty:
                        empty.execute(_TABLE)
                        yield empty
                        return
                self._reader = _Held(self._connected(), identity)
            yield self._reader.connection

    def _writing(self) -> sqlite3.Connection:
        self._writer = self._of_now(self._writer)
        if self._writer is None:
            if self._identity() is None:
                self._make()
            self._writer = _Held(self._connected(), self._identity())
            self._writer.connection.execute("PRAGMA journal_mode=WAL")  # a restored copy may not be
        return self._writer.connection

    def _of_now(self, held: _Held | None) -> _Held | None:
        """None for a connection that a fork carried over, or whose file was replaced (restored, moved)."""
        if held is not None and held.identity != self._identity():
            held.let_go()
            return None
        return held

    def _identity(self) -> tuple[int, int, int] | None:
        """This process, and device and inode of the file there is now."""
        try:
            found = self.path.stat()
        except FileNotFoundError:
            return None
        return os.getpid(), found.st_dev, found.st_ino

    def _connected(self, only_reads: bool = False) -> sqlite3.Connection:
        address = self.path.absolute().as_uri() + ("?mode=ro" if only_reads else "")
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

    def _make(self) -> None:
        """Make the empty database beside its place: readers see a whole one or none."""
        beside = self.path.with_name(f".live-{uuid.uuid4().hex[:6]}.db")
        try:
            with contextlib.closing(sqlite3.connect(beside, isolation_level=None)) as new:
                new.execute("PRAGMA journal_mode=WAL")
                new.execute(_TABLE)
            beside.replace(self.path)
            flush_folder(self.path.parent)
        finally:
            for left in self.path.parent.glob(f"{beside.name}*"):
                left.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        writer = self._writing()
        try:
            writer.execute("BEGIN IMMEDIATE")
            yield writer
            writer.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                writer.execute("ROLLBACK")
            writer.close()  # what a failed flush left is read anew from the disk
            self._writer, self._own = None, _OwnLast()
            raise

    def check_write_ahead(self, waiting: contextlib.AbstractContextManager[None]) -> None:
        """Refuse a write-ahead file that was damaged; to be called before a first connection.

        One that is being written may look damaged: then it is read again while `waiting` keeps writers out.
        """
        beside = self.path.with_name("live.db-wal")
        if not damaged_commits(beside):
            return
        with waiting:
            behind = damaged_commits(beside)
        if behind:
            raise StoreError(
                f"{beside} is damaged, and at least {behind} commits of accepted events lie behind it: "
                f"restore {self.path.parent} from a backup, or go on without them by moving that file away"
            )

    def _checked(self, number: int, crc: int, body: bytes) -> bytes:
        if zlib.crc32(body) != crc:
            raise StoreError(
                f"event {number} in {self.path} is damaged (its checksum differs): restore the folder from a "
                f"backup, or go on without it: sqlite3 {self.path} 'DELETE FROM live WHERE seq = {number}'"
            )
        return body

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        """SQLite's errors as `StoreError`, each with the way out."""
        try:
            yield
        except (sqlite3.OperationalError, OSError) as error:
            raise StoreError(
                f"the event log {self.path} can't be used ({error}); nothing was accepted: free some space "
                "or mend the folder's permissions, and send the events again"
            ) from error
        except sqlite3.DatabaseError as error:
            raise StoreError(f"the event log {self.path} is damaged ({error}): {_RESTORE}") from error


_RESTORE = "restore the folder from a backup, or save what can be read with `sqlite3 live.db .recover`"
_OF_PARENTS: list[sqlite3.Connection] = []  # kept open: closing one here would let go of the parent's locks


class _Held:
    """A connection that is kept, and to which file in which process it is."""

    def __init__(self, connection: sqlite3.Connection, identity: tuple[int, int, int] | None) -> None:
        self.connection, self.identity = connection, identity

    def let_go(self) -> None:
        if self.identity is not None and self.identity[0] != os.getpid():
            _OF_PARENTS.append(self.connection)
        else:
            self.connection.close()


class _OwnLast:
    """The last events that this process kept itself: who follows the log need not read them back.

    Good only while nobody else has written since, the log is of the same generation (a forgotten person's
    events are gone) and the file is the same: `of` names both. Safe to use from several threads.
    """

    def __init__(self) -> None:
        self._events: deque[Event] = deque(maxlen=_OWN)
        self._last = 0  # the number of the last of them, which are numbered one after the other
        self._of: object = None
        self._lock = threading.Lock()

    def add(self, events: Sequence[Event], last: int, of: object) -> None:
        """Events that were just kept, the last of them under the number `last`."""
        with self._lock:
            if of != self._of or last - len(events) != self._last:
                self._events.clear()
            self._events.extend(events)
            self._last, self._of = last, of

    def since(self, seq: int, last: int, of: object) -> list[Event] | None:
        """The events behind `seq` where the log's last is `last`; None where these do not reach so far."""
        with self._lock:
            behind = last - seq
            if of != self._of or last != self._last or not 0 <= behind <= len(self._events):
                return None
            return list(islice(self._events, len(self._events) - behind, None))
