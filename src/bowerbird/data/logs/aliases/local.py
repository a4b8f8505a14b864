"""The alias table in a store's folder: one SQLite file, `aliases.db`, created with the first alias.

Deleted rows are overwritten, so that an erased user leaves no trace in it.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path

from bowerbird.data.events import Alias
from bowerbird.data.files.durable import FileStamp, file_stamp
from bowerbird.data.logs.aliases.contract import AliasTable, JoinedIds
from bowerbird.errors import InputError, StoreError

_TABLE = """CREATE TABLE IF NOT EXISTS alias (
    number INTEGER PRIMARY KEY AUTOINCREMENT, -- the order of arrival; never given twice
    alias TEXT NOT NULL UNIQUE,
    user TEXT NOT NULL,
    live INTEGER NOT NULL                     -- end of the log's live events when it arrived
)"""
_WAIT_S = 30.0
_SETTLED_NS = 50_000_000  # longer than the resolution of a file's time


class LocalAliases(AliasTable):
    """The aliases in one file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._cached = JoinedIds()
        self._stamp: FileStamp | None = None

    def read(self) -> JoinedIds:
        """See `AliasTable.read`."""
        stamp = file_stamp(self.path)
        if stamp is None:
            self._cached, self._stamp = JoinedIds(), None
            return self._cached
        with self._lock:
            if stamp != self._stamp:
                with self._connect() as connection:
                    self._cached = _read(connection, self._cached)
                # A file written within the clock's resolution may change again under the same stamp.
                changed_ns = stamp[1]
                self._stamp = stamp if time.time_ns() - changed_ns > _SETTLED_NS else None
            return self._cached

    def since(self, number: int) -> tuple[list[Alias], int]:
        """See `AliasTable.since`."""
        if self.read().last <= number:
            return [], self._cached.last
        with self._connect() as connection:
            rows = connection.execute(
                "SELECT number, alias, user FROM alias WHERE number > ? ORDER BY number", (number,)
            ).fetchall()
        return [Alias(alias, user) for _, alias, user in rows], rows[-1][0] if rows else number

    def add(self, aliases: Sequence[Alias], live: int) -> list[str]:
        """See `AliasTable.add`."""
        joined = self.read()
        if all(joined.knows(alias) for alias in aliases):
            return [""] * len(aliases)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self._connect() as connection:
                connection.execute("BEGIN IMMEDIATE")
                reasons = _insert(connection, aliases, live)
                connection.execute("COMMIT")
        except UnicodeEncodeError as error:
            raise InputError(f"an alias has text that is not valid Unicode ({error})") from None
        self._stamp = None
        return reasons

    def remove(self, ids: Collection[str], until: Callable[[str], int]) -> int:
        """See `AliasTable.remove`."""
        if not self.path.exists():
            return 0
        with self._connect() as connection:
            connection.execute("BEGIN IMMEDIATE")
            numbers = [
                (number,)
                for number, *names, live in connection.execute("SELECT number, alias, user, live FROM alias")
                if any(name in ids and live <= until(name) for name in names)
            ]
            connection.executemany("DELETE FROM alias WHERE number = ?", numbers)
            if numbers:
                connection.execute(f"PRAGMA user_version = {_erased(connection) + 1}")
            connection.execute("COMMIT")
        self._stamp = None
        return len(numbers)

    @contextlib.contextmanager
    def _connect(self) -> Iterator[sqlite3.Connection]:
        try:
            with contextlib.closing(sqlite3.connect(self.path, _WAIT_S, isolation_level=None)) as connection:
                connection.execute("PRAGMA synchronous=FULL")
                connection.execute("PRAGMA secure_delete=ON")
                connection.execute(_TABLE)
                yield connection
        except (sqlite3.Error, OSError) as error:
            raise StoreError(
                f"the aliases in {self.path} can't be used ({error}): free some space, fix the folder's "
                "permissions, or restore the file from a backup"
            ) from error


def _read(connection: sqlite3.Connection, previous: JoinedIds) -> JoinedIds:
    last = int(connection.execute("SELECT coalesce(max(number), 0) FROM alias").fetchone()[0])
    erased = _erased(connection)
    if (last, erased) == (previous.last, previous.erased):
        return previous
    users = dict(connection.execute("SELECT alias, user FROM alias ORDER BY number"))
    return JoinedIds(users, last, erased)


def _insert(connection: sqlite3.Connection, aliases: Sequence[Alias], live: int) -> list[str]:
    reasons, new = JoinedIds(dict(connection.execute("SELECT alias, user FROM alias"))).check(aliases)
    connection.executemany(
        "INSERT INTO alias (alias, user, live) VALUES (?, ?, ?)",
        [(alias.alias, alias.user_id, live) for alias in new],
    )
    return reasons


def _erased(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])
