"""Everyone on disk, with the place in the event log that they stand for: start-up without a replay.

A small file that names the folders is replaced atomically after a new one was written whole. Those of the
last two sets of items and interests are kept, so that a rollback needs no replay either. Whoever forgets a
person drops them all, under the same lock.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import uuid
from collections.abc import Collection
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
import pyarrow.feather as feather

from bowerbird.data.store import Store, write_atomically
from bowerbird.errors import StoreError
from bowerbird.taste.state.user_states import Everyone
from bowerbird.taste.state.user_table import IDS_FILE

POINTER = "people.json"
KEPT = 2  # snapshots, each of other items or interests


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
            others = [one for one in _kept(store) if one["key"] != place.key]
            kept = [{**asdict(place), "folder": folder.name}, *others][:KEPT]
            write_atomically(store.taste / POINTER, json.dumps({"kept": kept}).encode())
            _drop_folders(store.taste, {one["folder"] for one in kept})
    except (OSError, StoreError):
        shutil.rmtree(folder, ignore_errors=True)
        return False
    return True


def load(store: Store, key: str, interest: np.ndarray) -> tuple[Everyone, Place] | None:
    """The snapshot for this catalogue and these interests, if it is whole and of the log's generation."""
    generation = store.log.generation
    for about in _kept(store):
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            folder = store.taste / about["folder"]
            if about["key"] == key and about["generation"] == generation:
                return Everyone.opened(folder, interest), Place(key, generation, about["offset"])
    return None


def _kept(store: Store) -> list[dict[str, Any]]:
    """What the file says of each kept snapshot, the newest first."""
    try:
        kept: list[dict[str, Any]] = json.loads((store.taste / POINTER).read_text())["kept"]
    except (OSError, ValueError, KeyError, TypeError):
        return []  # none yet, or an older bowerbird's
    return kept


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


def _drop_folders(path: Path, but: Collection[str] = ()) -> None:
    for folder in path.glob("people-*"):
        if folder.name not in but:
            shutil.rmtree(folder, ignore_errors=True)
