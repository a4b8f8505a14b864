"""Everyone on disk, with the place in the event log that they stand for: start-up without a replay.

A small pointer file is switched atomically to a folder written whole beside the one before. Whoever forgets
a person drops them all, under the same lock.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import uuid
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pyarrow.feather as feather

from bowerbird.data.store import Store, write_atomically
from bowerbird.errors import StoreError
from bowerbird.taste.everyone import Everyone
from bowerbird.taste.people import IDS_FILE

POINTER = "people.json"


@dataclass(frozen=True)
class Place:
    """What rows stand for: catalogue and interests (`key`), and the log up to an offset of a generation."""

    key: str
    generation: int
    offset: int


def save(store: Store, everyone: Everyone, place: Place) -> bool:
    """Write a snapshot; False where it was not, since somebody else writes or the disk is full.

    A snapshot only saves time, so that is no error.
    """
    folder = store.taste / f"people-{uuid.uuid4().hex[:8]}"
    try:
        with store.lock("bowerbird taste snapshot"):
            if store.log.generation != place.generation:  # somebody was forgotten meanwhile
                return False
            everyone.save(folder)
            about = {**asdict(place), "folder": folder.name}
            write_atomically(store.taste / POINTER, json.dumps(about).encode())
            _drop_folders(store.taste, but=folder.name)
    except (OSError, StoreError):
        shutil.rmtree(folder, ignore_errors=True)
        return False
    return True


def load(store: Store, key: str, interest: np.ndarray) -> tuple[Everyone, Place] | None:
    """The snapshot for this catalogue and these interests, if it is whole and of the log's generation."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        about = json.loads((store.taste / POINTER).read_text())
        folder = store.taste / about.pop("folder")
        place = Place(**about)
        if place.key == key and place.generation == store.log.generation:
            return Everyone.opened(folder, interest), place
    return None


def exists(store: Store) -> bool:
    """Whether there is one, of whatever age."""
    return (store.taste / POINTER).exists()


def names(store: Store, user_id: str) -> bool:
    """Whether any snapshot, of whatever age, or what a killed writer left of one, names a person.

    One that can't be read counts as one that does.
    """
    for folder in (store.path / "taste").glob("people-*"):
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
    (store.taste / POINTER).unlink(missing_ok=True)
    _drop_folders(store.taste)


def _drop_folders(path: Path, but: str = "") -> None:
    for folder in path.glob("people-*"):
        if folder.name != but:
            shutil.rmtree(folder, ignore_errors=True)
