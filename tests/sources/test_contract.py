"""What every source promises, with real brokers: delivered at least once, counted once, never blocked."""

from __future__ import annotations

import json
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bowerbird.data.readers.messages import Layout
from bowerbird.data.store import Store
from bowerbird.errors import SourceError
from bowerbird.sources.address import Address
from bowerbird.sources.consuming import Listener, Tally
from bowerbird.sources.opening import open_source
from bowerbird.sources.source import Source

IDLE_S, PATIENCE_S = 0.7, 30.0


def opened(broker: Any, store: Store, said: list[str] | None = None) -> Source:
    return open_source(Address.parse(broker.address()), store, (said if said is not None else []).append)


def listen(broker: Any, store: Store, held: Any = None, until: int | None = None) -> Tally:
    """Listen in this process until the log holds so many events, else until nothing comes any more."""
    listener, stop = Listener(store, opened(broker, store), Layout.NATIVE, lambda _: None), threading.Event()

    deadline = time.monotonic() + PATIENCE_S

    def watch(_: Tally) -> None:
        if (until is not None and held(store) >= until) or time.monotonic() > deadline:
            stop.set()

    return listener.run(stop, IDLE_S if until is None else PATIENCE_S, watch)


class Killed(BaseException):
    """Stands for a kill at a moment that a test chooses."""


@pytest.fixture
def ids() -> Callable[..., list[str]]:
    return lambda *ranges: [f"e-{n}" for numbers in ranges for n in numbers]


class SourceContract:
    kind: str

    def test_what_is_delivered_arrives_once(self, broker, store, body, logged, ids) -> None:
        broker.publish([body(n) for n in range(700)])
        broker.publish([body(n) for n in range(300, 900)])  # its producer was not sure
        tally = listen(broker, store)
        assert (tally.messages, tally.accepted, tally.repeated) == (1300, 900, 400)
        assert logged(store) == ids(range(900))
        assert tally.batches < 40, "a flush to disk is shared by many events"
        assert listen(broker, store).messages == 0, "what was acknowledged came again"

    def test_no_more_is_fetched_than_was_asked_for(self, broker, store, body, held, logged) -> None:
        broker.publish([body(n) for n in range(300)])
        source = opened(broker, store)
        source.connect()
        found = source.fetch(40, 5.0)
        assert 0 < len(found) <= 40
        source.close()
        assert listen(broker, store, held, 300).accepted == 300, (
            "what was fetched and not acknowledged is lost"
        )

    def test_a_kill_between_log_and_acknowledgement(
        self, broker, store, body, held, logged, ids, monkeypatch
    ) -> None:
        broker.publish([body(n) for n in range(100)])
        source = opened(broker, store)

        def killed(_: Any) -> None:
            raise Killed

        monkeypatch.setattr(source, "acknowledge", killed)
        with pytest.raises(Killed):
            Listener(store, source, Layout.NATIVE, print).run(threading.Event(), 5.0, lambda _: None)
        before = len(logged(store))
        assert before > 0
        broker.publish([body(100)])  # so that there is something to wait for
        tally = listen(broker, store, held, 101)
        assert tally.accepted == 101 - before
        while tally.repeated < before:  # a broker gives back what was not acknowledged when it likes
            again = listen(broker, store)
            assert again.messages and not again.accepted
            tally.repeated += again.repeated
        assert logged(store) == ids(range(101))
        assert tally.repeated == before

    def test_kill_9_neither_loses_nor_doubles(
        self, broker, store, body, held, logged, ids, start_listener, wait_for
    ) -> None:
        total, done = 0, threading.Event()

        def publish() -> None:
            nonlocal total
            while not done.is_set() or total < 500:
                broker.publish([body(n) for n in range(total, total + 25)])
                total += 25
                done.wait(0.05)

        publisher = threading.Thread(target=publish)
        publisher.start()
        try:
            for _ in range(2):
                before = held(store)
                listener = start_listener(store, broker.address())
                wait_for(lambda before=before: held(store) > before + 30)
                listener.kill()
                listener.join()
        finally:
            done.set()
            publisher.join()
        listen(broker, store, held, total)
        assert logged(store) == ids(range(total))

    def test_what_can_not_be_used_blocks_nothing(self, broker, store, body, logged, ids) -> None:
        poison = [b"{", b"\xff\xfe", b"[1]", b'"\\ud800"', b"[" * 100_000, b'{"user_id": {}}', b"\x00"]
        strange = json.loads(body(0)) | {"item_id": "a pig in a poke", "user_id": "half \ud800"}
        late = json.loads(body(0)) | {"at": "2999-01-01T00:00:00Z"}
        poison += [json.dumps(strange).encode(), json.dumps(late).encode()]
        for number, one in enumerate(poison):
            broker.publish([body(2 * number), one, body(2 * number + 1)])
        tally = listen(broker, store)
        assert logged(store) == ids(range(2 * len(poison)))
        assert tally.refused.total() == len(poison) and tally.refused["time in the future"] == 1
        assert tally.refused["unknown item"] == 1 and tally.refused["not JSON"] == 4
        assert tally.refused_file is not None
        lines = [json.loads(line) for line in tally.refused_file.read_text().splitlines()]
        assert sorted(line["reason"] for line in lines) == sorted(tally.refused.elements())
        assert len({line["where"] for line in lines}) == len(poison)
        assert listen(broker, store).messages == 0

    def test_a_broker_that_goes_away_comes_back(
        self, broker, store, body, held, logged, ids, wait_for
    ) -> None:
        said: list[str] = []
        stop, looks = threading.Event(), [0]

        def watch(_: Tally) -> None:
            looks[0] += 1

        listener = Listener(store, opened(broker, store, said), Layout.NATIVE, said.append)
        thread = threading.Thread(target=lambda: listener.run(stop, None, watch))
        thread.start()
        try:
            for start in (0, 100):
                broker.publish([body(n) for n in range(start, start + 100)])
                wait_for(lambda start=start: held(store) == start + 100)
                if start == 0:
                    broker.goes_away()
                    self.wait_until_noticed(said, wait_for)
                    before = looks[0]
                    wait_for(lambda before=before: looks[0] > before)  # it can be stopped while it waits
                    broker.comes_back()
        finally:
            stop.set()
            thread.join()
        assert logged(store) == ids(range(200))
        assert listen(broker, store).messages == 0

    def wait_until_noticed(self, said: list[str], wait_for: Any) -> None:
        wait_for(lambda: any("trying again in" in one for one in said))

    def test_stopped_gracefully_it_moves_to_another_store(
        self, broker, store, body, held, logged, ids, start_listener, wait_for, tmp_path: Path
    ) -> None:
        broker.publish([body(n) for n in range(400)])
        listener = start_listener(store, broker.address())
        wait_for(lambda: held(store))
        listener.terminate()
        listener.join()
        assert listener.exitcode == 0
        moved = Store.open(shutil.copytree(store.path, tmp_path / "moved"))
        broker.publish([body(n) for n in range(400, 500)])
        assert listen(broker, moved, held, 500).repeated == 0, (
            "all that was logged was acknowledged before it left"
        )
        assert logged(moved) == ids(range(500))


class SharedSourceContract(SourceContract):
    """… and what is shared among several listeners."""

    def test_two_listeners_share_one_store(
        self, broker, store, body, held, logged, ids, start_listener, wait_for
    ) -> None:
        two, total = [start_listener(store, broker.address()) for _ in range(2)], 0
        until = time.monotonic() + PATIENCE_S
        while total < 500 or len(list(store.reports.glob("refused-*"))) < 2:  # until both had their share
            broker.publish([body(n) for n in range(total, total + 50)] + [b"{"] * 4)
            total += 50
            time.sleep(0.05)
            assert time.monotonic() < until, "one listener gets everything"
        wait_for(lambda: held(store) >= total)
        for one in two:
            one.terminate()
            one.join()
        assert logged(store) == ids(range(total))
        assert [one.exitcode for one in two] == [0, 0]


class TestFile(SourceContract):
    kind = "file"

    def wait_until_noticed(self, said: list[str], wait_for: Any) -> None:
        """A rotated file is no reason to say anything."""

    def test_a_second_listener_of_one_file_is_refused(self, broker, store) -> None:
        first = opened(broker, store)
        first.connect()
        with pytest.raises(SourceError, match="another listener"):
            opened(broker, store).connect()
        first.close()
        opened(broker, store).connect()


class TestNats(SharedSourceContract):
    kind = "nats"


class TestRedis(SharedSourceContract):
    kind = "redis"


class TestKafka(SharedSourceContract):
    kind = "kafka"
