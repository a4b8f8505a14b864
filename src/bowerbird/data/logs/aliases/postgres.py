"""The alias table on a Postgres server, in the database of the log."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from bowerbird.data.events import Alias
from bowerbird.data.logs.aliases.server import AliasRows, StoredAlias, TableState
from bowerbird.data.logs.postgres import ACQUIRE_LOCK, PostgresLog

_TABLES = """
CREATE TABLE IF NOT EXISTS bowerbird_aliases (
    number BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    alias BYTEA NOT NULL UNIQUE,  -- UTF-8; not TEXT, which can't hold every character
    user_id BYTEA NOT NULL,
    live BIGINT NOT NULL          -- end of the log's live events when it arrived
);
-- The planner's statistics hold samples of values, and those of an erased user would stay there.
ALTER TABLE bowerbird_aliases ALTER alias SET STATISTICS 0, ALTER user_id SET STATISTICS 0;
CREATE TABLE IF NOT EXISTS bowerbird_aliases_erased (erased BIGINT NOT NULL);
INSERT INTO bowerbird_aliases_erased SELECT 0 WHERE NOT EXISTS (SELECT FROM bowerbird_aliases_erased);
"""
_STATE = """
SELECT coalesce((SELECT max(number) FROM bowerbird_aliases), 0), (SELECT erased FROM bowerbird_aliases_erased)
"""
_INSERT = """
INSERT INTO bowerbird_aliases (alias, user_id, live)
SELECT alias, user_id, %s
FROM unnest(%s::bytea[], %s::bytea[]) WITH ORDINALITY AS come (alias, user_id, place) ORDER BY place
"""


class PostgresAliasRows(AliasRows):
    """The rows in one table. Writers hold the log's lock."""

    def __init__(self, log: PostgresLog) -> None:
        self._log = log
        self._prepared_in_pid = 0

    def state(self) -> TableState:
        """See `AliasRows.state`."""
        return TableState(*self._query(_STATE)[0])

    def after(self, number: int) -> list[StoredAlias]:
        """See `AliasRows.after`."""
        rows = self._query(
            "SELECT number, alias, user_id, live FROM bowerbird_aliases WHERE number > %s ORDER BY number",
            number,
        )
        return [
            StoredAlias(n, bytes(alias).decode(), bytes(user).decode(), live) for n, alias, user, live in rows
        ]

    def append(self, aliases: Sequence[Alias], live: int, expected: TableState) -> bool:
        """See `AliasRows.append`."""
        self._prepare_once()
        names = [alias.alias.encode() for alias in aliases], [alias.user_id.encode() for alias in aliases]
        with self._log.translate_errors(), self._log.connection() as connection, connection.transaction():
            connection.execute(ACQUIRE_LOCK)
            if connection.execute(_STATE).fetchone() != tuple(expected):
                return False
            connection.execute(_INSERT, (live, *names))
        return True

    def delete(self, numbers: Sequence[int]) -> None:
        """See `AliasRows.delete`."""
        self._prepare_once()
        with self._log.translate_errors(), self._log.connection() as connection:
            with connection.transaction():
                connection.execute(ACQUIRE_LOCK)
                connection.execute("DELETE FROM bowerbird_aliases WHERE number = ANY(%s)", (list(numbers),))
                connection.execute("UPDATE bowerbird_aliases_erased SET erased = erased + 1")
            connection.execute("VACUUM FULL bowerbird_aliases")

    def _query(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        self._prepare_once()
        return self._log.query(query, *values)

    def _prepare_once(self) -> None:
        if self._prepared_in_pid != os.getpid():
            with self._log.translate_errors(), self._log.connection() as connection, connection.transaction():
                connection.execute(ACQUIRE_LOCK)
                if connection.execute("SELECT to_regclass('bowerbird_aliases_erased')").fetchone() == (None,):
                    connection.execute(_TABLES)
            self._prepared_in_pid = os.getpid()
