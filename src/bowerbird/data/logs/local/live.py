"""The live events of a store's folder: one SQLite database, each commit flushed before it is acknowledged.

SQLite in write-ahead mode with `synchronous=FULL` flushes once per commit, has checksums of the write-ahead
file, looks ids up on disk, and overwrites deleted content (`secure_delete`). This module adds a checksum for
each event, and a check of the write-ahead file before SQLite opens it (`write_ahead`).

The callers of writing methods hold the log's lock; reading methods need no lock.
"""

from __future__ import annotations

import contextlib
import sqlite3
import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from bowerbird.data.events import Event
from bowerbird.data.logs.connections import Connections
from bowerbird.data.logs.local.known_ids import HalfDigests, split_digests
from bowerbird.data.logs.local.write_ahead import damaged_commits
from bowerbird.data.logs.recent_events import RecentEvents
from bowerbird.data.logs.rows import Row, decode_event, decode_user_id
from bowerbird.errors import StoreError

_TABLE = """CREATE TABLE IF NOT EXISTS live (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, -- the order of arrival; never given twice
    digest BLOB NOT NULL UNIQUE,           -- 128 bits of BLAKE2 of the event's id
    crc INTEGER NOT NULL,                  -- CRC-32 of the body
    body TEXT NOT NULL                     -- the event as JSON; `at` in microseconds since 1970
)"""
_DIGESTS_PER_QUERY = 500  # digests looked up by one statement


class LiveEvents:
    """The database `live.db` in a log's folder; it is created with the first event."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "live.db"
        self._connections = Connections(self.path, _TABLE)
        self._recent = RecentEvents()

    # -- reading ------------------------------------------------------------------------------------------

    def since(self, seq: int, generation: int) -> tuple[list[Event], int]:
        """Events after `seq`, and the `seq` of the last one. `generation` is the log's current one."""
        with self._reading() as reader:
            state = generation, self._connections.identity()
            recent = self._recent.since(seq, self._last(reader), state)
            if recent is not None:
                return recent, seq + len(recent)
            rows = reader.execute(
                "SELECT seq, crc, body FROM live WHERE seq > ? ORDER BY seq", (seq,)
            ).fetchall()
        events = [(number, self._check(number, crc, body)) for number, crc, body in rows]
        return [decode_event(body) for _, body in events], events[-1][0] if events else seq

    def bodies(self, of: Collection[str] | None = None) -> Iterator[bytes]:
        """Every event's body in order of arrival, read consistently; `of` some users only, where they are
        given. Raises `StoreError` at a damaged one."""
        if not self.path.exists():
            return
        # A connection of its own: a long read must not block others.
        with self._translate_errors(), contextlib.closing(self._connections.connect()) as connection:
            for number, crc, body in connection.execute("SELECT seq, crc, body FROM live ORDER BY seq"):
                self._check(number, crc, body)
                if of is None or (user := _user_id(body)) is None or user in of:
                    yield body

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

    def digest_halves(self) -> Iterator[tuple[HalfDigests, HalfDigests]]:
        """The two halves of the digests of all events, (M,) uint64 each, M <= 16,384 at a time."""
        with self._translate_errors(), contextlib.closing(self._connections.connect()) as connection:
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
        with self._translate_errors(), contextlib.closing(self._connections.connect(read_only)) as connection:
            last = max(users.values())
            rows = connection.execute("SELECT seq, crc, body FROM live WHERE seq <= ? ORDER BY seq", (last,))
            for number, crc, body in rows:
                user = _user_id(body)
                if user is None or number <= users.get(user, -1):
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
        self._recent.add([row.event for row in fresh], last, (generation, self._connections.identity()))
        return is_new

    def remove(self, numbers: Sequence[int]) -> None:
        """Delete events by their `seq`, from every byte of the database and its write-ahead file."""
        if not self.path.exists():
            return
        with self._translate_errors():
            with self._transaction() as writer:
                writer.executemany("DELETE FROM live WHERE seq = ?", [(number,) for number in numbers])
            is_busy, *_ = self._connections.writer().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if is_busy:
            raise StoreError(
                f"{len(numbers)} events were removed from {self.path}, but another process reads it for so "
                "long that its write-ahead file still holds them: run `bowerbird taste forget` again"
            )

    def close(self) -> None:
        """Close both connections; the next call opens them again."""
        self._connections.close()
        self._recent = RecentEvents()  # a closed file may be replaced by one with the same inode

    # -- inside -------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._translate_errors(), self._connections.reading() as reader:
            yield reader

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        writer = self._connections.writer()
        try:
            writer.execute("BEGIN IMMEDIATE")
            yield writer
            writer.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                writer.execute("ROLLBACK")
            self._connections.discard_writer()
            self._recent = RecentEvents()
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


def _user_id(body: bytes) -> str | None:
    """The user id in a body; None where it is damaged: a check or the next step says so."""
    try:
        return decode_user_id(body)
    except ValueError:
        return None


_RESTORE = "restore the folder from a backup, or save what can be read with `sqlite3 live.db .recover`"
