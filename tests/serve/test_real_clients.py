"""Clients of others, unmodified, and clients that are generated from our document, against a real server.

Those in Python have an environment of their own, `.venv-clients`, which `make test-clients` fills from
`real_clients/requirements.txt`, and so has Schemathesis, `.venv-schemathesis`; the one in TypeScript is
`clients/typescript`, for which Node is needed.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from bowerbird.data.store import Store
from bowerbird.serve.protection.keys import KeyRing, Role
from scripted_endpoint import scripted_endpoint
from tool_calling_model import play_model, store_with_endpoint

ROOT = Path(__file__).parents[2]
SCRIPTS = Path(__file__).parent / "real_clients"
PYTHON = Path(os.environ.get("BOWERBIRD_CLIENTS_PYTHON", ROOT / ".venv-clients" / "bin" / "python"))
SCHEMATHESIS = Path(
    os.environ.get("BOWERBIRD_SCHEMATHESIS", ROOT / ".venv-schemathesis" / "bin" / "schemathesis")
)
PATHS = (
    "users",
    "api/",
    "v1/|mcp|livez|readyz|healthz|metrics",
    "items|catalogue|ucp/|.well-known|shared-boards",
    "search|complete|rerank|recommendations|trending|popular|new",
    "keys|rules|versions|exposures|outcomes|audit",
)
"""Beginnings of the paths of resources whose calls lead to each other."""
pytestmark = pytest.mark.slow
needs_clients = pytest.mark.skipif(not PYTHON.exists(), reason="no .venv-clients: run `make test-clients`")
needs_node = pytest.mark.skipif(shutil.which("npm") is None, reason="Node is not installed")


@dataclass(frozen=True)
class Protected:
    """A server that asks for keys, and one that opens everything."""

    url: str
    key: str


@pytest.fixture(scope="module")
def protected(serve: Any, shop_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Protected]:
    """Of a copy of the small shop, since some requests erase its users and withdraw its items."""
    store = shutil.copytree(shop_store, tmp_path_factory.mktemp("described") / "store")
    key = KeyRing(store).create([Role.ADMIN])[1]
    with serve(store, require_keys=True, requests_per_second=100_000, burst=100_000) as url:
        yield Protected(url, key)


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


@pytest.mark.skipif(not SCHEMATHESIS.exists(), reason="no .venv-schemathesis: run `make test-clients`")
@pytest.mark.parametrize("paths", PATHS)
def test_the_api_is_as_described(protected: Protected, paths: str, tmp_path: Path) -> None:
    """Schemathesis sends what the served document allows and forbids, and compares the answers with it: all
    checks and phases, one group of resources after the other."""
    httpx.get(f"{protected.url}/openapi.json", timeout=600).raise_for_status()  # writing it takes a while
    run(
        *(SCHEMATHESIS, "--config-file", SCRIPTS / "schemathesis.toml"),
        *("run", f"{protected.url}/openapi.json", "--checks=all", f"--include-path-regex=^/({paths})"),
        *("--max-examples=5", "--seed=1", "--continue-on-failure", "--request-timeout=60"),
        f"--header=Authorization: Bearer {protected.key}",
        folder=tmp_path,
    )


def test_every_path_is_in_one_group(protected: Protected) -> None:
    document = httpx.get(f"{protected.url}/openapi.json", timeout=600).json()
    n_groups = [sum(bool(re.match(f"/({paths})", path)) for paths in PATHS) for path in document["paths"]]
    assert set(n_groups) == {1}


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
