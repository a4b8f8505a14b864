"""Redis streams: a consumer group, `redis://HOST:6379/STREAM?group=NAME` (or `/DATABASE/STREAM`).

The group, and the stream, are made where there are none, from the stream's start. Several listeners with one
group share its messages. What a dead one held is taken over by the others after `redeliver_after` seconds.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import time
import uuid
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from bowerbird.errors import SourceUnavailable, SourceError
from bowerbird.sources.address import Address
from bowerbird.sources.source import Lag, Message, client_library

T = TypeVar("T")
KNOWN = ("group", "redeliver_after")
GROUP = "bowerbird"
TIMEOUT_S = 10.0  # for one answer of the server
TAKE_OVERS = 3  # how often within `redeliver_after` we look for what dead listeners held


class RedisSource:
    """One stream of a Redis server."""

    def __init__(self, address: Address) -> None:
        address.check(KNOWN)
        self._redis = client_library("redis", "redis")
        self._address = address
        self._host, self._port = address.first_host(6379)
        database, _, stream = address.path.rpartition("/")
        self._database, self._stream = (int(database), stream) if database.isdigit() else (0, address.path)
        self._group = address.settings.get("group", GROUP)
        self._me = f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:6]}"
        self._client: Any = None
        self._mine: str | None = None
        self._look_at, self._cursor = 0.0, "0-0"

    def connect(self) -> None:
        if self._client is not None:
            self._client.close()
        self._client = self._redis.Redis(
            host=self._host,
            port=self._port,
            db=self._database,
            username=self._address.user or None,
            password=self._address.password or None,
            ssl=self._address.scheme == "rediss",
            socket_timeout=TIMEOUT_S,
            socket_connect_timeout=TIMEOUT_S,
            retry=None,  # we do that ourselves, and say so
            client_name="bowerbird",
            protocol=2,  # answers have one form whatever the server
        )
        self._mine = "0"  # what was handed to us and never acknowledged comes first
        self._look_at, self._cursor = 0.0, "0-0"
        self._asking(self._make_group)

    def _make_group(self) -> None:
        try:
            self._client.xgroup_create(self._stream, self._group, id="0", mkstream=True)
        except self._redis.ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise

    def fetch(self, most: int, wait_s: float) -> list[Message]:
        if self._mine is not None:
            found = self._asking(lambda: self._read(self._mine, most, None))
            self._mine = found[-1].receipt if found else None
            if found:
                return found
        if time.monotonic() >= self._look_at:
            taken = self._asking(lambda: self._take_over(most))
            if taken:
                return taken
        return self._asking(lambda: self._read(">", most, wait_s))

    def _read(self, since: str | None, most: int, wait_s: float | None) -> list[Message]:
        block = None if wait_s is None else max(1, round(wait_s * 1000))  # 0 would be for ever
        streams = {self._stream: since}
        answer = self._client.xreadgroup(self._group, self._me, streams, count=most, block=block)
        return self._messages([row for _, rows in answer or [] for row in rows])

    def _take_over(self, most: int) -> list[Message]:
        idle_ms = round(self._address.redeliver_after_s * 1000)
        whose = (self._stream, self._group, self._me)
        answer = self._client.xautoclaim(*whose, idle_ms, self._cursor, count=most)
        self._cursor = _name(answer[0])
        if self._cursor == "0-0":  # everything pending was looked at
            self._look_at = time.monotonic() + self._address.redeliver_after_s / TAKE_OVERS
        return self._messages(answer[1])

    def _messages(self, rows: Sequence[Any]) -> list[Message]:
        return [
            Message(_body(fields), f"{self._stream} {_name(number)}", _name(number))
            for number, fields in rows
            if number is not None
        ]

    def acknowledge(self, messages: Sequence[Message]) -> None:
        numbers = [message.receipt for message in messages]
        self._asking(lambda: self._client.xack(self._stream, self._group, *numbers))

    def lag(self) -> Lag | None:
        groups = self._asking(lambda: self._client.xinfo_groups(self._stream))
        group = next((one for one in groups if _name(one["name"]) == self._group), None)
        if group is None:
            return None
        left = group.get("lag")  # servers before version 7 can't tell
        return None if left is None else Lag(left + group["pending"], "messages")

    def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            # Where the server is away our name stays in the group, and does no harm.
            with contextlib.suppress(OSError, self._redis.RedisError):
                self._leave(client)
            client.close()

    def _leave(self, client: Any) -> None:
        """Take our name out of the group, unless it still stands for messages that others must take over."""
        held = client.xpending_range(self._stream, self._group, "-", "+", 1, consumername=self._me)
        if not held:
            client.xgroup_delconsumer(self._stream, self._group, self._me)

    def _asking(self, work: Callable[[], T]) -> T:
        shown, errors = self._address.shown, self._redis.exceptions
        try:
            return work()
        except (errors.AuthenticationError, errors.AuthorizationError, errors.NoPermissionError) as error:
            said = self._address.hiding(error)
            raise SourceError(f"{shown} refuses us ({said}): check user and password") from None
        except (OSError, errors.RedisError) as error:
            said = self._address.hiding(error) or type(error).__name__
            if said.startswith("WRONGTYPE"):
                raise SourceError(f"{shown}: {self._stream!r} is no stream ({said})") from None
            raise SourceUnavailable(f"{shown} can't be reached ({said})") from None


def _name(said: bytes | str) -> str:
    return said.decode(errors="replace") if isinstance(said, bytes) else said


def _body(fields: dict[bytes, bytes] | None) -> bytes:
    """The message: the value of its only field; several fields are the JSON object's own."""
    if not fields:  # it was trimmed from the stream before anybody had read it
        return b""
    if len(fields) == 1:
        return next(iter(fields.values()))
    return json.dumps({_name(name): _name(value) for name, value in fields.items()}).encode()
