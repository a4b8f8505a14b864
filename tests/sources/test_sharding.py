"""A store a shard: each broker cuts by person, so that all of a person comes to one store."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import threading
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bowerbird.data.readers.messages import Layout
from bowerbird.data.store import Store
from bowerbird.sources.address import Address
from bowerbird.sources.consuming import Consumer
from bowerbird.sources.opening import open_source

PEOPLE, EVENTS = 7, 140
SOON = "redeliver_after=1.5"  # what a killed worker held comes to the next


class ShardingContract:
    """`publish` tells a broker who each message is about; `addresses` are those of its two shards."""

    kind: str

    def publish(self, broker: Any, messages: list[tuple[str, bytes]]) -> None:
        raise NotImplementedError

    def addresses(self, broker: Any) -> list[str]:
        raise NotImplementedError

    def test_all_of_a_person_comes_to_one_store(
        self, broker: Any, store: Store, body: Callable[[int], bytes], tmp_path: Path
    ) -> None:
        bodies = [body(number) for number in range(EVENTS)]
        self.publish(broker, [(json.loads(one)["user_id"], one) for one in bodies])
        people: list[set[str]] = []
        ids: list[str] = []
        for number, address in enumerate(self.addresses(broker)):
            shard = _shard(tmp_path / f"shard-{number}", store)
            source = open_source(Address.parse(address), shard, print)
            Consumer(shard, source, Layout.NATIVE, print).run(threading.Event(), 0.7, lambda _: None)
            table = shard.log.read()
            people.append(set(table["user_id"].to_pylist()))
            ids += table["event_id"].to_pylist()
        assert len(ids) == len(set(ids)) == EVENTS
        assert not people[0] & people[1] and len(people[0] | people[1]) == PEOPLE
        assert people[0] and people[1], "one shard has everybody"

    def test_a_shard_that_moves_loses_nothing(
        self,
        broker: Any,
        store: Store,
        body: Callable[[int], bytes],
        logged: Callable[[Store], list[str]],
        held: Callable[[Store], int],
        start_listener: Callable[..., Any],
        wait_for: Callable[..., None],
        tmp_path: Path,
    ) -> None:
        """Two workers, each a process; one is killed under load, and its store goes on elsewhere."""
        bodies = [(json.loads(one)["user_id"], one) for one in map(body, range(EVENTS))]
        shards = [_shard(tmp_path / f"machine-{number}", store) for number in (0, 1)]
        addresses = self.addresses(broker)
        self.publish(broker, bodies[: EVENTS // 2])
        workers = [start_listener(*one) for one in zip(shards, addresses, strict=True)]
        wait_for(lambda: held(shards[0]) > 0)
        publishing = threading.Thread(target=self.publish, args=(broker, bodies[EVENTS // 2 :]))
        publishing.start()
        os.kill(workers[0].pid, signal.SIGKILL)
        workers[0].join()
        shutil.move(shards[0].path, tmp_path / "machine-2")
        moved = Store.open(tmp_path / "machine-2")
        start_listener(moved, addresses[0])
        publishing.join()
        wait_for(lambda: held(moved) + held(shards[1]) >= EVENTS)
        both = logged(moved) + logged(shards[1])
        assert sorted(both) == sorted(f"e-{number}" for number in range(EVENTS))
        people = [set(one.log.read()["user_id"].to_pylist()) for one in (moved, shards[1])]
        assert not people[0] & people[1] and people[0] and people[1]


def _shard(path: Path, of: Store) -> Store:
    shard = Store.create(path)
    shard.publish_catalogue(of.catalogue())
    return shard


class TestNats(ShardingContract):
    kind = "nats"

    def publish(self, broker: Any, messages: list[tuple[str, bytes]]) -> None:
        cut = broker.nats.js.api.SubjectTransform("people.*", "people.{{partition(2,1)}}.{{wildcard(1)}}")

        async def run() -> None:
            client = await broker.nats.connect(f"nats://127.0.0.1:{broker.port}")
            js = client.jetstream()
            await js.add_stream(name="PEOPLE", subjects=["people.*"], subject_transform=cut)
            for person, message in messages:
                await js.publish(f"people.{person}", message)
            await client.close()

        asyncio.run(run())

    def addresses(self, broker: Any) -> list[str]:
        base = f"nats://127.0.0.1:{broker.port}/PEOPLE"
        return [f"{base}?durable=shard-{n}&subject=people.{n}.*&{SOON}" for n in (0, 1)]


class TestKafka(ShardingContract):
    kind = "kafka"

    def publish(self, broker: Any, messages: list[tuple[str, bytes]]) -> None:
        producer = broker.kafka.Producer({"bootstrap.servers": broker.bootstrap, "linger.ms": 1})
        for person, message in messages:
            producer.produce("events", message, key=person)
        producer.flush(30)

    def addresses(self, broker: Any) -> list[str]:
        base = f"kafka://{broker.bootstrap}/events"
        return [f"{base}?group=shard-{n}&partitions={n}&{SOON}" for n in (0, 1)]


class TestRedis(ShardingContract):
    kind = "redis"

    def publish(self, broker: Any, messages: list[tuple[str, bytes]]) -> None:
        with broker.redis.Redis(port=broker.port) as client:
            for person, message in messages:
                row = json.loads(message)  # told field by field
                client.xadd(f"events-{zlib.crc32(person.encode()) % 2}", row)

    def addresses(self, broker: Any) -> list[str]:
        return [f"redis://127.0.0.1:{broker.port}/0/events-{n}?{SOON}" for n in (0, 1)]


def test_partitions_are_numbers(store: Store) -> None:
    pytest.importorskip("confluent_kafka")
    from bowerbird.errors import InputError
    from bowerbird.sources.kafka import KafkaSource

    with pytest.raises(InputError, match="such as 0,1"):
        KafkaSource(Address.parse("kafka://h/t?partitions=a-b"))
