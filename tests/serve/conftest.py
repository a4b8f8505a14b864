"""A small real store, built by the real pipeline, and a real server process for it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from bowerbird.data.events import Action, Event
from bowerbird.data.imports import import_layout
from bowerbird.data.items import Catalogue, Item
from bowerbird.data.store import Store
from bowerbird.demo import DemoConfig, write_demo_world
from bowerbird.errors import BackboneError


@pytest.fixture(scope="session")
def shop_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small demo world, imported and embedded; without a graft, so chat replies come from templates."""
    from bowerbird.embed.training import EmbedConfig, train_embedding

    folder = tmp_path_factory.mktemp("shop")
    files = write_demo_world(folder / "world", DemoConfig(items=72, people=30, days=40, image_px=96))
    store = Store.create(folder / "store")
    import_layout(store, "google-feed", [files.feed])
    import_layout(store, "segment", [files.events])
    try:
        train_embedding(store, EmbedConfig(dim=64, epochs=1))
    except BackboneError as error:
        pytest.skip(f"the backbones are not here: {error}")
    (store.path / "SYNTHETIC").touch()
    return store.path


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
def serve() -> Callable[..., AbstractContextManager[tuple[str, int]]]:
    """`serve(store, *options)`: another server process while the block runs."""
    return running_server


@contextlib.contextmanager
def running_server(store: Path, *options: str) -> Iterator[tuple[str, int]]:
    command = [sys.executable, "-m", "bowerbird.cli.main", "serve", str(store), "--port", "0", *options]
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
def small_store(tmp_path: Path) -> Store:
    """Items of two kinds and 40 users who like one kind each; made without a backbone."""
    return create_small_store(tmp_path / "small")


@pytest.fixture(scope="session")
def make_small_store() -> Callable[[Path], Store]:
    """Creates such a store in a folder."""
    return create_small_store


def create_small_store(path: Path) -> Store:
    store = Store.create(path)
    publish_items(store, N_ITEMS)
    rng, start = np.random.default_rng(0), datetime(2026, 1, 1, tzinfo=UTC)
    store.log.append(
        [
            Event(f"u{user}", f"i{2 * item + user % 2}", Action.SAVE, start + timedelta(hours=step))
            for user in range(40)
            for step, item in enumerate(rng.permutation(N_ITEMS // 2)[:8].tolist())
        ]
    )
    return store


Publish = Callable[[Store, int], None]


@pytest.fixture
def publish() -> tuple[Publish, Publish]:
    """Two functions that publish `count` items, and their vectors."""
    return publish_catalogue, publish_vectors


def publish_items(store: Store, count: int) -> None:
    """Publish `count` items and their vectors: even ones are alike, and odd ones are."""
    publish_catalogue(store, count)
    publish_vectors(store, count)


def publish_catalogue(store: Store, count: int) -> None:
    store.publish_catalogue(Catalogue.of(Item(f"i{k}", f"thing {k}", price=5.0 + k) for k in range(count)))


def publish_vectors(store: Store, count: int) -> None:
    rows = np.eye(2, 8)[np.arange(count) % 2] + np.random.default_rng(1).normal(0, 0.2, (count, 8))
    with store.publishing("vectors", {"holdout": {"until": None, "user_share": 0.0}}) as folder:
        np.save(folder / "vectors.npy", rows.astype(np.float16))
        (folder / "ids.json").write_text(json.dumps([f"i{k}" for k in range(count)]))
