"""Boards that users make while a server runs: named lists of items in an order, one small database a store.

Boards of an import are `collections`; these change at every click, so they are no version. Each belongs to
one user. A shared one can be read by anybody who has its token, which is random and can be withdrawn.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import sqlite3
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bowerbird.data.files.durable import FileStamp, file_stamp
from bowerbird.errors import InputError

FILE = "boards.db"
MAX_BOARDS = 200  # of one user
MAX_ITEMS = 500  # of one board
MAX_NAME_LENGTH = 100  # characters
_WAIT_S = 10.0
_SCHEMA = """
CREATE TABLE IF NOT EXISTS boards (
    id TEXT PRIMARY KEY, user TEXT NOT NULL, name TEXT NOT NULL, items TEXT NOT NULL, token TEXT UNIQUE
);
CREATE INDEX IF NOT EXISTS boards_of_user ON boards (user);
"""


@dataclass(frozen=True)
class Board:
    """One board."""

    id: str
    user_id: str
    name: str
    item_ids: tuple[str, ...]
    token: str = ""
    """Opens it to anybody; empty where it is not shared."""


class Boards:
    """The boards of one store. Safe to use from several threads and processes."""

    def __init__(self, store: Path) -> None:
        self.path = store / FILE

    def stamp(self) -> tuple[FileStamp | None, FileStamp | None]:
        """Changes when a board does."""
        return file_stamp(self.path), file_stamp(self.path.with_name(f"{FILE}-wal"))

    def of_user(self, user_id: str) -> list[Board]:
        """A user's boards, the oldest first."""
        return self._select("user = ? ORDER BY rowid", user_id)

    def find(self, user_id: str, board_id: str) -> Board | None:
        """One board of a user."""
        return next(iter(self._select("user = ? AND id = ?", user_id, board_id)), None)

    def shared(self, token: str) -> Board | None:
        """The board that a token opens."""
        return next(iter(self._select("token = ?", token)), None) if token else None

    def create(self, user_id: str, name: str, item_ids: Sequence[str]) -> Board:
        """Make a board. Raises `InputError` for a name or a length out of bounds, and for too many boards."""
        board = Board(secrets.token_hex(8), user_id, _valid_name(name), _valid_items(item_ids))
        with self._writing() as database:
            (count,) = database.execute("SELECT count(*) FROM boards WHERE user = ?", (user_id,)).fetchone()
            if count >= MAX_BOARDS:
                raise InputError(f"there are {count} boards already: remove one first")
            database.execute(
                "INSERT INTO boards VALUES (?, ?, ?, ?, NULL)",
                (board.id, user_id, board.name, json.dumps(board.item_ids)),
            )
        return board

    def replace(self, user_id: str, board_id: str, name: str, item_ids: Sequence[str]) -> Board | None:
        """Give a board a name and items, in this order; None where the user has no such board."""
        values = (_valid_name(name), json.dumps(_valid_items(item_ids)))
        return self._update(user_id, board_id, "name = ?, items = ?", *values)

    def share(self, user_id: str, board_id: str, is_shared: bool) -> Board | None:
        """Open a board to anybody with its token, or close it; None where the user has no such board."""
        if not is_shared:
            return self._update(user_id, board_id, "token = NULL")
        return self._update(user_id, board_id, "token = coalesce(token, ?)", secrets.token_urlsafe(16))

    def remove(self, user_id: str, board_id: str) -> bool:
        """Remove a board; False where the user has no such board."""
        with self._writing() as database:
            cursor = database.execute("DELETE FROM boards WHERE user = ? AND id = ?", (user_id, board_id))
            return cursor.rowcount > 0

    def erase(self, user_ids: Collection[str]) -> None:
        """Remove all boards of some users."""
        if self.path.exists():
            with self._writing() as database:
                database.executemany("DELETE FROM boards WHERE user = ?", [(user,) for user in user_ids])

    def _update(self, user_id: str, board_id: str, assignments: str, *values: str) -> Board | None:
        with self._writing() as database:
            database.execute(
                f"UPDATE boards SET {assignments} WHERE user = ? AND id = ?", (*values, user_id, board_id)
            )
        return self.find(user_id, board_id)

    def _select(self, condition: str, *values: str) -> list[Board]:
        if not self.path.exists():
            return []
        query = f"SELECT id, user, name, items, token FROM boards WHERE {condition}"
        with contextlib.closing(self._connect()) as database:
            rows = database.execute(query, values).fetchall()
        return [
            Board(id_, user, name, tuple(json.loads(items)), token or "")
            for id_, user, name, items, token in rows
        ]

    @contextlib.contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with contextlib.closing(self._connect()) as database, database:
            yield database

    def _connect(self) -> sqlite3.Connection:
        database = sqlite3.connect(self.path, _WAIT_S)
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA secure_delete=ON")
        database.executescript(_SCHEMA)
        return database


def _valid_name(name: str) -> str:
    name = " ".join(name.split())
    if not 0 < len(name) <= MAX_NAME_LENGTH:
        raise InputError(f"the name has {len(name)} characters, expected 1 to {MAX_NAME_LENGTH}")
    return name


def _valid_items(item_ids: Sequence[str]) -> tuple[str, ...]:
    distinct = tuple(dict.fromkeys(item_ids))
    if len(distinct) > MAX_ITEMS:
        raise InputError(f"the board has {len(distinct)} items, expected at most {MAX_ITEMS}")
    return distinct
