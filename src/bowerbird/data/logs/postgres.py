"""The log on a Postgres server, for several machines.

Writers take turns by an advisory lock until their commit, so that the order of `seq` is the order in which
events become visible: otherwise a reader would pass by an event whose commit ended after a later one's.
Threads of one process share commits (`GroupCommit`), so the turns are few.

What `forget` can't reach: the server's own write-ahead log until it is recycled, replicas that lag, and
backups.
"""

from __future__ import annotations

import contextlib
import os
import select
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from bowerbird.data.events import EVENT_SCHEMA, Event
from bowerbird.data.logs.address import shown, without_secrets
from bowerbird.data.logs.contract import EventLog, LogMark
from bowerbird.data.logs.embedded import EmbeddedLog
from bowerbird.data.logs.rows import Row, event_of, in_order, newness, rows_of, table_of
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
-- The planner's statistics hold samples of values, and a person's would stay there when they are forgotten.
ALTER TABLE bowerbird_events
    ALTER digest SET STATISTICS 0, ALTER user_id SET STATISTICS 0, ALTER body SET STATISTICS 0;
CREATE INDEX bowerbird_events_live ON bowerbird_events (seq) WHERE live;
CREATE INDEX bowerbird_events_user ON bowerbird_events (user_id);
CREATE TABLE bowerbird_generation (generation BIGINT NOT NULL);
INSERT INTO bowerbird_generation VALUES (0);
"""
_LOCK = 0x626F776572626972  # "bowerbir": one log a database, so one key
_TAKE_TURN = f"SELECT pg_advisory_xact_lock({_LOCK})"
_INSERT = """
INSERT INTO bowerbird_events (digest, live, user_id, body)
SELECT digest, true, user_id, body
FROM unnest(%s::bytea[], %s::bytea[], %s::text[]) WITH ORDINALITY AS come (digest, user_id, body, place)
ORDER BY place ON CONFLICT (digest) DO NOTHING RETURNING digest
"""
_IMPORT = """
INSERT INTO bowerbird_events (digest, live, user_id, body)
SELECT digest, false, user_id, body FROM arriving ORDER BY place ON CONFLICT (digest) DO NOTHING
"""
_THEIRS = """
unnest(%s::bytea[], %s::bigint[]) AS gone (id, until)
WHERE bowerbird_events.user_id = gone.id AND bowerbird_events.seq <= gone.until
"""
_NAMES = f"SELECT EXISTS (SELECT FROM bowerbird_events, {_THEIRS})"
_FORGET = f"DELETE FROM bowerbird_events USING {_THEIRS}"
# The table's comment says that a person is being removed, or that this was cut short before the VACUUM.
_IS_FORGETTING = (
    "SELECT obj_description('bowerbird_events'::regclass, 'pg_class') IS NOT DISTINCT FROM 'forgetting'"
)
_BEGIN_FORGETTING = "COMMENT ON TABLE bowerbird_events IS 'forgetting'"
_END_FORGETTING = "COMMENT ON TABLE bowerbird_events IS NULL"
_NEXT_GENERATION = "UPDATE bowerbird_generation SET generation = generation + 1"
_CONNECT_S = 10
_FETCHED_AT_ONCE = 10_000


class PostgresLog(EventLog):
    """The log in two tables of a Postgres database; `before` is the folder of the log until now."""

    forget_adds = 1

    def __init__(self, address: str, before: Path) -> None:
        super().__init__()
        self._address = address
        self._before = before
        self._held: psycopg.Connection[tuple[Any, ...]] | None = None
        self._asking, self._opening = threading.Lock(), threading.Lock()
        self._committing: psycopg.Connection[tuple[Any, ...]] | None = None
        self._ready_in = 0  # the process that has made the tables and moved what was before

    # -- reading ------------------------------------------------------------------------------------------

    def read(self) -> pa.Table:
        with self._told(), self._connection() as own, own.transaction():
            return in_order(table_of(self._bodies(own)))

    def _bodies(self, own: psycopg.Connection[tuple[Any, ...]]) -> Iterator[bytes]:
        with own.cursor("bowerbird_read") as rows:  # a cursor on the server: not all rows in memory
            rows.itersize = _FETCHED_AT_ONCE
            for (body,) in rows.execute("SELECT body FROM bowerbird_events ORDER BY seq"):
                yield body.encode()

    def tail_since(self, offset: int) -> tuple[list[Event], int]:
        rows = self._ask(
            "SELECT seq, body FROM bowerbird_events WHERE seq > %s AND live ORDER BY seq", offset
        )
        return [event_of(body) for _, body in rows], rows[-1][0] if rows else offset

    @property
    def tail_size(self) -> int:
        last = "SELECT seq FROM bowerbird_events WHERE live ORDER BY seq DESC LIMIT 1"
        return int(self._ask(f"SELECT coalesce(({last}), 0)")[0][0])

    @property
    def mark(self) -> LogMark:
        last = int(self._ask("SELECT coalesce(max(seq), 0) FROM bowerbird_events")[0][0])
        return LogMark(last, last)

    @property
    def generation(self) -> int:
        return int(self._ask("SELECT generation FROM bowerbird_generation")[0][0])

    def __len__(self) -> int:
        return int(self._ask("SELECT count(*) FROM bowerbird_events")[0][0])

    # -- writing ------------------------------------------------------------------------------------------

    def _commit(self, rows: Sequence[Row]) -> list[bool]:
        with self._told():
            self._ready()
            if self._committing is None or not _usable(self._committing):
                self._committing = self._connected()
            try:
                with self._committing.transaction():
                    self._committing.execute(_TAKE_TURN)
                    columns = (
                        [row.digest for row in rows],
                        [row.user_id.encode() for row in rows],
                        [row.body.decode() for row in rows],
                    )
                    kept = self._committing.execute(_INSERT, columns).fetchall()
            except BaseException:
                self._committing.close()
                self._committing = None
                raise
        return newness(rows, {bytes(digest) for (digest,) in kept})

    def add_segment(self, events: pa.Table) -> int:
        with self._told(), self._connection() as own:
            return self._import(own, events)

    def _import(self, own: psycopg.Connection[tuple[Any, ...]], events: pa.Table) -> int:
        with own.transaction():
            own.execute(
                "CREATE TEMPORARY TABLE arriving (place BIGINT, digest BYTEA, user_id BYTEA, body TEXT) "
                "ON COMMIT DROP"
            )
            with own.cursor().copy("COPY arriving FROM STDIN") as copy:
                for place, row in enumerate(rows_of(events.select(EVENT_SCHEMA.names).cast(EVENT_SCHEMA))):
                    copy.write_row((place, row.digest, row.user_id.encode(), row.body.decode()))
            own.execute(_TAKE_TURN)
            count = own.execute(_IMPORT).rowcount
            if count:
                own.execute(_NEXT_GENERATION)
        return count

    def names_any(self, users: Mapping[str, LogMark]) -> bool:
        return bool(self._ask(_IS_FORGETTING)[0][0] or self._ask(_NAMES, *_columns_of(users))[0][0])

    def forget_all(self, users: Mapping[str, LogMark]) -> int:
        if not users or not self.names_any(users):
            return 0
        with self._told(), self._connection() as own:
            with own.transaction():
                own.execute(_TAKE_TURN)
                gone = own.execute(_FORGET, _columns_of(users))
                if gone.rowcount:
                    own.execute(_NEXT_GENERATION)
                    own.execute(_BEGIN_FORGETTING)
            # FULL: a plain VACUUM frees the place of a row, but leaves its bytes there.
            own.execute("VACUUM FULL bowerbird_events")
            own.execute(_END_FORGETTING)
            return gone.rowcount

    def close(self) -> None:
        for connection in (self._held, self._committing):
            if connection is not None and self._ready_in == os.getpid():
                connection.close()
        self._held, self._committing, self._ready_in = None, None, 0

    # -- connections --------------------------------------------------------------------------------------

    def _ask(self, question: Any, *values: object) -> list[tuple[Any, ...]]:
        """One short question, over the connection that is kept for them."""
        with self._told(), self._asking:
            self._ready()
            if self._held is None or not _usable(self._held):
                self._held = self._connected()
            try:
                return self._held.execute(question, values).fetchall()
            except BaseException:
                self._held.close()
                self._held = None
                raise

    @contextlib.contextmanager
    def _connection(self) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
        """A connection of its own, for what takes long."""
        self._ready()
        with contextlib.closing(self._connected()) as own:
            yield own

    def _ready(self) -> None:
        """Once a process: make the tables, and move what the store's folder held before."""
        if self._ready_in == os.getpid():
            return
        with self._opening:
            if self._ready_in == os.getpid():
                return
            self._held = self._committing = None  # a fork carried them over: they are the parent's
            with contextlib.closing(self._connected()) as own:
                self._check_durable(own)
                with own.transaction():
                    own.execute(_TAKE_TURN)  # two that create tables at once would get in each other's way
                    if own.execute("SELECT to_regclass('bowerbird_events')").fetchone() == (None,):
                        own.execute(_TABLES)
                EmbeddedLog(self._before).move_to(lambda events: self._import(own, events))
            self._ready_in = os.getpid()

    def _connected(self) -> psycopg.Connection[tuple[Any, ...]]:
        connection = psycopg.connect(self._address, autocommit=True, connect_timeout=_CONNECT_S)
        connection.execute("SET synchronous_commit = on")  # a database may be set to acknowledge early
        return connection

    def _check_durable(self, own: psycopg.Connection[tuple[Any, ...]]) -> None:
        for setting, wanted in (("fsync", "on"), ("full_page_writes", "on"), ("server_encoding", "UTF8")):
            found = own.execute("SELECT current_setting(%s)", (setting,)).fetchone()
            if found != (wanted,):
                raise StoreError(
                    f"the server {shown(self._address)} has {setting} = {found and found[0]}, with which "
                    f"events could be lost: it must be {wanted}"
                )

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        """Postgres' errors as `StoreError`, without passwords."""
        try:
            yield
        except psycopg.Error as error:
            said = without_secrets(" ".join(str(error).split()), self._address)
            raise StoreError(
                f"the event log at {shown(self._address)} can't be used ({said}): mend the server or the "
                "setting `events`, and send again what was not acknowledged; an event counts once"
            ) from None


def _columns_of(users: Mapping[str, LogMark]) -> tuple[list[bytes], list[int]]:
    """Ids and marks; imports and live events share one sequence here."""
    return [user.encode() for user in users], [mark.live for mark in users.values()]


def _usable(connection: psycopg.Connection[tuple[Any, ...]]) -> bool:
    """Whether an idle connection is still one: a server that has something to say unasked has closed it."""
    if connection.closed:
        return False
    waiting = select.poll()
    waiting.register(connection.fileno(), select.POLLIN)
    return not waiting.poll(0)
