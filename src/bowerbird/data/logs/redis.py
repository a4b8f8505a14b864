"""The log on a Redis server, for several machines, as long as all events fit into its memory.

Redis answers before its disk has what was said, unless its append-only file is flushed each time: the
server must have `appendonly yes` and `appendfsync always`, and must not evict. A commit is one script,
which Redis runs alone and logs whole. Events are numbered by our own counter and not by the server's clock,
which may jump.

    {bowerbird}:ids          digests of all events' ids
    {bowerbird}:live         number in order of arrival -> body, and :live:last, the last number
    {bowerbird}:imported     the same for imports
    {bowerbird}:generation
    {bowerbird}:forgetting   while a person is being removed, and after that was cut short

What `forget` can't reach: replicas that lag, and backups of the server's files.
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

from bowerbird.data.events import EVENT_SCHEMA, Event
from bowerbird.data.logs.address import shown, without_secrets
from bowerbird.data.logs.contract import EventLog, LogMark
from bowerbird.data.logs.embedded import EmbeddedLog
from bowerbird.data.logs.rows import Row, digest_of, event_of, in_order, rows_of, table_of, user_of
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
# The id last: a script that fails between two lines must not leave an id known whose body is not kept.
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
_AT_ONCE = 1000  # events of one command: the server does nothing else meanwhile
_ANSWER_S = 30.0
_REWRITE_S = 600.0


class RedisLog(EventLog):
    """The log in one database of a Redis server; `before` is the folder of the log until now."""

    forget_adds = 2

    def __init__(self, address: str, before: Path) -> None:
        super().__init__()
        self._address = address
        self._before = before
        self._client: Any = None
        self._opening = threading.Lock()
        self._ready_in = 0

    # -- reading ------------------------------------------------------------------------------------------

    def read(self) -> pa.Table:
        bodies = chain(self._numbered(_IMPORTED, 0), self._numbered(_LIVE, 0))
        return in_order(table_of(body for _, body in bodies))

    def tail_since(self, offset: int) -> tuple[list[Event], int]:
        found = list(self._numbered(_LIVE, offset))
        return [event_of(body) for _, body in found], found[-1][0] if found else offset

    @property
    def tail_size(self) -> int:
        return self._last(_LIVE)

    @property
    def mark(self) -> LogMark:
        return LogMark(self._last(_LIVE), self._last(_IMPORTED))

    @property
    def generation(self) -> int:
        with self._told():
            return int(self._server().get(_GENERATION) or 0)

    def __len__(self) -> int:
        with self._told():
            return int(self._server().scard(_IDS))

    # -- writing ------------------------------------------------------------------------------------------

    def _commit(self, rows: Sequence[Row]) -> list[bool]:
        new = set()
        with self._told():
            for start in range(0, len(rows), _AT_ONCE):
                new |= {
                    start + place for place in _add(self._server(), rows[start : start + _AT_ONCE], _LIVE)
                }
        return [place in new for place in range(len(rows))]

    def add_segment(self, events: pa.Table) -> int:
        with self._told():
            return _import(self._server(), events)

    def names_any(self, users: Mapping[str, LogMark]) -> bool:
        with self._told():
            if self._server().exists(_FORGETTING):
                return True
        return any(True for part in _by_place(users) for _ in self._theirs(*part))

    def forget_all(self, users: Mapping[str, LogMark]) -> int:
        if not users or not self.names_any(users):
            return 0
        with self._told():
            self._server().set(_FORGETTING, 1)
            self._server().incr(_GENERATION)
            removed = sum(self._forget_in(*part) for part in _by_place(users))
            self._server().incr(_GENERATION)
            self._rewrite_files()
            self._server().delete(_FORGETTING)
        return removed

    def _theirs(self, where: str, users: Mapping[str, int]) -> Iterator[tuple[int, bytes]]:
        """Numbers, and digests of the ids, of the events of users up to a number."""
        for number, body in self._numbered(where, 0):
            if number <= users.get(user_of(body), -1):
                yield number, digest_of(event_of(body).event_id)

    def _forget_in(self, where: str, users: Mapping[str, int]) -> int:
        removed, theirs = 0, self._theirs(where, users)
        while part := list(islice(theirs, _AT_ONCE)):
            self._server().eval(_REMOVE, 2, _IDS, where, *chain.from_iterable(part))
            removed += len(part)
        return removed

    def _rewrite_files(self) -> None:
        """Rewrite the append-only file, and the snapshot if there are any: both still name the person."""
        server = self._server()
        until = time.monotonic() + _REWRITE_S
        self._wait_for_children(until)
        server.bgrewriteaof()
        self._wait_for_children(until)
        done = server.info("persistence")["aof_last_bgrewrite_status"] == "ok"
        if server.config_get("save").get("save"):
            server.bgsave()
            self._wait_for_children(until)
            done = done and server.info("persistence")["rdb_last_bgsave_status"] == "ok"
        if not done:
            raise StoreError(
                f"the events were removed from {shown(self._address)}, but its files could not be rewritten "
                "and still name the person: free some space and run `bowerbird taste forget` again"
            )

    def _wait_for_children(self, until: float) -> None:
        busy = ("aof_rewrite_in_progress", "aof_rewrite_scheduled", "rdb_bgsave_in_progress")
        while any(self._server().info("persistence")[name] for name in busy):
            if time.monotonic() > until:
                raise StoreError(
                    f"the events were removed from {shown(self._address)}, but it is still rewriting its "
                    "files: until that ends they name the person"
                )
            time.sleep(0.05)

    def close(self) -> None:
        if self._client is not None and self._ready_in == os.getpid():
            self._client.close()
        self._client, self._ready_in = None, 0

    # -- inside -------------------------------------------------------------------------------------------

    def _last(self, where: str) -> int:
        with self._told():
            return int(self._server().get(f"{where}:last") or 0)

    def _numbered(self, where: str, after: int) -> Iterator[tuple[int, bytes]]:
        """Numbers and bodies behind a number, up to the last one when this is called first."""
        last = self._last(where)
        for start in range(after + 1, last + 1, _AT_ONCE):
            numbers = range(start, min(start + _AT_ONCE, last + 1))
            with self._told():
                bodies = self._server().hmget(where, numbers)
            yield from (
                (number, body) for number, body in zip(numbers, bodies, strict=True) if body is not None
            )

    def _server(self) -> Any:
        """The client; once a process it is made, the server checked, and the store's own log moved there."""
        if self._ready_in == os.getpid():
            return self._client
        with self._opening:
            if self._ready_in != os.getpid():
                # No retries: a second try would call the events of the first one repeated.
                never = Retry(NoBackoff(), 0)
                client = redis.Redis.from_url(self._address, socket_timeout=_ANSWER_S, retry=never)
                self._check_durable(client)
                EmbeddedLog(self._before).move_to(lambda events: _import(client, events))
                self._client, self._ready_in = client, os.getpid()
        return self._client

    def _check_durable(self, client: Any) -> None:
        told = client.config_get("append*") | client.config_get("maxmemory*")
        wanted = {"appendonly": "yes", "appendfsync": "always"}
        wrong = [f"{name} {told.get(name)}" for name, right in wanted.items() if told.get(name) != right]
        if told.get("maxmemory") != "0" and told.get("maxmemory-policy", "").startswith("allkeys"):
            wrong.append(f"maxmemory-policy {told['maxmemory-policy']}")
        if wrong:
            raise StoreError(
                f"the server {shown(self._address)} has {', '.join(wrong)}, with which events could be lost: "
                "set appendonly yes, appendfsync always, and maxmemory-policy noeviction"
            )

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        """Redis' errors as `StoreError`, without passwords."""
        try:
            yield
        except (redis.RedisError, OSError, ValueError) as error:
            said = without_secrets(str(error), self._address)
            raise StoreError(
                f"the event log at {shown(self._address)} can't be used ({said}): mend the server or the "
                "setting `events`, and send again what was not acknowledged; an event counts once"
            ) from None


def _by_place(users: Mapping[str, LogMark]) -> list[tuple[str, dict[str, int]]]:
    """Where to look, and for each user up to which number."""
    live = {user: mark.live for user, mark in users.items()}
    return [(_LIVE, live), (_IMPORTED, {user: mark.imported for user, mark in users.items()})]


def _add(client: Any, rows: Sequence[Row], where: str, *counting: str) -> list[int]:
    """Keep rows durably; gives the places of those that were new. `counting` is a counter that grows then."""
    said = [part for row in rows for part in (row.digest, row.body)]
    keys = (_IDS, where, f"{where}:last", *counting)
    return [int(place) for place in client.eval(_ADD, len(keys), *keys, *said)]


def _import(client: Any, events: pa.Table) -> int:
    rows, count = rows_of(events.select(EVENT_SCHEMA.names).cast(EVENT_SCHEMA)), 0
    while part := list(islice(rows, _AT_ONCE)):
        count += len(_add(client, part, _IMPORTED, _GENERATION))
    return count
