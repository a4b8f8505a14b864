"""User states on disk, with the place in the event log that they stand for: start-up without a replay.

A small file that names the snapshots is replaced atomically after a new one was written whole. Those of the
last two sets of items and interests are kept, so that a rollback needs no replay either. An erasure drops
them all, under the same lock.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import uuid
from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
import pyarrow.feather as feather

from bowerbird.data.durable import write_atomically
from bowerbird.data.store import Store
from bowerbird.errors import StoreError
from bowerbird.taste.state.user_states import UserStates
from bowerbird.taste.state.user_table import IDS_FILE

INDEX_FILE = "user_states.json"
FOLDER_PREFIX = "user-states-"
MAX_SNAPSHOTS = 2  # each of other items or interests
FORMER_IDS_FILE, FORMER_FOLDERS, FORMER_INDEX = "people.feather", "people-*", "people.json"
"""Names that earlier versions gave to snapshots: no longer read, but an erasure must not leave them."""


@dataclass(frozen=True)
class SnapshotOrigin:
    """What a snapshot was made of: catalogue and interests (`key`), and the log up to an offset of a
    generation."""

    key: str
    generation: int
    offset: int


def save(store: Store, states: UserStates, origin: SnapshotOrigin) -> bool:
    """Write a snapshot; False where it was not, since another process writes or the disk is full.

    A snapshot only saves time, so that is not an error.
    """
    folder = store.taste / f"{FOLDER_PREFIX}{uuid.uuid4().hex[:8]}"
    try:
        with store.lock("bowerbird taste snapshot"):
            if store.log.generation != origin.generation:  # a user was forgotten meanwhile
                return False
            states.save(folder)
            others = [snapshot for snapshot in _read_index(store) if snapshot["key"] != origin.key]
            snapshots = [{**asdict(origin), "folder": folder.name}, *others][:MAX_SNAPSHOTS]
            write_atomically(store.taste / INDEX_FILE, json.dumps({"snapshots": snapshots}).encode())
            _drop_folders(store, {snapshot["folder"] for snapshot in snapshots})
    except (OSError, StoreError):
        shutil.rmtree(folder, ignore_errors=True)
        return False
    return True


def load(store: Store, key: str, interest: np.ndarray) -> tuple[UserStates, SnapshotOrigin] | None:
    """The snapshot for this catalogue and these interests, if it is whole and of the log's generation."""
    generation = store.log.generation
    for snapshot in _read_index(store):
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            folder = store.taste / snapshot["folder"]
            if snapshot["key"] == key and snapshot["generation"] == generation:
                states = UserStates.open(folder, interest)
                return states, SnapshotOrigin(key, generation, snapshot["offset"])
    return None


def _read_index(store: Store) -> list[dict[str, Any]]:
    """Origin and folder of each snapshot, the newest first."""
    try:
        snapshots: list[dict[str, Any]] = json.loads((store.taste / INDEX_FILE).read_text())["snapshots"]
    except (OSError, ValueError, KeyError, TypeError):
        return []  # none yet, or of an earlier version
    return snapshots


def exists(store: Store) -> bool:
    """Whether there is a snapshot, of whatever age."""
    return (store.taste / INDEX_FILE).exists()


def is_named(store: Store, user_id: str) -> bool:
    """Whether any snapshot, of whatever age, or what a killed writer left of one, names a user.

    One that can't be read counts as one that does.
    """
    for folder in _folders(store.path / "taste"):
        try:
            ids = feather.read_table(_ids_file(folder))["user_id"]
        except FileNotFoundError:  # cut short before any id was written
            continue
        except (OSError, ValueError, KeyError):
            return True
        if pc.any(pc.equal(ids, user_id)).as_py():
            return True
    return False


def drop(store: Store) -> None:
    """Delete every snapshot; the caller holds the store's lock."""
    (store.taste / INDEX_FILE).unlink(missing_ok=True)
    _drop_folders(store)


def _folders(path: Path) -> Iterator[Path]:
    yield from path.glob(f"{FOLDER_PREFIX}*")
    yield from path.glob(FORMER_FOLDERS)


def _ids_file(folder: Path) -> Path:
    return folder / (IDS_FILE if folder.name.startswith(FOLDER_PREFIX) else FORMER_IDS_FILE)


def _drop_folders(store: Store, keep: Collection[str] = ()) -> None:
    (store.taste / FORMER_INDEX).unlink(missing_ok=True)
    for folder in _folders(store.taste):
        if folder.name not in keep:
            shutil.rmtree(folder, ignore_errors=True)
