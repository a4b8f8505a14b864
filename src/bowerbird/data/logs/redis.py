"""The log on a Redis server, for several machines, as long as all events fit into its memory.

Redis answers before a write is on disk, unless its append-only file is flushed each time: the server must
have `appendonly yes` and `appendfsync always`, and must not evict. A commit is one script, which Redis runs
and logs atomically. Events are numbered by a counter and not by the server's clock, which may jump.

    {bowerbird}:ids          digests of all events' ids
    {bowerbird}:live         number in order of arrival -> body, and :live:last, the last number
    {bowerbird}:imported     the same for imports
    {bowerbird}:generation
    {bowerbird}:forgetting   exists while users are being removed, and after an interrupted removal

`forget` can't remove events from lagging replicas or from backups of the server's files.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, islice
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
    decode_user_id,
    digest_id,
    encode_table,
    sort_by_time,
)
from bowerbird.errors import StoreError

try:
    import redis
    from redis.backoff import NoBackoff
    from redis.retry import Retry
except ImportError:
    raise StoreError("a log on Redis needs its client: pip install 'bowerbird[redis]'") from None

_IDS, _LIVE, _IMPORTED, _GENERATION, _FORGETTING = (
    f"{{bowerbird}}:{name}" for name in ("ids", "live", "imported", "generation", "forgetting")
)
# The id last: a script that fails between two commands must not leave an id whose body is missing.
_ADD = """
local last, new = tonumber(redis.call('GET', KEYS[3]) or '0'), {}
for i = 1, #ARGV, 2 do
    if redis.call('SISMEMBER', KEYS[1], ARGV[i]) == 0 then
        last = last + 1
        redis.call('HSET', KEYS[2], last, ARGV[i + 1])
        redis.call('SET', KEYS[3], last)
        redis.call('SADD', KEYS[1], ARGV[i])
        new[#new + 1] = (i - 1) / 2
    end
end
if KEYS[4] and #new > 0 then
    redis.call('INCR', KEYS[4])
end
return new
"""
_REMOVE = """
for i = 1, #ARGV, 2 do
    redis.call('HDEL', KEYS[2], ARGV[i])
    redis.call('SREM', KEYS[1], ARGV[i + 1])
end
"""
_EVENTS_PER_COMMAND = 1000  # events per command: the server blocks while it runs one
_TIMEOUT_S = 30.0
_REWRITE_S = 600.0


class RedisLog(EventLog):
    """The log in one database of a Redis server; events in the folder `before` are moved into it."""

    generations_per_forget = 2

    def __init__(self, address: str, before: Path) -> None:
        super().__init__()
        self._address = address
        self._before = before
        self._client: Any = None
        self._opening = threading.Lock()
        self._prepared_in_pid = 0

    # -- reading ------------------------------------------------------------------------------------------

    def read(self) -> pa.Table:
        """See `EventLog.read`."""
        bodies = chain(self._numbered(_IMPORTED, 0), self._numbered(_LIVE, 0))
        return sort_by_time(decode_bodies(body for _, body in bodies))

    def tail_since(self, offset: int) -> tuple[list[Event], int]:
        """See `EventLog.tail_since`."""
        numbered = list(self._numbered(_LIVE, offset))
        return [decode_event(body) for _, body in numbered], numbered[-1][0] if numbered else offset

    @property
    def tail_size(self) -> int:
        """See `EventLog.tail_size`."""
        return self._last(_LIVE)

    @property
    def mark(self) -> LogMark:
        """See `EventLog.mark`."""
        return LogMark(self._last(_LIVE), self._last(_IMPORTED))

    @property
    def generation(self) -> int:
        """See `EventLog.generation`."""
        with self.translate_errors():
            return int(self.server().get(_GENERATION) or 0)

    def __len__(self) -> int:
        with self.translate_errors():
            return int(self.server().scard(_IDS))

    # -- writing ------------------------------------------------------------------------------------------

    def _commit(self, rows: Sequence[Row]) -> list[bool]:
        new = set()
        with self.translate_errors():
            for start in range(0, len(rows), _EVENTS_PER_COMMAND):
                new |= {
                    start + index
                    for index in _add(self.server(), rows[start : start + _EVENTS_PER_COMMAND], _LIVE)
                }
        return [index in new for index in range(len(rows))]

    def add_segment(self, events: pa.Table) -> int:
        """See `EventLog.add_segment`."""
        with self.translate_errors():
            return _import(self.server(), events)

    def has_any_of(self, users: Mapping[str, LogMark]) -> bool:
        """See `EventLog.has_any_of`."""
        with self.translate_errors():
            if self.server().exists(_FORGETTING):
                return True
        return any(True for key_and_marks in _marks_by_key(users) for _ in self._events_of(*key_and_marks))

    def forget_all(self, users: Mapping[str, LogMark]) -> int:
        """See `EventLog.forget_all`."""
        if not users or not self.has_any_of(users):
            return 0
        with self.translate_errors():
            self.server().set(_FORGETTING, 1)
            self.server().incr(_GENERATION)
            removed = sum(self._remove_from(*key_and_marks) for key_and_marks in _marks_by_key(users))
            self.server().incr(_GENERATION)
            self.rewrite_files()
            self.server().delete(_FORGETTING)
        return removed

    def _events_of(self, key: str, users: Mapping[str, int]) -> Iterator[tuple[int, bytes]]:
        """Numbers, and digests of the ids, of the events of users up to their numbers."""
        for number, body in self._numbered(key, 0):
            if number <= users.get(decode_user_id(body), -1):
                yield number, digest_id(decode_event(body).event_id)

    def _remove_from(self, key: str, users: Mapping[str, int]) -> int:
        removed, events = 0, self._events_of(key, users)
        while batch := list(islice(events, _EVENTS_PER_COMMAND)):
            self.server().eval(_REMOVE, 2, _IDS, key, *chain.from_iterable(batch))
            removed += len(batch)
        return removed

    def rewrite_files(self) -> None:
        """Rewrite the append-only file, and the RDB snapshot if enabled: both still hold erased events."""
        server = self.server()
        deadline = time.monotonic() + _REWRITE_S
        self._wait_for_children(deadline)
        server.bgrewriteaof()
        self._wait_for_children(deadline)
        is_done = server.info("persistence")["aof_last_bgrewrite_status"] == "ok"
        if server.config_get("save").get("save"):
            server.bgsave()
            self._wait_for_children(deadline)
            is_done = is_done and server.info("persistence")["rdb_last_bgsave_status"] == "ok"
        if not is_done:
            raise StoreError(
                f"the events were removed from {redact_address(self._address)}, but its files could "
                "not be rewritten and still contain the user's events: free some space and "
                "run `bowerbird taste forget` again"
            )

    def _wait_for_children(self, deadline: float) -> None:
        busy = ("aof_rewrite_in_progress", "aof_rewrite_scheduled", "rdb_bgsave_in_progress")
        while any(self.server().info("persistence")[name] for name in busy):
            if time.monotonic() > deadline:
                raise StoreError(
                    f"the events were removed from {redact_address(self._address)}, but it is still "
                    "rewriting its files: until that ends they contain the user's events"
                )
            time.sleep(0.05)

    def close(self) -> None:
        """Close the connections; the next call opens them again."""
        if self._client is not None and self._prepared_in_pid == os.getpid():
            self._client.close()
        self._client, self._prepared_in_pid = None, 0

    # -- inside -------------------------------------------------------------------------------------------

    def _last(self, key: str) -> int:
        with self.translate_errors():
            return int(self.server().get(f"{key}:last") or 0)

    def _numbered(self, key: str, after: int) -> Iterator[tuple[int, bytes]]:
        """Numbers and bodies after a number, up to the last one at the time of the first `next`."""
        last = self._last(key)
        for start in range(after + 1, last + 1, _EVENTS_PER_COMMAND):
            numbers = range(start, min(start + _EVENTS_PER_COMMAND, last + 1))
            with self.translate_errors():
                bodies = self.server().hmget(key, numbers)
            yield from (
                (number, body) for number, body in zip(numbers, bodies, strict=True) if body is not None
            )

    def server(self) -> Any:
        """The client; once per process it is created, the server checked, and the store's own log moved."""
        if self._prepared_in_pid == os.getpid():
            return self._client
        with self._opening:
            if self._prepared_in_pid != os.getpid():
                # No retries: a second attempt would report the events of the first one as repeated.
                no_retry = Retry(NoBackoff(), 0)
                client = redis.Redis.from_url(self._address, socket_timeout=_TIMEOUT_S, retry=no_retry)
                self._check_durable(client)
                EmbeddedLog(self._before).move_to(lambda events: _import(client, events))
                self._client, self._prepared_in_pid = client, os.getpid()
        return self._client

    def _check_durable(self, client: Any) -> None:
        settings = client.config_get("append*") | client.config_get("maxmemory*")
        required = {"appendonly": "yes", "appendfsync": "always"}
        wrong = [
            f"{name} {settings.get(name)}" for name, value in required.items() if settings.get(name) != value
        ]
        if settings.get("maxmemory") != "0" and settings.get("maxmemory-policy", "").startswith("allkeys"):
            wrong.append(f"maxmemory-policy {settings['maxmemory-policy']}")
        if wrong:
            raise StoreError(
                f"the server {redact_address(self._address)} has {', '.join(wrong)}, with which events could "
                "be lost: set appendonly yes, appendfsync always, and maxmemory-policy noeviction"
            )

    @contextlib.contextmanager
    def translate_errors(self) -> Iterator[None]:
        """Turn Redis' errors into `StoreError`, without passwords."""
        try:
            yield
        except (redis.RedisError, OSError, ValueError) as error:
            reason = redact_message(str(error), self._address)
            raise StoreError(
                f"the event log at {redact_address(self._address)} can't be used ({reason}): repair the "
                "server or the setting `events`, and send again what was not acknowledged; an event counts "
                "once"
            ) from None


def _marks_by_key(users: Mapping[str, LogMark]) -> list[tuple[str, dict[str, int]]]:
    """The keys of both hashes of events, each with the last number to remove of every user."""
    live = {user: mark.live for user, mark in users.items()}
    return [(_LIVE, live), (_IMPORTED, {user: mark.imported for user, mark in users.items()})]


def _add(client: Any, rows: Sequence[Row], key: str, *counters: str) -> list[int]:
    """Store rows durably; returns the indices of new ones. If there are any, increments `counters`."""
    arguments = [argument for row in rows for argument in (row.digest, row.body)]
    keys = (_IDS, key, f"{key}:last", *counters)
    return [int(index) for index in client.eval(_ADD, len(keys), *keys, *arguments)]


def _import(client: Any, events: pa.Table) -> int:
    rows, count = encode_table(as_event_table(events)), 0
    while batch := list(islice(rows, _EVENTS_PER_COMMAND)):
        count += len(_add(client, batch, _IMPORTED, _GENERATION))
    return count
