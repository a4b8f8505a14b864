"""Durable files: replaced atomically, and flushed to disk."""

from __future__ import annotations

import os
import uuid
from pathlib import Path


def write_atomically(path: Path, content: bytes) -> None:
    """Replace a small file atomically: readers see the old content or the new one, never a part."""
    temporary = path.with_name(f".{path.name}-{uuid.uuid4().hex[:6]}")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        flush_folder(path.parent)
    finally:
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
