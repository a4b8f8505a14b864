"""A small real store, made by the real stages, and a real server process over it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bowerbird.data.demo import DemoConfig, write_demo_world
from bowerbird.data.imports import import_layout
from bowerbird.data.store import Store
from bowerbird.errors import BackboneError


@pytest.fixture(scope="session")
def shop_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo world in small: imported and embedded; no graft, so templates word the chat."""
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
    """Where `bowerbird serve` answers."""
    return server[0]


@pytest.fixture(scope="session")
def server(shop_store: Path) -> Iterator[tuple[str, int]]:
    """`bowerbird serve`, a process of its own on a free port, stopped by its id: address and id."""
    command = [sys.executable, "-m", "bowerbird.cli.main", "serve", str(shop_store), "--port", "0"]
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
