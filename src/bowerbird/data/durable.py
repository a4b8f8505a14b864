"""Files that survive: replaced whole, flushed to the disk, and written by one at a time."""

from __future__ import annotations

import contextlib
import fcntl
import os
import uuid
from collections.abc import Iterator
from pathlib import Path


def write_atomically(path: Path, content: bytes) -> None:
    """Replace a small file whole: readers see the old content or the new one, never a part."""
    beside = path.with_name(f".{path.name}-{uuid.uuid4().hex[:6]}")
    try:
        with beside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
        flush_folder(path.parent)
    finally:
        beside.unlink(missing_ok=True)


def remove_parts(path: Path) -> None:
    """Remove what killed writers left beside a file; the caller sees to it that nobody else writes it."""
    for part in path.parent.glob(f".{path.name}-*"):
        part.unlink(missing_ok=True)


def flush_folder(folder: Path) -> None:
    """Make the renames and removals in a folder outlast a loss of power."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextlib.contextmanager
def locked(folder: Path, name: str = "LOCK") -> Iterator[None]:
    """Hold a lock of a folder, waiting for it; the kernel lets go of it if the process dies."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / name).open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
