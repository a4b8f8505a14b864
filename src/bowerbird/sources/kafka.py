"""Kafka: a consumer group, `kafka://HOST:9092,HOST:9092/TOPIC?group=NAME`.

Partitions are shared among the consumers of a group; `partitions=0,1` assigns them statically instead, for
one store per shard. Offsets are committed when a batch is in the log. Settings with a dot in them are
librdkafka's: `security.protocol=SASL_SSL&sasl.mechanisms=PLAIN` with the address's user and password.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from typing import Any

from bowerbird.errors import InputError, SourceError, SourceUnavailable
from bowerbird.sources.address import Address
from bowerbird.sources.source import Lag, Message, import_client

KNOWN_SETTINGS = ("group", "partitions", "redeliver_after")
DEFAULT_GROUP = "bowerbird"
TIMEOUT_S = 5.0  # for one answer of the cluster
MAX_JOIN_S = 10.0  # maximum time to join the group
PREFETCH_KB = 16_384  # prefetched by the client's thread; the rest stays at the broker

logger = logging.getLogger(__name__)
logger.addHandler(logging.NullHandler())  # librdkafka's log messages, silent by default


class KafkaSource:
    """One topic of a cluster."""

    def __init__(self, address: Address) -> None:
        address.check(KNOWN_SETTINGS, allow_dotted=True)
        if not address.hosts:
            raise InputError(f"{address.redacted} has no host: give kafka://HOST:9092/TOPIC")
        self._kafka = import_client("confluent_kafka", "kafka")
        self._address, self._topic = address, address.path
        self._partitions = _parse_partitions(address.settings.get("partitions"))
        self._consumer: Any = None
        self._client_error: Any = None
        self._first_message: Any = None  # a message that arrived while joining the group

    def connect(self) -> None:
        """See `Source.connect`."""
        if self._consumer is None:
            self._consumer = self._create_consumer()
            self._check_topic()
            self._subscribe()
        else:  # the client reconnects by itself: only check whether it has
            self._check_topic()
        self._client_error = None

    def _create_consumer(self) -> Any:
        address = self._address
        settings: dict[str, Any] = {
            "bootstrap.servers": ",".join(address.hosts),
            "group.id": address.settings.get("group", DEFAULT_GROUP),
            "client.id": "bowerbird",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "session.timeout.ms": round(address.redeliver_after_s * 1000),
            "heartbeat.interval.ms": round(address.redeliver_after_s * 1000 / 10),
            "max.poll.interval.ms": max(300_000, round(address.redeliver_after_s * 1000)),
            "queued.max.messages.kbytes": PREFETCH_KB,
            "reconnect.backoff.max.ms": 2000,
            "error_cb": self._on_error,
        }
        if address.user:
            settings |= {"sasl.username": address.user, "sasl.password": address.password}
        settings |= {name: value for name, value in address.settings.items() if "." in name}
        try:
            return self._kafka.Consumer(settings, logger=logger)
        except (self._kafka.KafkaException, ValueError, TypeError) as error:
            raise InputError(f"{address.redacted}: {address.redact(error)}") from None

    def _check_topic(self) -> None:
        try:
            topic = self._consumer.list_topics(self._topic, timeout=TIMEOUT_S).topics.get(self._topic)
            if topic is not None and topic.error is None:
                return
            names = ", ".join(sorted(self._consumer.list_topics(timeout=TIMEOUT_S).topics)) or "none"
        except self._kafka.KafkaException as error:
            raise self._to_source_error(error.args[0]) from None
        raise SourceError(f"{self._address.redacted}: no topic {self._topic!r}; existing topics: {names}")

    def _subscribe(self) -> None:
        if self._partitions is None:
            self._join()
        else:
            self._consumer.assign([self._kafka.TopicPartition(self._topic, n) for n in self._partitions])

    def _join(self) -> None:
        """Join the group; before that, an empty fetch does not mean that there are no messages."""
        joined: list[bool] = []
        self._consumer.subscribe([self._topic], on_assign=lambda *_: joined.append(True))
        deadline = time.monotonic() + MAX_JOIN_S
        while not joined and self._first_message is None and time.monotonic() < deadline:
            self._first_message = self._consumer.poll(0.1)

    def fetch(self, max_messages: int, wait_s: float) -> list[Message]:
        """See `Source.fetch`."""
        first, self._first_message = self._first_message or self._consumer.poll(wait_s), None
        further = (
            self._consumer.consume(max_messages - 1, 0) if first is not None and max_messages > 1 else []
        )
        results = [result for result in (first, *further) if result is not None]
        messages = [result for result in results if result.error() is None]
        if not messages:
            failed = next((result.error() for result in results if result.error() is not None), None)
            if failed is not None or self._client_error is not None:
                raise self._to_source_error(failed or self._client_error)
        return [
            Message(
                result.value() or b"", f"{result.topic()}[{result.partition()}] {result.offset()}", result
            )
            for result in messages
        ]

    def acknowledge(self, messages: Sequence[Message]) -> None:
        """See `Source.acknowledge`."""
        next_offsets: dict[int, int] = {}
        for message in messages:
            partition, offset = message.receipt.partition(), message.receipt.offset()
            next_offsets[partition] = max(next_offsets.get(partition, 0), offset + 1)
        offsets = [
            self._kafka.TopicPartition(self._topic, partition, offset)
            for partition, offset in next_offsets.items()
        ]
        try:
            committed = self._consumer.commit(offsets=offsets, asynchronous=False)
        except self._kafka.KafkaException as error:
            raise self._to_source_error(error.args[0]) from None
        failed = next(
            (partition_offset.error for partition_offset in committed if partition_offset.error is not None),
            None,
        )
        if failed is not None:  # the partition moved to another consumer, which gets these messages again
            raise self._to_source_error(failed)

    def lag(self) -> Lag | None:
        """See `Source.lag`."""
        remaining, assigned = 0, self._consumer.assignment()
        for partition in self._consumer.position(assigned):
            _, high = self._consumer.get_watermark_offsets(partition, cached=True)
            if high < 0 or partition.offset < 0:
                return None
            remaining += high - partition.offset
        return Lag(remaining, "messages") if assigned else None

    def close(self) -> None:
        """See `Source.close`."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            consumer.close()

    def _on_error(self, error: Any) -> None:
        """Called by the client during polls, with errors that don't belong to a message."""
        reported_codes = (self._kafka.KafkaError._ALL_BROKERS_DOWN, self._kafka.KafkaError._AUTHENTICATION)
        if error.fatal() or error.code() in reported_codes:
            self._client_error = error

    def _to_source_error(self, error: Any) -> SourceError:
        redacted, reason = self._address.redacted, self._address.redact(error.str() or error.name())
        codes = self._kafka.KafkaError
        denied = (codes._AUTHENTICATION, codes.SASL_AUTHENTICATION_FAILED, codes.TOPIC_AUTHORIZATION_FAILED)
        if error.code() in (*denied, codes.GROUP_AUTHORIZATION_FAILED):
            return SourceError(f"{redacted} denies access ({reason}): check user and password")
        if error.code() in (codes.REBALANCE_IN_PROGRESS, codes.ILLEGAL_GENERATION, codes.UNKNOWN_MEMBER_ID):
            return SourceUnavailable(f"{redacted}: its consumer group is rebalancing ({reason})")
        if error.fatal():
            return SourceError(f"{redacted}: {reason}")
        return SourceUnavailable(f"{redacted} can't be reached ({reason})")


def _parse_partitions(text: str | None) -> list[int] | None:
    if text is None:
        return None
    if not all(number.isascii() and number.isdecimal() for number in text.split(",")):
        raise InputError(f"partitions is {text!r}: give comma-separated numbers, such as 0,1")
    return [int(number) for number in text.split(",")]
