"""Listening to a toy source that fails at every call it likes: nothing is lost, nothing is counted twice."""

from __future__ import annotations

import contextlib
import json
import shutil
import threading
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bowerbird.data.items import Catalogue, Item
from bowerbird.data.readers.messages import Layout
from bowerbird.data.store import Store
from bowerbird.errors import SourceAway, SourceError, StoreError
from bowerbird.sources import batches, consuming
from bowerbird.sources.consuming import Listener, Tally
from bowerbird.sources.source import Lag, Message, Source


class Killed(BaseException):
    """A kill at a moment that the test chooses."""


class ToyBroker(Source):
    """Keeps messages until they are acknowledged; `fates` says what comes of each call, at first."""

    def __init__(self, bodies: Sequence[bytes], fates: Sequence[str] = ()) -> None:
        self.held = dict(enumerate(bodies))
        self.fates: Iterator[str] = iter(fates)
        self.given: set[int] = set()
        self.closed = False

    def _meet_fate(self) -> None:
        match next(self.fates, "well"):
            case "away":
                raise SourceAway("the toy broker can't be reached")
            case "killed":
                raise Killed

    def connect(self) -> None:
        self._meet_fate()
        self.given.clear()

    def fetch(self, most: int, wait_s: float) -> list[Message]:
        self._meet_fate()
        if self.given >= self.held.keys():
            time.sleep(wait_s)
        found = [number for number in self.held if number not in self.given][:most]
        self.given.update(found)
        return [Message(self.held[number], f"toy {number}", number) for number in found]

    def acknowledge(self, messages: Sequence[Message]) -> None:
        self._meet_fate()
        for message in messages:
            self.held.pop(message.receipt, None)
        self._meet_fate()  # it was done, but nobody was told

    def lag(self) -> Lag | None:
        return Lag(len(self.held), "messages")

    def close(self) -> None:
        self.closed = True


def listen(store: Store, source: Source, idle_s: float | None = 0.0) -> Tally:
    return Listener(store, source, Layout.NATIVE, lambda _: None).run(
        threading.Event(), idle_s, lambda _: None
    )


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """No pauses before a broker is tried again."""
    monkeypatch.setattr(batches, "FIRST_PAUSE_S", 0.0)


@pytest.fixture(scope="module")
def law_store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    store = Store.create(tmp_path_factory.mktemp("law") / "store")
    store.publish_catalogue(Catalogue.of(Item(name, title=name) for name in ("lamp", "mug", "sofa")))
    return store


FATES = st.lists(st.sampled_from(["well", "well", "away", "killed"]), min_size=4, max_size=40)


@settings(max_examples=80, deadline=None)
@given(numbers=st.lists(st.integers(0, 12), min_size=1, max_size=20), fates=FATES)
def test_whatever_fails_every_event_counts_once(
    numbers: list[int], fates: list[str], body, logged, law_store: Store
) -> None:
    store = law_store
    shutil.rmtree(store.path / "events", ignore_errors=True)
    broker = ToyBroker([body(number) for number in numbers], fates)
    batches_of_three = batches.Batching(most=3, linger_s=0.0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batches, "FIRST_PAUSE_S", 0.0)
        patch.setattr(batches, "Batching", lambda: batches_of_three)
        while broker.held:
            listener = Listener(Store.open(store.path), broker, Layout.NATIVE, lambda _: None)
            stop = threading.Event()

            def watch(_: Tally, stop: threading.Event = stop) -> None:
                if not broker.held:
                    stop.set()

            with contextlib.suppress(Killed):
                listener.run(stop, None, watch)
            assert broker.closed
    assert logged(store) == [f"e-{number}" for number in sorted(set(numbers))]


def test_a_broker_that_stays_away_is_asked_ever_less(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(batches, "SLICE_S", 0.001)
    monkeypatch.setattr(batches.time, "sleep", lambda _: None)
    now = iter(range(10_000))
    monkeypatch.setattr(batches.time, "monotonic", lambda: next(now))
    stream = iter(batches.Batches(ToyBroker([], ["away"] * 8), said.append))
    while (batch := next(stream)).away:
        assert batch.messages == []
    pauses = [one.rpartition("trying again in ")[2] for one in said]
    assert pauses == [
        "0.5 s",
        "1 s",
        "2 s",
        "4 s",
        "8 s",
        "16 s",
        "30 s",
        "30 s",
        "the source is there again",
    ]


def test_away_until_idle_is_no_success(store: Store, at_once: None) -> None:
    with pytest.raises(SourceError, match="was away for 0 s"):
        listen(store, ToyBroker([], ["away"] * 1000))


def test_a_store_that_can_not_be_written_acknowledges_nothing(store: Store, body, monkeypatch) -> None:
    broker = ToyBroker([body(1), b"{"])

    def full(_: object) -> None:
        raise StoreError("the disk is full")

    with monkeypatch.context() as patch, pytest.raises(StoreError):
        patch.setattr(store.log, "append", full)
        listen(store, broker)
    assert len(broker.held) == 2
    listen(store, broker)
    assert not broker.held and len(store.log) == 1


def test_refused_messages_that_can_not_be_written_down_are_not_acknowledged(
    store: Store, monkeypatch
) -> None:
    broker = ToyBroker([b"{"])
    with monkeypatch.context() as patch, pytest.raises(StoreError, match="refused messages can't be written"):
        patch.setattr(consuming.os, "fsync", lambda _: (_ for _ in ()).throw(OSError("no space")))
        listen(store, broker)
    assert len(broker.held) == 1


def test_a_flood_of_refused_messages_is_counted_and_not_kept(store: Store, monkeypatch) -> None:
    monkeypatch.setattr(consuming, "MOST_LISTED", 10)
    tally = listen(store, ToyBroker([b"{"] * 25))
    assert tally.refused == {"not JSON": 25} and tally.refused_file is not None
    assert len(tally.refused_file.read_text().splitlines()) == 10


def test_a_message_that_makes_its_reader_fail_is_refused(store: Store, body, monkeypatch) -> None:
    def fails(message: bytes, layout: Layout) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr(consuming, "parse_message", fails)
        tally = listen(store, ToyBroker([body(1)]))
    assert tally.refused == {"it made its reader fail (ZeroDivisionError)": 1}


def test_items_that_are_imported_while_listening_are_known(store: Store) -> None:
    row = {"user_id": "ann", "item_id": "rug", "action": "save", "at": datetime.now(UTC).isoformat()}
    messages = [json.dumps({**row, "event_id": str(number)}).encode() for number in range(2)]
    broker, stop = ToyBroker(messages[:1]), threading.Event()
    listener = Listener(store, broker, Layout.NATIVE, lambda _: None)

    def watch(tally: Tally) -> None:
        if tally.messages == 1 and not broker.held:
            store.publish_catalogue(Catalogue.of([Item("rug", title="A rug")]))
            broker.held[1] = messages[1]
        elif tally.messages == 2:
            stop.set()

    tally = listener.run(stop, None, watch)
    assert tally.refused == {"unknown item": 1} and tally.accepted == 1


@pytest.mark.parametrize(
    ("layout", "message", "user"),
    [
        (Layout.SEGMENT, {"type": "track", "event": "Product Viewed", "userId": "ann"}, "ann"),
        (
            Layout.GA4,
            {"event_name": "view_item", "user_pseudo_id": "bo", "items": [{"item_id": "lamp"}]},
            "bo",
        ),
    ],
)
def test_other_layouts(store: Store, layout: Layout, message: dict[str, object], user: str) -> None:
    said = {**message, "properties": {"product_id": "lamp"}, "timestamp": 1767323045}
    bodies = [json.dumps({**said, "event_timestamp": 1767323045}).encode(), b'{"type": "identify"}']
    listener = Listener(store, ToyBroker(bodies), layout, print)
    tally = listener.run(threading.Event(), 0.0, lambda _: None)
    assert store.log.read()["user_id"].to_pylist() == [user]
    assert tally.messages == 2 and tally.refused.total() == (layout is Layout.GA4), "identify is no mistake"


def test_the_log_of_one_store_can_be_told_to_another(store: Store, body, tmp_path) -> None:
    listen(store, ToyBroker([body(number) for number in range(20)]))
    other = Store.create(tmp_path / "other")
    other.publish_catalogue(store.catalogue())
    rows = [event.as_row() for event in store.log.tail_since(0)[0]]
    lines = [json.dumps({**row, "at": row["at"].isoformat()}).encode() for row in rows]
    assert listen(other, ToyBroker(lines)).accepted == 20
    assert other.log.read() == store.log.read()


def test_forgotten_people_are_forgotten_by_refused_messages_too(store: Store, body) -> None:
    from bowerbird.taste.control.forgetting import forget

    unknown = json.loads(body(1)) | {"user_id": "zelda-77", "item_id": "nothing"}
    tally = listen(store, ToyBroker([json.dumps(unknown).encode(), b"{"]))
    assert tally.refused_file is not None and "zelda-77" in tally.refused_file.read_text()
    forget(store, "zelda-77")
    assert len(tally.refused_file.read_text().splitlines()) == 1
    assert not [p for p in store.path.rglob("*") if p.is_file() and b"zelda-77" in p.read_bytes()]


def test_stop_is_heard_while_nothing_comes(store: Store) -> None:
    source, stop = ToyBroker([]), threading.Event()
    looks: list[int] = []

    def watch(_: Tally) -> None:
        looks.append(1)
        if len(looks) == 3:
            stop.set()

    Listener(store, source, Layout.NATIVE, print).run(stop, None, watch)
    assert len(looks) == 3 and source.closed
