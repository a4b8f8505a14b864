"""Kafka: a consumer group, `kafka://HOST:9092,HOST:9092/TOPIC?group=NAME`.

Partitions are shared among the listeners of a group; `partitions=0,1` takes those for good instead, for a
store a shard. Offsets are committed when a batch is in the log. Settings with a dot in them are librdkafka's
own: `security.protocol=SASL_SSL&sasl.mechanisms=PLAIN` with the address's user and password.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from typing import Any

from bowerbird.errors import InputError, SourceUnavailable, SourceError
from bowerbird.sources.address import Address
from bowerbird.sources.source import Lag, Message, client_library

KNOWN = ("group", "partitions", "redeliver_after")
GROUP = "bowerbird"
TIMEOUT_S = 5.0  # for one answer of the cluster
JOINING_S = 10.0  # at most, until the group has let us in
FETCHED_AHEAD_KB = 16_384  # by the client's own thread; the rest stays with the broker

logger = logging.getLogger(__name__)
logger.addHandler(logging.NullHandler())  # librdkafka's own words, for whoever wants them


class KafkaSource:
    """One topic of a cluster."""

    def __init__(self, address: Address) -> None:
        address.check(KNOWN, dotted=True)
        if not address.hosts:
            raise InputError(f"{address.shown} names no host: kafka://HOST:9092/TOPIC")
        self._kafka = client_library("confluent_kafka", "kafka")
        self._address, self._topic = address, address.path
        self._partitions = _numbers(address.settings.get("partitions"))
        self._consumer: Any = None
        self._error: Any = None
        self._first: Any = None  # a message that came while the group was joined

    def connect(self) -> None:
        if self._consumer is None:
            self._consumer = self._made()
            self._check_topic()
            self._subscribe()
        else:  # the client reconnects by itself: all there is to do is to ask whether it has
            self._check_topic()
        self._error = None

    def _made(self) -> Any:
        address = self._address
        settings: dict[str, Any] = {
            "bootstrap.servers": ",".join(address.hosts),
            "group.id": address.settings.get("group", GROUP),
            "client.id": "bowerbird",
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "session.timeout.ms": round(address.redeliver_after_s * 1000),
            "heartbeat.interval.ms": round(address.redeliver_after_s * 1000 / 10),
            "max.poll.interval.ms": max(300_000, round(address.redeliver_after_s * 1000)),
            "queued.max.messages.kbytes": FETCHED_AHEAD_KB,
            "reconnect.backoff.max.ms": 2000,
            "error_cb": self._note,
        }
        if address.user:
            settings |= {"sasl.username": address.user, "sasl.password": address.password}
        settings |= {name: value for name, value in address.settings.items() if "." in name}
        try:
            return self._kafka.Consumer(settings, logger=logger)
        except (self._kafka.KafkaException, ValueError, TypeError) as error:
            raise InputError(f"{address.shown}: {address.hiding(error)}") from None

    def _check_topic(self) -> None:
        try:
            found = self._consumer.list_topics(self._topic, timeout=TIMEOUT_S).topics.get(self._topic)
            if found is not None and found.error is None:
                return
            names = ", ".join(sorted(self._consumer.list_topics(timeout=TIMEOUT_S).topics)) or "none"
        except self._kafka.KafkaException as error:
            raise self._told(error.args[0]) from None
        raise SourceError(
            f"{self._address.shown}: there is no topic {self._topic!r} to read; there are: {names}"
        )

    def _subscribe(self) -> None:
        if self._partitions is None:
            self._join()
        else:
            self._consumer.assign([self._kafka.TopicPartition(self._topic, n) for n in self._partitions])

    def _join(self) -> None:
        """Become a member of the group: before that, that nothing comes does not mean there is nothing."""
        joined: list[bool] = []
        self._consumer.subscribe([self._topic], on_assign=lambda *_: joined.append(True))
        until = time.monotonic() + JOINING_S
        while not joined and self._first is None and time.monotonic() < until:
            self._first = self._consumer.poll(0.1)

    def fetch(self, most: int, wait_s: float) -> list[Message]:
        first, self._first = self._first or self._consumer.poll(wait_s), None
        rest = self._consumer.consume(most - 1, 0) if first is not None and most > 1 else []
        found = [one for one in (first, *rest) if one is not None]
        good = [one for one in found if one.error() is None]
        if not good:
            failed = next((one.error() for one in found if one.error() is not None), None)
            if failed is not None or self._error is not None:
                raise self._told(failed or self._error)
        return [
            Message(one.value() or b"", f"{one.topic()}[{one.partition()}] {one.offset()}", one)
            for one in good
        ]

    def acknowledge(self, messages: Sequence[Message]) -> None:
        after: dict[int, int] = {}
        for message in messages:
            partition, offset = message.receipt.partition(), message.receipt.offset()
            after[partition] = max(after.get(partition, 0), offset + 1)
        offsets = [self._kafka.TopicPartition(self._topic, p, offset) for p, offset in after.items()]
        try:
            answered = self._consumer.commit(offsets=offsets, asynchronous=False)
        except self._kafka.KafkaException as error:
            raise self._told(error.args[0]) from None
        failed = next((one.error for one in answered if one.error is not None), None)
        if failed is not None:  # the partition went to another listener, which has these messages again
            raise self._told(failed)

    def lag(self) -> Lag | None:
        left, assigned = 0, self._consumer.assignment()
        for one in self._consumer.position(assigned):
            _, high = self._consumer.get_watermark_offsets(one, cached=True)
            if high < 0 or one.offset < 0:
                return None
            left += high - one.offset
        return Lag(left, "messages") if assigned else None

    def close(self) -> None:
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            consumer.close()

    def _note(self, error: Any) -> None:
        """Called by the client while it is polled: errors that are nobody's message."""
        lasting = (self._kafka.KafkaError._ALL_BROKERS_DOWN, self._kafka.KafkaError._AUTHENTICATION)
        if error.fatal() or error.code() in lasting:
            self._error = error

    def _told(self, error: Any) -> SourceError:
        shown, said = self._address.shown, self._address.hiding(error.str() or error.name())
        codes = self._kafka.KafkaError
        refused = (codes._AUTHENTICATION, codes.SASL_AUTHENTICATION_FAILED, codes.TOPIC_AUTHORIZATION_FAILED)
        if error.code() in (*refused, codes.GROUP_AUTHORIZATION_FAILED):
            return SourceError(f"{shown} refuses us ({said}): check user and password")
        if error.code() in (codes.REBALANCE_IN_PROGRESS, codes.ILLEGAL_GENERATION, codes.UNKNOWN_MEMBER_ID):
            return SourceUnavailable(f"{shown}: its group is being shared out anew ({said})")
        if error.fatal():
            return SourceError(f"{shown}: {said}")
        return SourceUnavailable(f"{shown} can't be reached ({said})")


def _numbers(said: str | None) -> list[int] | None:
    if said is None:
        return None
    if not all(number.isdigit() for number in said.split(",")):
        raise InputError(f"partitions is {said!r}: give numbers with commas between them, such as 0,1")
    return [int(number) for number in said.split(",")]
