"""Durable files: replaced atomically, and flushed to disk."""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Iterator
from pathlib import Path

FileStamp = tuple[int, int, int]


def file_stamp(path: Path) -> FileStamp | None:
    """A value that differs after every replacement of a file, and costs next to nothing; None without it."""
    try:
        stat = path.stat()
    except FileNotFoundError:
        return None
    return stat.st_ino, stat.st_mtime_ns, stat.st_size


def write_atomically(path: Path, content: bytes) -> None:
    """Replace a small file atomically: readers see the old content or the new one, never a part."""
    with replacing(path) as temporary:
        temporary.write_bytes(content)


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a path to write to, which takes the place of `path` if the block succeeds, and is removed if not.

    Raises `OSError` as the writing does.
    """
    temporary = path.with_name(f".{path.name}-{uuid.uuid4().hex[:6]}")
    try:
        yield temporary
        # The content must be on disk before its name is: a crash in between would leave an empty file.
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
        flush_folder(path.parent)
    finally:
        with contextlib.suppress(OSError):  # a folder that is gone, after an error that says more
            temporary.unlink(missing_ok=True)


def remove_partial_files(path: Path) -> None:
    """Remove temporary files that killed writers left next to a file; the caller excludes other writers."""
    for part in path.parent.glob(f".{path.name}-*"):
        part.unlink(missing_ok=True)


def flush_folder(folder: Path) -> None:
    """Make renames and removals in a folder durable (`fsync` of the folder)."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
