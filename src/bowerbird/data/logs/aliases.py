"""The alias table of an event log: which ids are the same user's, e.g. a browser's before and after a login.

Events are stored with the id they came with; the table says whose they are. One SQLite file, `aliases.db`,
created with the first alias. Deleted rows are overwritten, so that an erased user leaves no trace in it.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bowerbird.data.events import Alias
from bowerbird.data.files.durable import FileStamp, file_stamp
from bowerbird.errors import InputError, StoreError

_TABLE = """CREATE TABLE IF NOT EXISTS alias (
    number INTEGER PRIMARY KEY AUTOINCREMENT, -- the order of arrival; never given twice
    alias TEXT NOT NULL UNIQUE,
    user TEXT NOT NULL,
    live INTEGER NOT NULL                     -- end of the log's live events when it arrived
)"""
_WAIT_S = 30.0
_SETTLED_NS = 50_000_000  # longer than the resolution of a file's time
TAKEN = "this id already belongs to another user"
"""Why an alias is rejected: two known users are never joined because they shared a device."""


@dataclass(frozen=True)
class JoinedIds:
    """The whole table at one moment. `users` maps an alias to the user it was joined to, which may be an
    alias itself; `last` is the number of the last row; `erased` counts removals."""

    users: Mapping[str, str] = field(default_factory=dict)
    last: int = 0
    erased: int = 0

    def user_of(self, any_id: str) -> str:
        """The user to whom an id belongs: itself where it is no alias."""
        while (user := self.users.get(any_id)) is not None:
            any_id = user
        return any_id

    def ids_of(self, any_id: str) -> list[str]:
        """All ids of the user to whom an id belongs, the user's own first."""
        user = self.user_of(any_id)
        return [user, *(alias for alias in self.users if self.user_of(alias) == user)]


class AliasTable:
    """The aliases in one file. Safe for several threads and processes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._cached = JoinedIds()
        self._stamp: FileStamp | None = None

    def read(self) -> JoinedIds:
        """The current table; read again only where the file changed."""
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
        """The aliases after a number, in order of arrival, and the number of the last one."""
        if self.read().last <= number:
            return [], self._cached.last
        with self._connect() as connection:
            rows = connection.execute(
                "SELECT number, alias, user FROM alias WHERE number > ? ORDER BY number", (number,)
            ).fetchall()
        return [Alias(alias, user) for _, alias, user in rows], rows[-1][0] if rows else number

    def add(self, aliases: Sequence[Alias], live: int) -> list[str]:
        """Store aliases durably; returns why each was rejected, empty where it holds.

        `live` is the end of the log's live events. Raises `InputError` for text that is not valid Unicode,
        `StoreError` where they can't be stored.
        """
        joined = self.read()
        if all(_is_known(alias, joined) for alias in aliases):
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
        """Remove the aliases that name any of some ids, up to the live event that `until` gives for an id."""
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


def _is_known(alias: Alias, joined: JoinedIds) -> bool:
    return joined.user_of(alias.alias) == joined.user_of(alias.user_id)


def _read(connection: sqlite3.Connection, previous: JoinedIds) -> JoinedIds:
    last = int(connection.execute("SELECT coalesce(max(number), 0) FROM alias").fetchone()[0])
    erased = _erased(connection)
    if (last, erased) == (previous.last, previous.erased):
        return previous
    users = dict(connection.execute("SELECT alias, user FROM alias ORDER BY number"))
    return JoinedIds(users, last, erased)


def _insert(connection: sqlite3.Connection, aliases: Sequence[Alias], live: int) -> list[str]:
    users: dict[str, str] = dict(connection.execute("SELECT alias, user FROM alias"))
    joined, reasons = JoinedIds(users), []
    for alias in aliases:
        if _is_known(alias, joined):
            reasons.append("")
        elif alias.alias in users:
            reasons.append(TAKEN)
        else:
            users[alias.alias] = alias.user_id
            connection.execute(
                "INSERT INTO alias (alias, user, live) VALUES (?, ?, ?)", (alias.alias, alias.user_id, live)
            )
            reasons.append("")
    return reasons


def _erased(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])
