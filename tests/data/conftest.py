"""Small stores: items with pictures, their feed, and a disk that is full."""

import io
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from bowerbird.data.items import Catalogue, Item
from bowerbird.data.store import Store


@pytest.fixture
def jpeg() -> Callable[..., bytes]:
    def make(colour: str = "red", size: tuple[int, int] = (16, 16)) -> bytes:
        out = io.BytesIO()
        Image.new("RGB", size, colour).save(out, "JPEG")
        return out.getvalue()

    return make


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.create(tmp_path / "store")


@pytest.fixture
def feed(tmp_path: Path) -> Callable[..., Path]:
    """Writes a TSV feed of (id, title, price, image_link) rows and gives its path."""

    def write(rows: list[tuple[str, str, str, str]], name: str = "feed.tsv") -> Path:
        lines = ["id\ttitle\tprice\timage_link", *("\t".join(row) for row in rows)]
        path = tmp_path / name
        path.write_text("\n".join(lines) + "\n")
        return path

    return write


@pytest.fixture
def shop(store: Store) -> Store:
    """A store with items a, b and c."""
    store.publish_catalogue(Catalogue.of(Item(name, title=f"Thing {name}") for name in "abc"))
    return store


@pytest.fixture
def bowerbird_on_a_full_disk() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs the command line in a process; at `largest_file` bytes writing fails, as on a full disk."""

    def run(*arguments: object, largest_file: int) -> subprocess.CompletedProcess[str]:
        limit = f"resource.setrlimit(resource.RLIMIT_FSIZE, ({largest_file}, {largest_file}))"
        code = f"import resource; {limit}; from bowerbird.cli.main import main; main()"
        return subprocess.run(
            [sys.executable, "-c", code, *map(str, arguments)],
            capture_output=True,
            text=True,
            timeout=60,
            env=os.environ | {"COLUMNS": "200"},
        )

    return run


@pytest.fixture
def tree() -> Callable[[Path], dict[str, bytes]]:
    """Every file in a folder and its bytes, except for empty lock files."""

    def read(folder: Path) -> dict[str, bytes]:
        return {
            str(path.relative_to(folder)): path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.is_file() and path.name != "LOCK"
        }

    return read
