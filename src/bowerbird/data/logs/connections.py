"""Connections to the database of live events, which survive forks and a replaced file.

One connection reads and one writes; a connection from before a fork, or whose file was replaced (restored,
moved), is opened again.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path

from bowerbird.data.files.durable import flush_folder

_PAGES_UNTIL_CHECKPOINT = 4000  # 16 MB of write-ahead file; a checkpoint flushes the database itself
_WAIT_S = 30.0
_PRAGMAS = ("synchronous=FULL", "secure_delete=ON", f"wal_autocheckpoint={_PAGES_UNTIL_CHECKPOINT}")

# Never closed: closing one in this process would release the parent's locks.
_CONNECTIONS_OF_PARENTS: list[sqlite3.Connection] = []

Identity = tuple[int, int, int]
"""Process id, and device and inode of a database file."""


class Connections:
    """The reading and the writing connection of one database file; `schema` creates its tables."""

    def __init__(self, path: Path, schema: str) -> None:
        self.path = path
        self._schema = schema
        self._reader: _CachedConnection | None = None
        self._writer: _CachedConnection | None = None
        self._reader_lock = threading.Lock()

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """The reading connection, for one short query; an empty database where there is no file yet."""
        with self._reader_lock:
            self._reader = self._if_current(self._reader)
            if self._reader is None:
                identity = self.identity()
                if identity is None:
                    with contextlib.closing(sqlite3.connect(":memory:")) as empty:
                        empty.execute(self._schema)
                        yield empty
                        return
                self._reader = _CachedConnection(self.connect(), identity)
            yield self._reader.connection

    def writer(self) -> sqlite3.Connection:
        """The writing connection; the database is created where there is none."""
        self._writer = self._if_current(self._writer)
        if self._writer is None:
            if self.identity() is None:
                self._create()
            self._writer = _CachedConnection(self.connect(), self.identity())
            # A restored copy may have another mode.
            self._writer.connection.execute("PRAGMA journal_mode=WAL")
        return self._writer.connection

    def discard_writer(self) -> None:
        """Close the writing connection: after a failed flush the state is read from disk again."""
        if self._writer is not None:
            self._writer.close()
        self._writer = None

    def close(self) -> None:
        """Close both connections; the next call opens them again."""
        for connection in (self._reader, self._writer):
            if connection is not None:
                connection.close()
        self._reader = self._writer = None

    def identity(self) -> Identity | None:
        """Process id, and device and inode of the current file; None without a file."""
        try:
            stat = self.path.stat()
        except FileNotFoundError:
            return None
        return os.getpid(), stat.st_dev, stat.st_ino

    def connect(self, read_only: bool = False) -> sqlite3.Connection:
        """Open a connection of its own, which the caller closes."""
        address = self.path.absolute().as_uri() + ("?mode=ro" if read_only else "")
        connection = sqlite3.connect(
            address, _WAIT_S, isolation_level=None, check_same_thread=False, uri=True
        )
        connection.text_factory = bytes
        for pragma in _PRAGMAS:
            connection.execute(f"PRAGMA {pragma}")
        return connection

    def _if_current(self, connection: _CachedConnection | None) -> _CachedConnection | None:
        """None for a connection from before a fork, or whose file was replaced."""
        if connection is not None and connection.identity != self.identity():
            connection.close()
            return None
        return connection

    def _create(self) -> None:
        """Create an empty database under a temporary name, then rename it: readers see all or nothing."""
        temporary = self.path.with_name(f".live-{uuid.uuid4().hex[:6]}.db")
        try:
            with contextlib.closing(sqlite3.connect(temporary, isolation_level=None)) as connection:
                connection.execute("PRAGMA journal_mode=WAL")
                connection.execute(self._schema)
            temporary.replace(self.path)
            flush_folder(self.path.parent)
        finally:
            for file in self.path.parent.glob(f"{temporary.name}*"):
                file.unlink(missing_ok=True)


class _CachedConnection:
    """A cached connection, and its process and file."""

    def __init__(self, connection: sqlite3.Connection, identity: Identity | None) -> None:
        self.connection, self.identity = connection, identity

    def close(self) -> None:
        """Close it, but never one of a parent process, which is only kept."""
        if self.identity is not None and self.identity[0] != os.getpid():
            _CONNECTIONS_OF_PARENTS.append(self.connection)
        else:
            self.connection.close()
