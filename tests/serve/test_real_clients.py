"""Clients of others, unmodified, and clients that are generated from our document, against a real server.

Those in Python have an environment of their own, `.venv-clients`, which `make test-clients` fills from
`real_clients/requirements.txt`; the one in TypeScript is `clients/typescript`, for which Node is needed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from bowerbird.data.store import Store
from scripted_endpoint import scripted_endpoint
from tool_calling_model import play_model, store_with_endpoint

ROOT = Path(__file__).parents[2]
SCRIPTS = Path(__file__).parent / "real_clients"
PYTHON = Path(os.environ.get("BOWERBIRD_CLIENTS_PYTHON", ROOT / ".venv-clients" / "bin" / "python"))
pytestmark = pytest.mark.slow
needs_clients = pytest.mark.skipif(not PYTHON.exists(), reason="no .venv-clients: run `make test-clients`")
needs_node = pytest.mark.skipif(shutil.which("npm") is None, reason="Node is not installed")


@dataclass(frozen=True)
class Shop:
    """A server, whose assistant writes with a model that calls tools, and its store."""

    url: str
    store: Store


@pytest.fixture(scope="module")
def shop(serve: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    with scripted_endpoint([play_model]) as endpoint:
        store = store_with_endpoint(tmp_path_factory.mktemp("real") / "store", endpoint.url)
        with serve(store.path) as url:
            yield Shop(url, store)


def run(*command: str | Path, folder: Path = ROOT) -> str:
    """The output of a command, which must succeed."""
    ran = subprocess.run([*map(str, command)], cwd=folder, capture_output=True, text=True, timeout=1200)
    assert ran.returncode == 0, f"{ran.stdout[-3000:]}\n{ran.stderr[-3000:]}"
    return ran.stdout


@needs_clients
@pytest.mark.parametrize("name", ["litellm", "langchain", "agents", "generated_python"])
def test_a_client_works_unmodified(shop: Shop, name: str) -> None:
    run(PYTHON, SCRIPTS / f"use_{name}.py", shop.url)


@needs_clients
@pytest.mark.parametrize("name", ["segment", "rudder"])
def test_what_a_client_sends_is_stored(shop: Shop, name: str) -> None:
    """Gzipped, and all of it by the time the program has ended."""
    run(PYTHON, SCRIPTS / f"use_{name}.py", shop.url)
    users = shop.store.log.read().column("user_id").to_pylist()
    assert users.count(f"{name}-user") == 250


@needs_node
def test_the_typescript_client(shop: Shop, tmp_path: Path) -> None:
    """Generated from the served document, checked by `tsc`, and used."""
    folder = tmp_path / "typescript"
    ignored = shutil.ignore_patterns("node_modules", "dist", "schema.d.ts")
    shutil.copytree(ROOT / "clients" / "typescript", folder, ignore=ignored)
    try:
        httpx.get("https://registry.npmjs.org/", timeout=20).raise_for_status()
    except httpx.HTTPError as error:
        pytest.skip(f"npm's registry can't be reached: {error}")
    run("npm", "ci", "--no-audit", "--no-fund", folder=folder)
    run("npm", "run", "generate", "--", f"{shop.url}/openapi.json", folder=folder)
    run("npm", "run", "build", folder=folder)
    assert run("node", "dist/example.js", shop.url, folder=folder).strip().endswith("ok")
