"""The log on a Postgres server, for several machines.

Writers hold an advisory lock until their commit, so that events become visible in the order of `seq`:
otherwise a reader could miss an event whose commit ended after a later one's. Threads of one process share
commits (`GroupCommit`), so there are few lock acquisitions.

`forget` can't remove events from the server's write-ahead log until it is recycled, from lagging replicas, or
from backups.
"""

from __future__ import annotations

import contextlib
import os
import select
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from bowerbird.data.events import Event, as_event_table
from bowerbird.data.files.addresses import redact_address, redact_message
from bowerbird.data.logs.contract import EventLog, LogMark
from bowerbird.data.logs.local.embedded import EmbeddedLog
from bowerbird.data.logs.rows import (
    Row,
    decode_bodies,
    decode_event,
    encode_table,
    mark_new_rows,
    sort_by_time,
)
from bowerbird.errors import StoreError

try:
    import psycopg
except ImportError:
    raise StoreError("a log on Postgres needs psycopg: pip install 'bowerbird[postgres]'") from None

_TABLES = """
CREATE TABLE bowerbird_events (
    seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    digest BYTEA NOT NULL UNIQUE,  -- 128 bits of BLAKE2 of the event's id
    live BOOLEAN NOT NULL,         -- false: imported
    user_id BYTEA NOT NULL,        -- UTF-8; not TEXT, which can't hold every character
    body TEXT NOT NULL             -- the event as JSON; `at` in microseconds since 1970
);
-- The planner's statistics hold samples of values, and those of an erased user would stay there.
ALTER TABLE bowerbird_events
    ALTER digest SET STATISTICS 0, ALTER user_id SET STATISTICS 0, ALTER body SET STATISTICS 0;
CREATE INDEX bowerbird_events_live ON bowerbird_events (seq) WHERE live;
CREATE INDEX bowerbird_events_user ON bowerbird_events (user_id);
CREATE TABLE bowerbird_generation (generation BIGINT NOT NULL);
INSERT INTO bowerbird_generation VALUES (0);
"""
_LOCK = 0x626F776572626972  # "bowerbir": one log a database, so one key
ACQUIRE_LOCK = f"SELECT pg_advisory_xact_lock({_LOCK})"
_INSERT = """
INSERT INTO bowerbird_events (digest, live, user_id, body)
SELECT digest, true, user_id, body
FROM unnest(%s::bytea[], %s::bytea[], %s::text[]) WITH ORDINALITY AS come (digest, user_id, body, place)
ORDER BY place ON CONFLICT (digest) DO NOTHING RETURNING digest
"""
_OF_USERS = "SELECT body FROM bowerbird_events WHERE user_id = ANY(%s::bytea[]) ORDER BY seq"
_IMPORT = """
INSERT INTO bowerbird_events (digest, live, user_id, body)
SELECT digest, false, user_id, body FROM arriving ORDER BY place ON CONFLICT (digest) DO NOTHING
"""
_MARKED_ROWS = """
unnest(%s::bytea[], %s::bigint[]) AS gone (id, until)
WHERE bowerbird_events.user_id = gone.id AND bowerbird_events.seq <= gone.until
"""
_HAS_ANY = f"SELECT EXISTS (SELECT FROM bowerbird_events, {_MARKED_ROWS})"
_FORGET = f"DELETE FROM bowerbird_events USING {_MARKED_ROWS}"
# The table's comment marks a running erasure, or one that was interrupted before the VACUUM.
_IS_FORGETTING = (
    "SELECT obj_description('bowerbird_events'::regclass, 'pg_class') IS NOT DISTINCT FROM 'forgetting'"
)
_BEGIN_FORGETTING = "COMMENT ON TABLE bowerbird_events IS 'forgetting'"
_END_FORGETTING = "COMMENT ON TABLE bowerbird_events IS NULL"
_NEXT_GENERATION = "UPDATE bowerbird_generation SET generation = generation + 1"
_CONNECT_S = 10
_ROWS_PER_FETCH = 10_000


class PostgresLog(EventLog):
    """The log in two tables of a Postgres database; events in the folder `before` are moved into it."""

    generations_per_forget = 1

    def __init__(self, address: str, before: Path) -> None:
        super().__init__()
        self._address = address
        self._before = before
        self._idle: psycopg.Connection[tuple[Any, ...]] | None = None
        self._query_lock, self._opening = threading.Lock(), threading.Lock()
        self._commit_connection: psycopg.Connection[tuple[Any, ...]] | None = None
        self._prepared_in_pid = 0  # id of the process that has created the tables and moved older events

    # -- reading ------------------------------------------------------------------------------------------

    def read(self) -> pa.Table:
        """See `EventLog.read`."""
        with self.translate_errors(), self.connection() as connection, connection.transaction():
            return sort_by_time(decode_bodies(self._bodies(connection)))

    def read_users(self, users: Collection[str]) -> pa.Table:
        """See `EventLog.read_users`."""
        ids = [user.encode() for user in users]
        rows = self.query(_OF_USERS, ids)
        return sort_by_time(decode_bodies(body.encode() for (body,) in rows))

    def _bodies(self, connection: psycopg.Connection[tuple[Any, ...]]) -> Iterator[bytes]:
        with connection.cursor("bowerbird_read") as rows:  # a cursor on the server: not all rows in memory
            rows.itersize = _ROWS_PER_FETCH
            for (body,) in rows.execute("SELECT body FROM bowerbird_events ORDER BY seq"):
                yield body.encode()

    def tail_since(self, offset: int) -> tuple[list[Event], int]:
        """See `EventLog.tail_since`."""
        rows = self.query(
            "SELECT seq, body FROM bowerbird_events WHERE seq > %s AND live ORDER BY seq", offset
        )
        return [decode_event(body) for _, body in rows], rows[-1][0] if rows else offset

    @property
    def tail_size(self) -> int:
        """See `EventLog.tail_size`."""
        last = "SELECT seq FROM bowerbird_events WHERE live ORDER BY seq DESC LIMIT 1"
        return int(self.query(f"SELECT coalesce(({last}), 0)")[0][0])

    @property
    def mark(self) -> LogMark:
        """See `EventLog.mark`."""
        last = int(self.query("SELECT coalesce(max(seq), 0) FROM bowerbird_events")[0][0])
        return LogMark(last, last)

    @property
    def generation(self) -> int:
        """See `EventLog.generation`."""
        return int(self.query("SELECT generation FROM bowerbird_generation")[0][0])

    def __len__(self) -> int:
        return int(self.query("SELECT count(*) FROM bowerbird_events")[0][0])

    # -- writing ------------------------------------------------------------------------------------------

    def _commit(self, rows: Sequence[Row]) -> list[bool]:
        with self.translate_errors():
            self._prepare_once()
            if self._commit_connection is None or not _is_usable(self._commit_connection):
                self._commit_connection = self._connect()
            try:
                with self._commit_connection.transaction():
                    self._commit_connection.execute(ACQUIRE_LOCK)
                    columns = (
                        [row.digest for row in rows],
                        [row.user_id.encode() for row in rows],
                        [row.body.decode() for row in rows],
                    )
                    stored = self._commit_connection.execute(_INSERT, columns).fetchall()
            except BaseException:
                self._commit_connection.close()
                self._commit_connection = None
                raise
        return mark_new_rows(rows, {bytes(digest) for (digest,) in stored})

    def add_segment(self, events: pa.Table) -> int:
        """See `EventLog.add_segment`."""
        with self.translate_errors(), self.connection() as connection:
            return self._import(connection, events)

    def _import(self, connection: psycopg.Connection[tuple[Any, ...]], events: pa.Table) -> int:
        with connection.transaction():
            connection.execute(
                "CREATE TEMPORARY TABLE arriving (place BIGINT, digest BYTEA, user_id BYTEA, body TEXT) "
                "ON COMMIT DROP"
            )
            with connection.cursor().copy("COPY arriving FROM STDIN") as copy:
                for number, row in enumerate(encode_table(as_event_table(events))):
                    copy.write_row((number, row.digest, row.user_id.encode(), row.body.decode()))
            connection.execute(ACQUIRE_LOCK)
            count = connection.execute(_IMPORT).rowcount
            if count:
                connection.execute(_NEXT_GENERATION)
        return count

    def has_any_of(self, users: Mapping[str, LogMark]) -> bool:
        """See `EventLog.has_any_of`."""
        return bool(self.query(_IS_FORGETTING)[0][0] or self.query(_HAS_ANY, *_parameters(users))[0][0])

    def forget_all(self, users: Mapping[str, LogMark]) -> int:
        """See `EventLog.forget_all`."""
        if not users or not self.has_any_of(users):
            return 0
        with self.translate_errors(), self.connection() as connection:
            with connection.transaction():
                connection.execute(ACQUIRE_LOCK)
                deleted = connection.execute(_FORGET, _parameters(users))
                if deleted.rowcount:
                    connection.execute(_NEXT_GENERATION)
                    connection.execute(_BEGIN_FORGETTING)
            # FULL: a plain VACUUM marks a row's space as free, but leaves its bytes there.
            connection.execute("VACUUM FULL bowerbird_events")
            connection.execute(_END_FORGETTING)
            return deleted.rowcount

    def close(self) -> None:
        """Close the connections; the next call opens them again."""
        for connection in (self._idle, self._commit_connection):
            if connection is not None and self._prepared_in_pid == os.getpid():
                connection.close()
        self._idle, self._commit_connection, self._prepared_in_pid = None, None, 0

    # -- connections --------------------------------------------------------------------------------------

    def query(self, query: Any, *values: object) -> list[tuple[Any, ...]]:
        """Run one short query over the shared connection for those."""
        with self.translate_errors(), self._query_lock:
            self._prepare_once()
            if self._idle is None or not _is_usable(self._idle):
                self._idle = self._connect()
            try:
                return self._idle.execute(query, values).fetchall()
            except BaseException:
                self._idle.close()
                self._idle = None
                raise

    @contextlib.contextmanager
    def connection(self) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
        """A connection of its own, for long operations."""
        self._prepare_once()
        with contextlib.closing(self._connect()) as connection:
            yield connection

    def _prepare_once(self) -> None:
        """Once per process: create the tables, and move events that are still in the store's folder."""
        if self._prepared_in_pid == os.getpid():
            return
        with self._opening:
            if self._prepared_in_pid == os.getpid():
                return
            self._idle = self._commit_connection = None  # after a fork: they belong to the parent
            with contextlib.closing(self._connect()) as connection:
                self._check_durable(connection)
                with connection.transaction():
                    connection.execute(ACQUIRE_LOCK)  # concurrent creations of the tables would fail
                    if connection.execute("SELECT to_regclass('bowerbird_events')").fetchone() == (None,):
                        connection.execute(_TABLES)
                EmbeddedLog(self._before).move_to(lambda events: self._import(connection, events))
            self._prepared_in_pid = os.getpid()

    def _connect(self) -> psycopg.Connection[tuple[Any, ...]]:
        connection = psycopg.connect(self._address, autocommit=True, connect_timeout=_CONNECT_S)
        connection.execute("SET synchronous_commit = on")  # a database's default may be asynchronous commits
        return connection

    def _check_durable(self, connection: psycopg.Connection[tuple[Any, ...]]) -> None:
        for setting, required in (("fsync", "on"), ("full_page_writes", "on"), ("server_encoding", "UTF8")):
            row = connection.execute("SELECT current_setting(%s)", (setting,)).fetchone()
            if row != (required,):
                raise StoreError(
                    f"the server {redact_address(self._address)} has {setting} = {row and row[0]}, "
                    f"with which events could be lost: it must be {required}"
                )

    @contextlib.contextmanager
    def translate_errors(self) -> Iterator[None]:
        """Turn Postgres' errors into `StoreError`, without passwords."""
        try:
            yield
        except psycopg.Error as error:
            reason = redact_message(" ".join(str(error).split()), self._address)
            raise StoreError(
                f"the event log at {redact_address(self._address)} can't be used ({reason}): repair the "
                "server or the setting `events`, and send again what was not acknowledged; an event counts "
                "once"
            ) from None


def _parameters(users: Mapping[str, LogMark]) -> tuple[list[bytes], list[int]]:
    """User ids and marks as query parameters; imports and live events share one sequence here."""
    return [user.encode() for user in users], [mark.live for mark in users.values()]


def _is_usable(connection: psycopg.Connection[tuple[Any, ...]]) -> bool:
    """Whether an idle connection is still open: unread input on one means that the server has closed it."""
    if connection.closed:
        return False
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return not poll.poll(0)
