"""Consuming a toy source that may fail at any call: nothing is lost, nothing is counted twice."""

from __future__ import annotations

import contextlib
import json
import shutil
import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bowerbird.data.items import Catalogue, Item
from bowerbird.data.readers.layouts import MessageLayout
from bowerbird.data.store import Store
from bowerbird.errors import SourceError, SourceUnavailable, StoreError
from bowerbird.sources import batches, consuming
from bowerbird.sources.consuming import Consumer, ConsumerStats
from bowerbird.sources.source import Lag, Message, Source


class Killed(BaseException):
    """A kill at a moment chosen by the test."""


class ToyBroker(Source):
    """Keeps messages until they are acknowledged; `faults` are the outcomes of the first calls."""

    def __init__(self, bodies: Sequence[bytes], faults: Sequence[str] = ()) -> None:
        self.messages_by_number = dict(enumerate(bodies))
        self.faults: Iterator[str] = iter(faults)
        self.fetched: set[int] = set()
        self.closed = False

    def _apply_fault(self) -> None:
        match next(self.faults, "ok"):
            case "unavailable":
                raise SourceUnavailable("the toy broker can't be reached")
            case "killed":
                raise Killed

    def connect(self) -> None:
        self._apply_fault()
        self.fetched.clear()

    def fetch(self, max_messages: int, wait_s: float) -> list[Message]:
        self._apply_fault()
        if self.fetched >= self.messages_by_number.keys():
            threading.Event().wait(wait_s)  # as a broker blocks a consumer that has everything
        numbers = [number for number in self.messages_by_number if number not in self.fetched][:max_messages]
        self.fetched.update(numbers)
        return [Message(self.messages_by_number[number], f"toy {number}", number) for number in numbers]

    def acknowledge(self, messages: Sequence[Message]) -> None:
        self._apply_fault()
        for message in messages:
            self.messages_by_number.pop(message.receipt, None)
        self._apply_fault()  # acknowledged, but the response is lost

    def lag(self) -> Lag | None:
        return Lag(len(self.messages_by_number), "messages")

    def close(self) -> None:
        self.closed = True


def consume(store: Store, source: Source, idle_s: float | None = 0.0) -> ConsumerStats:
    return Consumer(store, source, MessageLayout.NATIVE, lambda _: None).run(
        threading.Event(), idle_s, lambda _: None
    )


@pytest.fixture
def no_backoff(monkeypatch: pytest.MonkeyPatch) -> None:
    """No back-off before a broker is retried."""
    monkeypatch.setattr(batches, "MIN_BACKOFF_S", 0.0)


@pytest.fixture(scope="module")
def law_store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    store = Store.create(tmp_path_factory.mktemp("law") / "store")
    store.publish_catalogue(Catalogue.of(Item(name, title=name) for name in ("lamp", "mug", "sofa")))
    return store


FAULTS = st.lists(st.sampled_from(["ok", "ok", "unavailable", "killed"]), min_size=4, max_size=40)


@settings(max_examples=80)
@given(numbers=st.lists(st.integers(0, 12), min_size=1, max_size=20), faults=FAULTS)
def test_every_event_counts_once_for_any_faults(
    numbers: list[int], faults: list[str], body, read_event_ids, law_store: Store
) -> None:
    store = law_store
    shutil.rmtree(store.path / "events", ignore_errors=True)
    (store.path / "events.begun").unlink(missing_ok=True)
    broker = ToyBroker([body(number) for number in numbers], faults)
    batches_of_three = batches.Batching(max_messages=3, linger_s=0.0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batches, "MIN_BACKOFF_S", 0.0)
        patch.setattr(batches, "Batching", lambda: batches_of_three)
        while broker.messages_by_number:
            consumer = Consumer(Store.open(store.path), broker, MessageLayout.NATIVE, lambda _: None)
            stop = threading.Event()

            def on_batch(_: ConsumerStats, stop: threading.Event = stop) -> None:
                if not broker.messages_by_number:
                    stop.set()

            with contextlib.suppress(Killed):
                consumer.run(stop, None, on_batch)
            assert broker.closed
    assert read_event_ids(store) == [f"e-{number}" for number in sorted(set(numbers))]


def test_an_unavailable_broker_is_retried_with_back_off(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    notices: list[str] = []
    monkeypatch.setattr(batches, "POLL_S", 0.001)
    monkeypatch.setattr(batches.time, "sleep", lambda _: None)
    now = iter(range(10_000))
    monkeypatch.setattr(batches.time, "monotonic", lambda: next(now))
    batch_iterator = iter(batches.Batches(ToyBroker([], ["unavailable"] * 8), notices.append))
    while (batch := next(batch_iterator)).is_unavailable:
        assert batch.messages == []
    pauses = [notice.rpartition("retrying in ")[2] for notice in notices]
    assert pauses == [
        "0.5 s",
        "1 s",
        "2 s",
        "4 s",
        "8 s",
        "16 s",
        "30 s",
        "30 s",
        "the source is available again",
    ]


def test_unavailable_until_idle_is_an_error(store: Store, no_backoff: None) -> None:
    with pytest.raises(SourceError, match="was unavailable for 0 s"):
        consume(store, ToyBroker([], ["unavailable"] * 1000))


def test_a_store_that_can_not_be_written_acknowledges_nothing(store: Store, body, monkeypatch) -> None:
    broker = ToyBroker([body(1), b"{"])

    def full(_: object) -> None:
        raise StoreError("the disk is full")

    with monkeypatch.context() as patch, pytest.raises(StoreError):
        patch.setattr(store.log, "append", full)
        consume(store, broker)
    assert len(broker.messages_by_number) == 2
    consume(store, broker)
    assert not broker.messages_by_number and len(store.log) == 1


def test_rejected_messages_that_can_not_be_written_are_not_acknowledged(store: Store, monkeypatch) -> None:
    broker = ToyBroker([b"{"])
    with (
        monkeypatch.context() as patch,
        pytest.raises(StoreError, match="rejected messages can't be written"),
    ):
        patch.setattr(consuming.os, "fsync", lambda _: (_ for _ in ()).throw(OSError("no space")))
        consume(store, broker)
    assert len(broker.messages_by_number) == 1


def test_the_number_of_written_rejected_messages_is_limited(store: Store, monkeypatch) -> None:
    monkeypatch.setattr(consuming, "MAX_LISTED", 10)
    stats = consume(store, ToyBroker([b"{"] * 25))
    assert stats.rejected == {"not JSON": 25} and stats.rejected_file is not None
    assert len(stats.rejected_file.read_text().splitlines()) == 10


def test_values_that_are_left_out_of_live_events_are_listed(store: Store, body) -> None:
    event = json.loads(body(1))
    stats = consume(store, ToyBroker([json.dumps({**event, "value": "cheap"}).encode(), body(2)]))
    (reason,) = stats.repaired
    assert stats.accepted == 2 and not stats.rejected and reason.startswith("kept, without its value: ")
    assert stats.rejected_file is not None and "cheap" in stats.rejected_file.read_text()


def test_a_message_that_makes_its_reader_fail_is_rejected(store: Store, body, monkeypatch) -> None:
    def fails(message: bytes, layout: MessageLayout) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr(consuming, "parse_message", fails)
        stats = consume(store, ToyBroker([body(1)]))
    assert stats.rejected == {"the reader failed (ZeroDivisionError)": 1}


def test_items_imported_while_consuming_are_known(store: Store) -> None:
    row = {"user_id": "ann", "item_id": "rug", "action": "save", "at": datetime.now(UTC).isoformat()}
    messages = [json.dumps({**row, "event_id": str(number)}).encode() for number in range(2)]
    broker, stop = ToyBroker(messages[:1]), threading.Event()
    consumer = Consumer(store, broker, MessageLayout.NATIVE, lambda _: None)

    def on_batch(stats: ConsumerStats) -> None:
        if stats.messages == 1 and not broker.messages_by_number:
            store.publish_catalogue(Catalogue.of([Item("rug", title="A rug")]))
            broker.messages_by_number[1] = messages[1]
        elif stats.messages == 2:
            stop.set()

    stats = consumer.run(stop, None, on_batch)
    assert stats.rejected == {"unknown item": 1} and stats.accepted == 1


@pytest.mark.parametrize(
    ("layout", "message", "user"),
    [
        (MessageLayout.SEGMENT, {"type": "track", "event": "Product Viewed", "userId": "ann"}, "ann"),
        (
            MessageLayout.GA4,
            {"event_name": "view_item", "user_pseudo_id": "bo", "items": [{"item_id": "lamp"}]},
            "bo",
        ),
    ],
)
def test_other_layouts(store: Store, layout: MessageLayout, message: dict[str, object], user: str) -> None:
    fields = {**message, "properties": {"product_id": "lamp"}, "timestamp": 1767323045}
    bodies = [json.dumps({**fields, "event_timestamp": 1767323045}).encode(), b'{"type": "identify"}']
    consumer = Consumer(store, ToyBroker(bodies), layout, print)
    stats = consumer.run(threading.Event(), 0.0, lambda _: None)
    assert store.log.read()["user_id"].to_pylist() == [user]
    assert stats.messages == 2 and stats.rejected.total() == (layout is MessageLayout.GA4), (
        "identify is not an error"
    )


def test_the_log_of_one_store_can_be_consumed_by_another(store: Store, body, tmp_path) -> None:
    consume(store, ToyBroker([body(number) for number in range(20)]))
    other = Store.create(tmp_path / "other")
    other.publish_catalogue(store.catalogue())
    rows = [event.as_row() for event in store.log.tail_since(0)[0]]
    lines = [json.dumps({**row, "at": row["at"].isoformat()}).encode() for row in rows]
    assert consume(other, ToyBroker(lines)).accepted == 20
    assert other.log.read() == store.log.read()


def test_forgotten_users_are_removed_from_rejected_messages(store: Store, body) -> None:
    from bowerbird.taste.control.forgetting import forget

    unknown = json.loads(body(1)) | {"user_id": "zelda-77", "item_id": "nothing"}
    stats = consume(store, ToyBroker([json.dumps(unknown).encode(), b"{"]))
    assert stats.rejected_file is not None and "zelda-77" in stats.rejected_file.read_text()
    forget(store, "zelda-77")
    assert len(stats.rejected_file.read_text().splitlines()) == 1
    assert not [p for p in store.path.rglob("*") if p.is_file() and b"zelda-77" in p.read_bytes()]


def test_stop_works_while_no_messages_arrive(store: Store) -> None:
    source, stop = ToyBroker([]), threading.Event()
    calls: list[int] = []

    def on_batch(_: ConsumerStats) -> None:
        calls.append(1)
        if len(calls) == 3:
            stop.set()

    Consumer(store, source, MessageLayout.NATIVE, print).run(stop, None, on_batch)
    assert len(calls) == 3 and source.closed
