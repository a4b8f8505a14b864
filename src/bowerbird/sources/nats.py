"""NATS JetStream: a durable pull consumer, `nats://HOST:4222/STREAM?durable=NAME`.

The durable consumer is created if there is none (from the stream's start, explicit acknowledgement); an
existing one is used as it is. Several consumers with one durable name share its messages.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

from bowerbird.errors import SourceError, SourceUnavailable
from bowerbird.sources.address import Address
from bowerbird.sources.source import Lag, Message, import_client

T = TypeVar("T")
KNOWN_SETTINGS = ("durable", "subject", "redeliver_after")
DEFAULT_DURABLE = "bowerbird"
TIMEOUT_S = 5.0  # for one answer of the server
MAX_UNACKNOWLEDGED = 10_000  # of all consumers together that share a durable name


class NatsSource:
    """One stream of a JetStream server or cluster."""

    def __init__(self, address: Address) -> None:
        address.check(KNOWN_SETTINGS)
        self._nats = import_client("nats", "nats")
        self._js_errors = import_client("nats.js.errors", "nats")
        self._address, self._stream = address, address.path
        self._durable = address.settings.get("durable", DEFAULT_DURABLE)
        self._runner: asyncio.Runner | None = None
        self._client: Any = None
        self._last_error: Exception | None = None

    def connect(self) -> None:
        """See `Source.connect`."""
        self.close()
        self._runner = asyncio.Runner()
        self._run(self._connect())

    async def _connect(self) -> None:
        address, scheme = self._address, self._address.scheme
        credentials = {"user": address.user or None, "password": address.password or None}
        if address.token:
            credentials = {"token": address.token}
        self._client = await self._nats.connect(
            servers=[f"{scheme}://{host}" for host in address.hosts or ("localhost",)],
            name="bowerbird",
            allow_reconnect=False,  # we reconnect ourselves, with a message
            max_reconnect_attempts=1,  # for the first connection: 0 means unlimited
            reconnect_time_wait=0,
            connect_timeout=TIMEOUT_S,
            error_cb=self._on_error,
            **credentials,
        )
        self._js = self._client.jetstream(timeout=TIMEOUT_S)
        await self._check_stream()
        try:
            await self._js.consumer_info(self._stream, self._durable)
        except self._js_errors.NotFoundError:
            config = self._nats.js.api.ConsumerConfig(
                durable_name=self._durable,
                ack_policy="explicit",
                ack_wait=address.redeliver_after_s,
                max_ack_pending=MAX_UNACKNOWLEDGED,
                filter_subject=address.settings.get("subject"),
            )
            await self._js.add_consumer(self._stream, config)
        self._subscription = await self._js.pull_subscribe_bind(durable=self._durable, stream=self._stream)

    async def _check_stream(self) -> None:
        try:
            await self._js.stream_info(self._stream)
        except self._js_errors.NotFoundError:
            names = (
                ", ".join(sorted(stream.config.name for stream in await self._js.streams_info())) or "none"
            )
            raise SourceError(
                f"{self._address.redacted}: no stream {self._stream!r}; existing streams: {names}"
            ) from None

    def fetch(self, max_messages: int, wait_s: float) -> list[Message]:
        """See `Source.fetch`."""
        if self._client is None or self._client.is_closed:
            raise SourceUnavailable(f"{self._address.redacted} has closed the connection")
        received = self._run(self._fetch(max_messages, wait_s))
        return [
            Message(message.data, f"{self._stream} {message.metadata.sequence.stream}", message)
            for message in received
        ]

    async def _fetch(self, max_messages: int, wait_s: float) -> list[Any]:
        try:
            return list(await self._subscription.fetch(max_messages, timeout=max(wait_s, 0.001)))
        except TimeoutError:
            if self._client.is_closed:
                raise SourceUnavailable(f"{self._address.redacted} has closed the connection") from None
            return []

    def acknowledge(self, messages: Sequence[Message]) -> None:
        """See `Source.acknowledge`."""
        self._run(self._acknowledge(messages))

    async def _acknowledge(self, messages: Sequence[Message]) -> None:
        for message in messages:
            await message.receipt.ack()
        await self._client.flush(TIMEOUT_S)  # returns when the server has processed them

    def lag(self) -> Lag | None:
        """See `Source.lag`."""
        info = self._run(self._js.consumer_info(self._stream, self._durable))
        return Lag((info.num_pending or 0) + (info.num_ack_pending or 0), "messages")

    def close(self) -> None:
        """See `Source.close`."""
        runner, client, self._runner, self._client = self._runner, self._client, None, None
        if runner is not None:
            with runner:
                if client is not None and not client.is_closed:
                    with contextlib.suppress(
                        OSError, TimeoutError, self._nats.errors.Error
                    ):  # the server disconnected first
                        runner.run(asyncio.wait_for(client.close(), TIMEOUT_S))

    def _run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        if self._runner is None:
            coroutine.close()
            raise SourceUnavailable(f"{self._address.redacted} has closed the connection")
        try:
            return self._runner.run(coroutine)
        except SourceError:
            raise
        except (OSError, TimeoutError, self._nats.errors.Error) as error:
            if isinstance(error, self._nats.errors.NoServersError) and self._last_error is not None:
                error = self._last_error
            redacted, reason = self._address.redacted, self._address.redact(error) or type(error).__name__
            if isinstance(error, self._nats.errors.AuthorizationError) or "authorization" in reason.lower():
                raise SourceError(f"{redacted} denies access ({reason}): check user and password") from None
            raise SourceUnavailable(f"{redacted} can't be reached ({reason})") from None

    async def _on_error(self, error: Exception) -> None:
        """Called by the client; it would only log the cause and later raise a generic `NoServersError`."""
        self._last_error = error
