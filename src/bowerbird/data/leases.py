"""Leases on versions that running processes read, so that these versions are not removed.

A reader writes its versions into a small file of its own and locks the file; the kernel releases the lock
when the process ends, however it ends. An unlocked file belongs to a dead process and is removed.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import uuid
import weakref
from collections.abc import Mapping
from io import TextIOWrapper
from pathlib import Path

FOLDER = "readers"


class Lease:
    """Keeps versions from being removed until it is released, at the latest when it is garbage-collected."""

    def __init__(self, store: Path, versions: Mapping[str, str]) -> None:
        """Raises `OSError` where the folder can't be written; reading needs no lease in that case."""
        folder = store / FOLDER
        folder.mkdir(exist_ok=True)
        path = folder / f"{uuid.uuid4().hex[:12]}.json"
        temporary = folder / f"{path.stem}.part"
        file = temporary.open("w")
        fcntl.flock(file, fcntl.LOCK_EX)
        json.dump(dict(versions), file)
        file.flush()
        temporary.rename(path)  # visible only now, when it is locked
        self.release = weakref.finalize(self, _release, path, file, os.getpid())


def _release(path: Path, file: TextIOWrapper, owner: int) -> None:
    if os.getpid() == owner:  # a forked child must not remove its parent's lease
        path.unlink(missing_ok=True)
    file.close()


def leased_versions(store: Path) -> set[tuple[str, str]]:
    """Every (kind, name) of a version that a running process reads."""
    versions: set[tuple[str, str]] = set()
    for path in (store / FOLDER).glob("*.json"):
        with contextlib.suppress(FileNotFoundError), path.open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                versions |= set(json.load(file).items())
            else:
                path.unlink(missing_ok=True)
    return versions
