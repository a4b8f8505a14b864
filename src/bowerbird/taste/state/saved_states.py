"""User states on disk, with the place in the event log that they stand for: start-up without a replay.

A small file that names the snapshots is replaced atomically after a new one was written whole. Those of the
last two sets of items and interests are kept, so that a rollback needs no replay either. An erasure drops
them all, under the same lock.
"""

from __future__ import annotations

import contextlib
import shutil
import uuid
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.feather as feather

from bowerbird.data.arrays import IntArray
from bowerbird.data.files.records import read_record, write_record
from bowerbird.data.store import Store
from bowerbird.errors import StoreError
from bowerbird.taste.state.user_states import UserStates
from bowerbird.taste.state.user_table import IDS_FILE

INDEX_FILE = "user_states.json"
FOLDER_PREFIX = "user-states-"
MAX_SNAPSHOTS = 2  # each of other items or interests


@dataclass(frozen=True)
class SnapshotOrigin:
    """What a snapshot was made of: catalogue and interests (`key`), and the log up to an offset of a
    generation."""

    key: str
    generation: int
    offset: int
    joined: int = 0
    """Number of the last alias of the log."""


@dataclass(frozen=True)
class SavedSnapshot:
    """One snapshot: what it was made of, and its folder."""

    origin: SnapshotOrigin
    folder: str


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
            others = [snapshot for snapshot in _read_index(store) if snapshot.origin.key != origin.key]
            snapshots = [SavedSnapshot(origin, folder.name), *others][:MAX_SNAPSHOTS]
            write_record(store.taste / INDEX_FILE, snapshots)
            _drop_folders(store, {snapshot.folder for snapshot in snapshots})
    except (OSError, StoreError):
        shutil.rmtree(folder, ignore_errors=True)
        return False
    return True


def load(store: Store, key: str, interest: IntArray) -> tuple[UserStates, SnapshotOrigin] | None:
    """The snapshot for this catalogue and these interests, if it is whole and of the log's generation."""
    generation = store.log.generation
    for snapshot in _read_index(store):
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            if snapshot.origin.key == key and snapshot.origin.generation == generation:
                return UserStates.open(store.taste / snapshot.folder, interest), snapshot.origin
    return None


def _read_index(store: Store) -> list[SavedSnapshot]:
    """The snapshots, the newest first."""
    try:
        return read_record(store.taste / INDEX_FILE, list[SavedSnapshot])
    except StoreError:
        return []  # none yet, or a broken file: the log has everything


def exists(store: Store) -> bool:
    """Whether there is a snapshot, of whatever age."""
    return (store.taste / INDEX_FILE).exists()


def is_named(store: Store, user_id: str) -> bool:
    """Whether any snapshot, of whatever age, or what a killed writer left of one, names a user.

    One that can't be read counts as one that does.
    """
    for folder in _folders(store.path / "taste"):
        try:
            ids = feather.read_table(folder / IDS_FILE)["user_id"]
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


def _drop_folders(store: Store, keep: Collection[str] = ()) -> None:
    for folder in _folders(store.taste):
        if folder.name not in keep:
            shutil.rmtree(folder, ignore_errors=True)
