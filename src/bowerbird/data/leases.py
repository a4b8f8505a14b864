"""Which versions living processes still read, so that nobody removes those.

A reader names its versions in a small file of its own and locks that; the kernel lets go of the lock when the
process dies, however it dies. A file that nobody locks is a dead process's and is removed.
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
    """Keeps versions from being removed until it is let go of, at the latest when it is collected."""

    def __init__(self, store: Path, versions: Mapping[str, str]) -> None:
        """Raises `OSError` where the folder can't be written; reading needs no lease then."""
        folder = store / FOLDER
        folder.mkdir(exist_ok=True)
        path = folder / f"{uuid.uuid4().hex[:12]}.json"
        beside = folder / f"{path.stem}.part"
        file = beside.open("w")
        fcntl.flock(file, fcntl.LOCK_EX)
        json.dump(dict(versions), file)
        file.flush()
        beside.rename(path)  # only now can it be seen, and it is locked
        self.release = weakref.finalize(self, _released, path, file, os.getpid())


def _released(path: Path, file: TextIOWrapper, owner: int) -> None:
    if os.getpid() == owner:  # a forked child must not take its parent's away
        path.unlink(missing_ok=True)
    file.close()


def leased(store: Path) -> set[tuple[str, str]]:
    """Every (kind, name) of a version that some living process reads."""
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
