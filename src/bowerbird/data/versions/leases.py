"""Leases on versions that running processes read, so that these versions are not removed.

A reader writes its versions into a small file of its own and locks the file; the kernel releases the lock
when the process ends, however it ends. An unlocked file belongs to a dead process and is removed.
"""

from __future__ import annotations

import contextlib
import os
import uuid
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from bowerbird.data.files.locks import try_lock, wait_for_lock
from bowerbird.data.files.records import decode_record, encode_record

FOLDER = "readers"


class Lease:
    """Keeps versions from being removed until it is released, at the latest when it is garbage-collected."""

    def __init__(self, store: Path, versions: Mapping[str, str]) -> None:
        """Raises `OSError` where the folder can't be written; reading needs no lease in that case."""
        folder = store / FOLDER
        folder.mkdir(exist_ok=True)
        path = folder / f"{uuid.uuid4().hex[:12]}.json"
        temporary = folder / f"{path.stem}.part"
        file = temporary.open("wb")
        wait_for_lock(file)
        file.write(encode_record(versions))
        file.flush()
        temporary.rename(path)  # visible only now, when it is locked
        self.release = weakref.finalize(self, _release, path, file, os.getpid())


def _release(path: Path, file: IO[bytes], owner: int) -> None:
    if os.getpid() == owner:  # a forked child must not remove its parent's lease
        path.unlink(missing_ok=True)
    file.close()


def leased_versions(store: Path) -> set[tuple[str, str]]:
    """Every (kind, name) of a version that a running process reads."""
    versions: set[tuple[str, str]] = set()
    for path in (store / FOLDER).glob("*.json"):
        with contextlib.suppress(FileNotFoundError), path.open("rb") as file:
            if try_lock(file):
                path.unlink(missing_ok=True)
            else:
                versions |= set(decode_record(file.read(), dict[str, str], path).items())
    return versions
