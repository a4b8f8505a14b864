"""What `bench_quality.py` keeps in its scratch folder: vectors of each seed, and what baselines showed.

Both are made again only when what they came from has changed, so that a run goes on where it was stopped, and
a run with another ranker pays for that ranker alone. The store itself is only read.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

import bowerbird.evaluate.baselines as baselines
from bowerbird.data.store import SETTINGS_FILE, Store, write_atomically
from bowerbird.data.versions import SETS_FILE, VersionHistory
from bowerbird.embed.index.vectors import load_vectors
from bowerbird.embed.training import EmbedConfig, train_embedding
from bowerbird.evaluate.baselines import Tuned
from bowerbird.evaluate.protocols import Task
from bowerbird.evaluate.ranker import Ranker

SHARED = ("events", "features", "backbones")
LINKED = ("catalogue", "collections")
"""Kinds whose version in force is shared; each store keeps its own list of versions."""
MADE_FROM = "made-from.json"


def seed_store(store: Store, scratch: Path, seed: int) -> Store:
    """A store that shares the given one's data, with vectors of a seed and no ranker.

    The published vectors serve for their own seed; others are trained with their settings and features.
    """
    published = load_vectors(store.snapshot())
    folder = scratch / f"seed-{seed}"
    config = _config(published.meta, seed)
    made_from = {"vectors": published.version, "path": str(store.path.resolve()), "config": vars(config)}
    ready = (folder / MADE_FROM).exists() and json.loads((folder / MADE_FROM).read_text()) == made_from
    if not ready:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        shutil.copy(store.path / SETTINGS_FILE, folder)
        for name in SHARED:
            if (store.path / name).exists():
                (folder / name).symlink_to((store.path / name).resolve())
        _link_versions(store, folder, (*LINKED, "vectors") if seed == published.meta["seed"] else LINKED)
        if seed != published.meta["seed"]:
            train_embedding(Store.open(folder), config)
        write_atomically(folder / MADE_FROM, json.dumps(made_from).encode())
    opened = Store.open(folder)
    opened.drop("ranker")  # it is what is judged: always learnt anew
    return opened


def _link_versions(store: Store, folder: Path, kinds: Sequence[str]) -> None:
    """Put the store's versions of some kinds in force in a folder, without a copy."""
    names = {kind: name for kind, name in store.snapshot().names.items() if kind in kinds}
    for kind, name in names.items():
        (folder / kind).mkdir()
        (folder / kind / name).symlink_to((store.path / kind / name).resolve())
    write_atomically(folder / SETS_FILE, VersionHistory().with_versions(names).as_json().encode())


def _config(meta: dict[str, Any], seed: int) -> EmbedConfig:
    """The settings of a version, an update's too, with another seed: one training, on its own features."""
    known = {one.name for one in fields(EmbedConfig)}
    told = {name: value for name, value in meta["config"].items() if name in known}
    backbones = {f"{side}_backbone": name for side, name in meta.get("backbones", {}).items()}
    # Backbones that were adapted to the store are taken as they are, and not adapted again.
    alone = {"seeds": 1, "unfreeze": 0, "unfreeze_only": None}
    return EmbedConfig(**told | backbones | alone | {"seed": seed})


@dataclass(frozen=True)
class Shown:
    """What one baseline showed the test's people."""

    name: str
    rankings: np.ndarray
    """(seeds, P, k) positions; one seed where chance has no part in it."""
    settings: dict[str, Any]
    seconds: float


def shown_by(ranker: Ranker, task: Task, k: int, seeds: int, folder: Path, inputs: str) -> Shown:
    """Tuned and fitted with the first seed, fitted with the others; read from `folder` if done before."""
    kept = folder / f"{ranker.name}.npz"
    key = f"{inputs} {seeds}"
    if kept.exists():
        with np.load(kept) as found:
            if str(found["key"]) == key:
                told = json.loads(str(found["told"]))
                return Shown(ranker.name, found["rankings"], told["settings"], told["seconds"])
    started = time.process_time()
    ranker.fit(task.training)
    settings = dict(getattr(ranker, "settings", {}))
    rankings = [ranker.rank(task.histories, k)]
    inner = ranker.best if isinstance(ranker, Tuned) else ranker
    for seed in range(1, seeds) if hasattr(inner, "seed") else ():
        inner.seed = seed
        inner.fit(task.training)
        rankings.append(inner.rank(task.histories, k))
    shown = Shown(ranker.name, np.stack(rankings), settings, time.process_time() - started)
    folder.mkdir(parents=True, exist_ok=True)
    beside = kept.with_suffix(".part.npz")
    told = json.dumps({"settings": settings, "seconds": shown.seconds}, default=str)
    np.savez(beside, rankings=shown.rankings, told=told, key=key)
    beside.replace(kept)
    return shown


def inputs_of(task: Task, generic: np.ndarray) -> str:
    """128 bits of all that a baseline reads, its code included."""
    digest = hashlib.blake2b(digest_size=16)
    training = task.training
    arrays = [training.user, training.item, training.action, training.at, generic, *task.targets]
    for array in [*arrays, *(part for one in task.histories for part in (one.items, one.actions, one.at))]:
        digest.update(np.ascontiguousarray(array).tobytes())
    for path in sorted(Path(baselines.__file__).parent.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()
