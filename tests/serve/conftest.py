"""A small real store, built by the real pipeline, and a real server process for it."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
import uvicorn

import factories
from bowerbird.data.files.locks import hold_lock
from bowerbird.data.ingest.imports import import_layout
from bowerbird.data.store import Store
from bowerbird.demo import DemoConfig, write_demo_world
from bowerbird.errors import BackboneError
from bowerbird.recommend.train import complete
from bowerbird.serve import running
from bowerbird.serve.middleware.origins import LOOPBACK_HOSTS
from bowerbird.serve.protection.settings import ServerSettings
from bowerbird.serve.tenants.server import create_server

LOCAL = "127.0.0.1"


BuildOnce = Callable[[str, Callable[[Path], None]], Path]


@pytest.fixture(scope="session")
def build_once(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> BuildOnce:
    """`build_once(name, build)`: a copy of the folder that one of pytest's processes built for all."""

    def copy_of(name: str, build: Callable[[Path], None]) -> Path:
        own = tmp_path_factory.mktemp(name)
        if worker_id == "master":  # it is alone
            build(own)
            return own
        shared = tmp_path_factory.getbasetemp().parent / f"shared-{name}"
        with hold_lock(shared.with_suffix(".lock")):
            if not shared.exists():
                build(own)
                shutil.copytree(own, shared)
                return own
        return Path(shutil.copytree(shared, own, dirs_exist_ok=True))

    return copy_of


@pytest.fixture(scope="session")
def shop_store(build_once: BuildOnce) -> Path:
    """A small demo world, imported and embedded; without a graft, so chat replies come from templates."""
    return build_once("shop", build_shop) / "store"


def build_shop(folder: Path) -> None:
    from bowerbird.embed.config import EmbedConfig
    from bowerbird.embed.training import train_embedding

    files = write_demo_world(folder / "world", DemoConfig(items=72, users=30, days=40, image_px=96))
    store = Store.create(folder / "store")
    import_layout(store, "google-feed", [files.feed])
    import_layout(store, "segment", [files.events])
    try:
        train_embedding(store, EmbedConfig(dim=64, epochs=1))
    except BackboneError as error:
        pytest.skip(f"the backbones are not here: {error}")
    (store.path / "SYNTHETIC").touch()
    store.log.close()


@pytest.fixture(scope="session")
def address(server: tuple[str, int]) -> str:
    """The address of `bowerbird serve`."""
    return server[0]


@pytest.fixture(scope="session")
def server(shop_store: Path) -> Iterator[tuple[str, int]]:
    """Address and process id of `bowerbird serve`, a process of its own on a free port, stopped by its id."""
    with running_server(shop_store) as address_and_pid:
        yield address_and_pid


@pytest.fixture(scope="session")
def serve() -> Callable[..., AbstractContextManager[str]]:
    """`serve(store, require_keys=True)`: the address of another server while the block runs."""
    return serving_thread


@contextlib.contextmanager
def serving_thread(store: Path, port: int = 0, **settings: Any) -> Iterator[str]:
    """A real server in a thread of this process: one of its own takes seconds to import everything again."""
    allowed = ServerSettings(allowed_hosts=LOOPBACK_HOSTS, **settings)
    app = create_server([store], warm_up=False, settings=allowed)
    # The log is pytest's.
    options = running.server_options(allowed) | {"log_config": None}
    server, server_socket = uvicorn.Server(uvicorn.Config(app, **options)), running.open_socket(LOCAL, port)
    address = f"http://{LOCAL}:{server_socket.getsockname()[1]}"
    thread = threading.Thread(target=server.run, args=[[server_socket]], name=address)
    thread.start()
    try:
        yield address
    finally:
        server.should_exit = True
        thread.join(30)
        assert not thread.is_alive(), "the server does not end"


@pytest.fixture(scope="session")
def serve_process() -> Callable[..., AbstractContextManager[tuple[str, int]]]:
    """`serve_process(store, *options)`: address and id of `bowerbird serve`, another process of its own."""
    return running_server


@contextlib.contextmanager
def running_server(store: Path, *options: str) -> Iterator[tuple[str, int]]:
    command = [sys.executable, "-m", "bowerbird.cli.main", "serve", str(store), "--port", "0", "--no-warm-up"]
    command += options
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)
    assert process.stderr is not None
    try:
        line = ""
        for line in process.stderr:
            if line.startswith("http://"):
                break
        assert line.startswith("http://127.0.0.1:"), f"the server did not start: {line}"
        yield line.strip(), process.pid
    finally:
        os.kill(process.pid, signal.SIGTERM)
        process.wait(30)


N_ITEMS = 60  # items of the small store


@pytest.fixture
def small_store(tmp_path: Path, make_small_store: Callable[[Path], Store]) -> Store:
    """Items of two kinds and 40 users who like one kind each; made without a backbone, the ranker trained."""
    return make_small_store(tmp_path / "small")


@pytest.fixture(scope="session")
def make_small_store(build_once: BuildOnce) -> Callable[[Path], Store]:
    """Creates such a store in a folder, as a copy: the ranker is trained once."""
    trained = build_once("small", build_small) / "store"

    def make(path: Path) -> Store:
        return Store.open(shutil.copytree(trained, path))

    return make


def build_small(folder: Path) -> None:
    store = factories.toy_store(folder / "store", N_ITEMS, users=40)
    complete(store)
    store.log.close()


Publish = Callable[[Store, int], None]


@pytest.fixture
def publish() -> tuple[Publish, Publish]:
    """Two functions that publish `count` items, and their vectors."""
    return publish_catalogue, publish_vectors


def publish_catalogue(store: Store, count: int) -> None:
    store.publish_catalogue(factories.toy_catalogue(count))


def publish_vectors(store: Store, count: int) -> None:
    factories.publish_vectors(store, factories.group_vectors(count), ids=[f"i{k}" for k in range(count)])
