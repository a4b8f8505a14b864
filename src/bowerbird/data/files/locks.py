"""File locks between processes, by `flock`: the kernel releases a lock when its process dies.

`docs/decisions/libraries.md` says why these are not `filelock`'s: waiting here is by the kernel and not by
polling, and a lock must be held on a file that is written, renamed and read by others.
"""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any


@contextlib.contextmanager
def hold_lock(path: Path) -> Iterator[None]:
    """Hold the lock of a file while the block runs, waiting for it; the file is created where missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        wait_for_lock(file)
        yield


def wait_for_lock(file: IO[Any]) -> None:
    """Lock an open file, waiting for it; closing the file releases the lock."""
    fcntl.flock(file, fcntl.LOCK_EX)


def try_lock(file: IO[Any]) -> bool:
    """Lock an open file; False where another process holds its lock."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
