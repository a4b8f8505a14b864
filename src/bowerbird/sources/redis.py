"""Redis streams: a consumer group, `redis://HOST:6379/STREAM?group=NAME` (or `/DATABASE/STREAM`).

The group and the stream are created if they don't exist, from the stream's start. Several consumers with one
group share its messages. A dead consumer's pending messages are claimed by the others after `redeliver_after`
seconds.
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

from bowerbird.errors import SourceError, SourceUnavailable
from bowerbird.sources.address import Address
from bowerbird.sources.source import Lag, Message, import_client

T = TypeVar("T")
KNOWN_SETTINGS = ("group", "redeliver_after")
DEFAULT_GROUP = "bowerbird"
TIMEOUT_S = 10.0  # for one response of the server
CLAIMS_PER_PERIOD = 3  # claims of dead consumers' messages per `redeliver_after` period


class RedisSource:
    """One stream of a Redis server."""

    def __init__(self, address: Address) -> None:
        address.check(KNOWN_SETTINGS)
        self._redis = import_client("redis", "redis")
        self._address = address
        self._host, self._port = address.first_host(6379)
        database, _, stream = address.path.rpartition("/")
        self._database, self._stream = (int(database), stream) if database.isdecimal() else (0, address.path)
        self._group = address.settings.get("group", DEFAULT_GROUP)
        self._consumer_name = f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:6]}"
        self._client: Any = None
        self._own_pending_id: str | None = None
        self._next_claim_at, self._cursor = 0.0, "0-0"

    def connect(self) -> None:
        """See `Source.connect`."""
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
            retry=None,  # we retry ourselves, with a message
            client_name="bowerbird",
            protocol=2,  # the same response format for all server versions
        )
        self._own_pending_id = "0"  # first our own unacknowledged messages
        self._next_claim_at, self._cursor = 0.0, "0-0"
        self._call(self._create_group)

    def _create_group(self) -> None:
        try:
            self._client.xgroup_create(self._stream, self._group, id="0", mkstream=True)
        except self._redis.ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise

    def fetch(self, max_messages: int, wait_s: float) -> list[Message]:
        """See `Source.fetch`."""
        if self._own_pending_id is not None:
            messages = self._call(lambda: self._read(self._own_pending_id, max_messages, None))
            self._own_pending_id = messages[-1].receipt if messages else None
            if messages:
                return messages
        if time.monotonic() >= self._next_claim_at:
            claimed = self._call(lambda: self._claim_pending(max_messages))
            if claimed:
                return claimed
        return self._call(lambda: self._read(">", max_messages, wait_s))

    def _read(self, after_id: str | None, max_messages: int, wait_s: float | None) -> list[Message]:
        block = None if wait_s is None else max(1, round(wait_s * 1000))  # 0 means forever
        streams = {self._stream: after_id}
        response = self._client.xreadgroup(
            self._group, self._consumer_name, streams, count=max_messages, block=block
        )
        return self._messages([row for _, rows in response or [] for row in rows])

    def _claim_pending(self, max_messages: int) -> list[Message]:
        idle_ms = round(self._address.redeliver_after_s * 1000)
        consumer = (self._stream, self._group, self._consumer_name)
        response = self._client.xautoclaim(*consumer, idle_ms, self._cursor, count=max_messages)
        self._cursor = _decode(response[0])
        if self._cursor == "0-0":  # all pending messages were scanned
            self._next_claim_at = time.monotonic() + self._address.redeliver_after_s / CLAIMS_PER_PERIOD
        return self._messages(response[1])

    def _messages(self, rows: Sequence[Any]) -> list[Message]:
        return [
            Message(_join_fields(fields), f"{self._stream} {_decode(entry_id)}", _decode(entry_id))
            for entry_id, fields in rows
            if entry_id is not None
        ]

    def acknowledge(self, messages: Sequence[Message]) -> None:
        """See `Source.acknowledge`."""
        entry_ids = [message.receipt for message in messages]
        self._call(lambda: self._client.xack(self._stream, self._group, *entry_ids))

    def lag(self) -> Lag | None:
        """See `Source.lag`."""
        groups = self._call(lambda: self._client.xinfo_groups(self._stream))
        group = next((info for info in groups if _decode(info["name"]) == self._group), None)
        if group is None:
            return None
        n_unread = group.get("lag")  # not reported before Redis 7
        return None if n_unread is None else Lag(n_unread + group["pending"], "messages")

    def close(self) -> None:
        """See `Source.close`."""
        client, self._client = self._client, None
        if client is not None:
            # If the server is unreachable, our name stays in the group, which is harmless.
            with contextlib.suppress(OSError, self._redis.RedisError):
                self._remove_consumer(client)
            client.close()

    def _remove_consumer(self, client: Any) -> None:
        """Remove our name from the group, unless it has pending messages that others must claim."""
        pending = client.xpending_range(
            self._stream, self._group, "-", "+", 1, consumername=self._consumer_name
        )
        if not pending:
            client.xgroup_delconsumer(self._stream, self._group, self._consumer_name)

    def _call(self, request: Callable[[], T]) -> T:
        redacted, errors = self._address.redacted, self._redis.exceptions
        try:
            return request()
        except (errors.AuthenticationError, errors.AuthorizationError, errors.NoPermissionError) as error:
            reason = self._address.redact(error)
            raise SourceError(f"{redacted} denies access ({reason}): check user and password") from None
        except (OSError, errors.RedisError) as error:
            reason = self._address.redact(error) or type(error).__name__
            if reason.startswith("WRONGTYPE"):
                raise SourceError(f"{redacted}: {self._stream!r} is not a stream ({reason})") from None
            raise SourceUnavailable(f"{redacted} can't be reached ({reason})") from None


def _decode(value: bytes | str) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else value


def _join_fields(fields: dict[bytes, bytes] | None) -> bytes:
    """The message body: the value of its only field, or several fields as one JSON object."""
    if not fields:  # trimmed from the stream before it was read
        return b""
    if len(fields) == 1:
        return next(iter(fields.values()))
    return json.dumps({_decode(name): _decode(value) for name, value in fields.items()}).encode()
