"""One store per shard: each broker partitions by user, so that all events of a user reach one store."""

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

from bowerbird.data.readers.layouts import MessageLayout
from bowerbird.data.store import Store
from bowerbird.sources.address import Address
from bowerbird.sources.consuming import Consumer
from bowerbird.sources.opening import open_source

pytestmark = pytest.mark.slow

N_USERS, N_EVENTS = 7, 140
REDELIVER_SOON = "redeliver_after=1.5"  # unacknowledged messages of a killed worker go to the next one


class ShardingContract:
    """`publish` passes each message's user to a broker; `addresses` returns those of its two shards."""

    kind: str

    def publish(self, broker: Any, messages: list[tuple[str, bytes]]) -> None:
        raise NotImplementedError

    def addresses(self, broker: Any) -> list[str]:
        raise NotImplementedError

    def test_all_events_of_a_user_reach_one_store(
        self, broker: Any, store: Store, body: Callable[[int], bytes], tmp_path: Path
    ) -> None:
        bodies = [body(number) for number in range(N_EVENTS)]
        self.publish(broker, [(json.loads(message)["user_id"], message) for message in bodies])
        users_by_shard: list[set[str]] = []
        ids: list[str] = []
        for number, address in enumerate(self.addresses(broker)):
            shard = make_shard(tmp_path / f"shard-{number}", store)
            source = open_source(Address.parse(address), shard, print)
            Consumer(shard, source, MessageLayout.NATIVE, print).run(threading.Event(), 0.7, lambda _: None)
            table = shard.log.read()
            users_by_shard.append(set(table["user_id"].to_pylist()))
            ids += table["event_id"].to_pylist()
        assert len(ids) == len(set(ids)) == N_EVENTS
        assert (
            not users_by_shard[0] & users_by_shard[1]
            and len(users_by_shard[0] | users_by_shard[1]) == N_USERS
        )
        assert users_by_shard[0] and users_by_shard[1], "one shard has all users"

    def test_a_shard_that_moves_loses_nothing(
        self,
        broker: Any,
        store: Store,
        body: Callable[[int], bytes],
        read_event_ids: Callable[[Store], list[str]],
        count_events: Callable[[Store], int],
        start_consumer: Callable[..., Any],
        wait_for: Callable[..., None],
        tmp_path: Path,
    ) -> None:
        """Two worker processes; one is killed under load, and its store continues elsewhere."""
        bodies = [(json.loads(entry)["user_id"], entry) for entry in map(body, range(N_EVENTS))]
        shards = [make_shard(tmp_path / f"machine-{number}", store) for number in (0, 1)]
        addresses = self.addresses(broker)
        self.publish(broker, bodies[: N_EVENTS // 2])
        workers = [start_consumer(*entry) for entry in zip(shards, addresses, strict=True)]
        wait_for(lambda: count_events(shards[0]) > 0)
        publishing = threading.Thread(target=self.publish, args=(broker, bodies[N_EVENTS // 2 :]))
        publishing.start()
        os.kill(workers[0].pid, signal.SIGKILL)
        workers[0].join()
        shutil.move(shards[0].path, tmp_path / "machine-2")
        moved = Store.open(tmp_path / "machine-2")
        start_consumer(moved, addresses[0])
        publishing.join()
        wait_for(lambda: count_events(moved) + count_events(shards[1]) >= N_EVENTS)
        event_ids = read_event_ids(moved) + read_event_ids(shards[1])
        assert sorted(event_ids) == sorted(f"e-{number}" for number in range(N_EVENTS))
        users_by_shard = [set(entry.log.read()["user_id"].to_pylist()) for entry in (moved, shards[1])]
        assert not users_by_shard[0] & users_by_shard[1] and users_by_shard[0] and users_by_shard[1]


def make_shard(path: Path, original: Store) -> Store:
    shard = Store.create(path)
    shard.publish_catalogue(original.catalogue())
    return shard


class TestNats(ShardingContract):
    kind = "nats"

    def publish(self, broker: Any, messages: list[tuple[str, bytes]]) -> None:
        transform = broker.nats.js.api.SubjectTransform(
            "people.*", "people.{{partition(2,1)}}.{{wildcard(1)}}"
        )

        async def run() -> None:
            client = await broker.nats.connect(f"nats://127.0.0.1:{broker.port}")
            js = client.jetstream()
            await js.add_stream(name="PEOPLE", subjects=["people.*"], subject_transform=transform)
            for user, message in messages:
                await js.publish(f"people.{user}", message)
            await client.close()

        asyncio.run(run())

    def addresses(self, broker: Any) -> list[str]:
        base = f"nats://127.0.0.1:{broker.port}/PEOPLE"
        return [f"{base}?durable=shard-{n}&subject=people.{n}.*&{REDELIVER_SOON}" for n in (0, 1)]


class TestKafka(ShardingContract):
    kind = "kafka"

    def publish(self, broker: Any, messages: list[tuple[str, bytes]]) -> None:
        producer = broker.kafka.Producer({"bootstrap.servers": broker.bootstrap, "linger.ms": 1})
        for user, message in messages:
            producer.produce("events", message, key=user)
        producer.flush(30)

    def addresses(self, broker: Any) -> list[str]:
        base = f"kafka://{broker.bootstrap}/events"
        return [f"{base}?group=shard-{n}&partitions={n}&{REDELIVER_SOON}" for n in (0, 1)]


class TestRedis(ShardingContract):
    kind = "redis"

    def publish(self, broker: Any, messages: list[tuple[str, bytes]]) -> None:
        with broker.redis.Redis(port=broker.port) as client:
            for user, message in messages:
                row = json.loads(message)  # published field by field
                client.xadd(f"events-{zlib.crc32(user.encode()) % 2}", row)

    def addresses(self, broker: Any) -> list[str]:
        return [f"redis://127.0.0.1:{broker.port}/0/events-{n}?{REDELIVER_SOON}" for n in (0, 1)]


def test_partitions_are_numbers(store: Store) -> None:
    pytest.importorskip("confluent_kafka")
    from bowerbird.errors import InputError
    from bowerbird.sources.kafka import KafkaSource

    with pytest.raises(InputError, match="such as 0,1"):
        KafkaSource(Address.parse("kafka://h/t?partitions=a-b"))
