"""A store a shard: each broker cuts by person, so that all of a person comes to one store."""

from __future__ import annotations

import asyncio
import json
import threading
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bowerbird.data.readers.messages import Layout
from bowerbird.data.store import Store
from bowerbird.sources.address import Address
from bowerbird.sources.listening import Listener
from bowerbird.sources.opening import open_source

PEOPLE, EVENTS = 7, 140


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
            shard = Store.create(tmp_path / f"shard-{number}")
            shard.publish_catalogue(store.catalogue())
            source = open_source(Address.parse(address), shard, print)
            Listener(shard, source, Layout.NATIVE, print).run(threading.Event(), 0.7, lambda _: None)
            table = shard.log.read()
            people.append(set(table["user_id"].to_pylist()))
            ids += table["event_id"].to_pylist()
        assert len(ids) == len(set(ids)) == EVENTS
        assert not people[0] & people[1] and len(people[0] | people[1]) == PEOPLE
        assert people[0] and people[1], "one shard has everybody"


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
        return [f"{base}?durable=shard-{n}&subject=people.{n}.*" for n in (0, 1)]


class TestKafka(ShardingContract):
    kind = "kafka"

    def publish(self, broker: Any, messages: list[tuple[str, bytes]]) -> None:
        producer = broker.kafka.Producer({"bootstrap.servers": broker.bootstrap, "linger.ms": 1})
        for person, message in messages:
            producer.produce("events", message, key=person)
        producer.flush(30)

    def addresses(self, broker: Any) -> list[str]:
        base = f"kafka://{broker.bootstrap}/events"
        return [f"{base}?group=shard-{n}&partitions={n}" for n in (0, 1)]


class TestRedis(ShardingContract):
    kind = "redis"

    def publish(self, broker: Any, messages: list[tuple[str, bytes]]) -> None:
        with broker.redis.Redis(port=broker.port) as client:
            for person, message in messages:
                row = json.loads(message)  # told field by field
                client.xadd(f"events-{zlib.crc32(person.encode()) % 2}", row)

    def addresses(self, broker: Any) -> list[str]:
        return [f"redis://127.0.0.1:{broker.port}/0/events-{n}" for n in (0, 1)]


def test_partitions_are_numbers(store: Store) -> None:
    pytest.importorskip("confluent_kafka")
    from bowerbird.errors import InputError
    from bowerbird.sources.kafka import KafkaSource

    with pytest.raises(InputError, match="such as 0,1"):
        KafkaSource(Address.parse("kafka://h/t?partitions=a-b"))
