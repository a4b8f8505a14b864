"""The contract of every source, with real brokers: delivered at least once, counted once, never blocked."""

from __future__ import annotations

import json
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bowerbird.data.readers.layouts import MessageLayout
from bowerbird.data.store import Store
from bowerbird.errors import SourceError
from bowerbird.sources.address import Address
from bowerbird.sources.consuming import Consumer, ConsumerStats
from bowerbird.sources.opening import open_source
from bowerbird.sources.source import Source

IDLE_S, PATIENCE_S = 0.7, 30.0


def open_broker_source(broker: Any, store: Store, notices: list[str] | None = None) -> Source:
    return open_source(
        Address.parse(broker.address()), store, (notices if notices is not None else []).append
    )


def consume(broker: Any, store: Store, count_events: Any = None, until: int | None = None) -> ConsumerStats:
    """Consume in this process until the log has `until` events, or until no more messages arrive."""
    consumer, stop = (
        Consumer(store, open_broker_source(broker, store), MessageLayout.NATIVE, lambda _: None),
        threading.Event(),
    )

    deadline = time.monotonic() + PATIENCE_S

    def on_batch(_: ConsumerStats) -> None:
        if (until is not None and count_events(store) >= until) or time.monotonic() > deadline:
            stop.set()

    return consumer.run(stop, IDLE_S if until is None else PATIENCE_S, on_batch)


class Killed(BaseException):
    """A kill at a moment chosen by a test."""


@pytest.fixture
def ids() -> Callable[..., list[str]]:
    return lambda *ranges: [f"e-{n}" for numbers in ranges for n in numbers]


class SourceContract:
    kind: str

    def test_redelivered_events_count_once(self, broker, store, body, read_event_ids, ids) -> None:
        broker.publish([body(n) for n in range(700)])
        broker.publish([body(n) for n in range(300, 900)])  # the producer retried
        stats = consume(broker, store)
        assert (stats.messages, stats.accepted, stats.repeated) == (1300, 900, 400)
        assert read_event_ids(store) == ids(range(900))
        assert stats.batches < 40, "a flush to disk is shared by many events"
        assert consume(broker, store).messages == 0, "acknowledged messages were redelivered"

    def test_fetch_respects_the_maximum(self, broker, store, body, count_events, read_event_ids) -> None:
        broker.publish([body(n) for n in range(300)])
        source = open_broker_source(broker, store)
        source.connect()
        messages = source.fetch(40, 5.0)
        assert 0 < len(messages) <= 40
        source.close()
        assert consume(broker, store, count_events, 300).accepted == 300, "unacknowledged messages were lost"

    def test_a_kill_between_log_and_acknowledgement(
        self, broker, store, body, count_events, read_event_ids, ids, monkeypatch
    ) -> None:
        broker.publish([body(n) for n in range(100)])
        source = open_broker_source(broker, store)

        def killed(_: Any) -> None:
            raise Killed

        monkeypatch.setattr(source, "acknowledge", killed)
        with pytest.raises(Killed):
            Consumer(store, source, MessageLayout.NATIVE, print).run(threading.Event(), 5.0, lambda _: None)
        n_logged = len(read_event_ids(store))
        assert n_logged > 0
        broker.publish([body(100)])  # a new event to wait for
        stats = consume(broker, store, count_events, 101)
        assert stats.accepted == 101 - n_logged
        while stats.repeated < n_logged:  # a broker redelivers unacknowledged messages at some later time
            later_stats = consume(broker, store)
            assert later_stats.messages and not later_stats.accepted
            stats.repeated += later_stats.repeated
        assert read_event_ids(store) == ids(range(101))
        assert stats.repeated == n_logged

    @pytest.mark.slow
    def test_kill_9_neither_loses_nor_duplicates(
        self, broker, store, body, count_events, read_event_ids, ids, start_consumer, wait_for
    ) -> None:
        total, finished = 0, threading.Event()

        def publish() -> None:
            nonlocal total
            while not finished.is_set() or total < 500:
                broker.publish([body(n) for n in range(total, total + 25)])
                total += 25
                finished.wait(0.05)

        publisher = threading.Thread(target=publish)
        publisher.start()
        try:
            for _ in range(2):
                n_before = count_events(store)
                consumer_process = start_consumer(store, broker.address())
                wait_for(lambda n_before=n_before: count_events(store) > n_before + 30)
                consumer_process.kill()
                consumer_process.join()
        finally:
            finished.set()
            publisher.join()
        consume(broker, store, count_events, total)
        assert read_event_ids(store) == ids(range(total))

    def test_unusable_messages_block_nothing(self, broker, store, body, read_event_ids, ids) -> None:
        unusable = [b"{", b"\xff\xfe", b"[1]", b'"\\ud800"', b"[" * 100_000, b'{"user_id": {}}', b"\x00"]
        with_unknown_ids = json.loads(body(0)) | {"item_id": "unknown", "user_id": "half \ud800"}
        in_future = json.loads(body(0)) | {"at": "2999-01-01T00:00:00Z"}
        unusable += [json.dumps(with_unknown_ids).encode(), json.dumps(in_future).encode()]
        for number, message in enumerate(unusable):
            broker.publish([body(2 * number), message, body(2 * number + 1)])
        stats = consume(broker, store)
        assert read_event_ids(store) == ids(range(2 * len(unusable)))
        assert stats.rejected.total() == len(unusable) and stats.rejected["time in the future"] == 1
        assert stats.rejected["unknown item"] == 1 and stats.rejected["not JSON"] == 4
        assert stats.rejected_file is not None
        lines = [json.loads(line) for line in stats.rejected_file.read_text().splitlines()]
        assert sorted(line["reason"] for line in lines) == sorted(stats.rejected.elements())
        assert len({line["where"] for line in lines}) == len(unusable)
        assert consume(broker, store).messages == 0

    def test_a_broker_outage_is_survived(
        self, broker, store, body, count_events, read_event_ids, ids, wait_for
    ) -> None:
        notices: list[str] = []
        stop, n_batches = threading.Event(), [0]

        def on_batch(_: ConsumerStats) -> None:
            n_batches[0] += 1

        consumer = Consumer(
            store, open_broker_source(broker, store, notices), MessageLayout.NATIVE, notices.append
        )
        thread = threading.Thread(target=lambda: consumer.run(stop, None, on_batch))
        thread.start()
        try:
            for start in (0, 100):
                broker.publish([body(n) for n in range(start, start + 100)])
                wait_for(lambda start=start: count_events(store) == start + 100)
                if start == 0:
                    broker.stop()
                    self.wait_until_noticed(notices, wait_for)
                    n_before = n_batches[0]
                    wait_for(
                        lambda n_before=n_before: n_batches[0] > n_before
                    )  # it can be stopped while it waits
                    broker.restart()
        finally:
            stop.set()
            thread.join()
        assert read_event_ids(store) == ids(range(200))
        assert consume(broker, store).messages == 0

    def wait_until_noticed(self, notices: list[str], wait_for: Any) -> None:
        wait_for(lambda: any("retrying in" in notice for notice in notices))

    def test_a_stopped_consumer_continues_on_a_copied_store(
        self, broker, store, body, count_events, read_event_ids, ids, start_consumer, wait_for, tmp_path: Path
    ) -> None:
        broker.publish([body(n) for n in range(400)])
        consumer_process = start_consumer(store, broker.address())
        wait_for(lambda: count_events(store))
        consumer_process.terminate()
        consumer_process.join()
        assert consumer_process.exitcode == 0
        moved = Store.open(shutil.copytree(store.path, tmp_path / "moved"))
        broker.publish([body(n) for n in range(400, 500)])
        assert consume(broker, moved, count_events, 500).repeated == 0, (
            "everything that was logged was acknowledged before the stop"
        )
        assert read_event_ids(moved) == ids(range(500))


class SharedSourceContract(SourceContract):
    """The contract of sources that several consumers can share."""

    @pytest.mark.slow
    def test_two_consumers_share_one_store(
        self, broker, store, body, count_events, read_event_ids, ids, start_consumer, wait_for
    ) -> None:
        consumers, total = [start_consumer(store, broker.address()) for _ in range(2)], 0
        deadline = time.monotonic() + PATIENCE_S
        while (
            total < 500 or len(list(store.reports.glob("refused-*"))) < 2
        ):  # until each consumer has received messages
            broker.publish([body(n) for n in range(total, total + 50)] + [b"{"] * 4)
            total += 50
            wait_for(lambda: count_events(store) >= total)  # noqa: B023
            assert time.monotonic() < deadline, "one consumer gets everything"
        wait_for(lambda: count_events(store) >= total)
        for consumer in consumers:
            consumer.terminate()
            consumer.join()
        assert read_event_ids(store) == ids(range(total))
        assert [consumer.exitcode for consumer in consumers] == [0, 0]


class TestFile(SourceContract):
    kind = "file"

    def wait_until_noticed(self, notices: list[str], wait_for: Any) -> None:
        """A rotated file causes no notice."""

    def test_a_second_consumer_of_one_file_is_rejected(self, broker, store) -> None:
        first = open_broker_source(broker, store)
        first.connect()
        with pytest.raises(SourceError, match="another consumer"):
            open_broker_source(broker, store).connect()
        first.close()
        open_broker_source(broker, store).connect()


class TestNats(SharedSourceContract):
    kind = "nats"


@pytest.mark.slow
class TestRedis(SharedSourceContract):
    kind = "redis"


@pytest.mark.slow
class TestKafka(SharedSourceContract):
    kind = "kafka"
