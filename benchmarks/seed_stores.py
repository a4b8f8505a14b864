"""The scratch folder of `bench_quality.py`: vectors of each seed, and rankings of baselines.

Both are recomputed only if their inputs have changed, so that a stopped run continues, and a run with another
ranker costs only that ranker's time. The store itself is only read.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

import bowerbird.evaluate.baselines as baselines
from bowerbird.data.files.durable import write_atomically
from bowerbird.data.files.records import record_as_dict, write_record
from bowerbird.data.settings import SETTINGS_FILE
from bowerbird.data.store import Store
from bowerbird.data.versions.version import SETS_FILE, VersionHistory
from bowerbird.embed.config import EmbedConfig
from bowerbird.embed.index.vectors import load_vectors
from bowerbird.embed.meta import VectorsMeta
from bowerbird.embed.training import train_embedding
from bowerbird.evaluate.baselines import Tuned
from bowerbird.evaluate.protocols import Task
from bowerbird.evaluate.ranker import Ranker

SHARED = ("events", "features", "backbones")
LINKED = ("catalogue", "collections")
"""Kinds whose current version is shared; each store has its own list of versions."""
MADE_FROM = "made-from.json"


def seed_store(store: Store, scratch: Path, seed: int) -> Store:
    """Create a store that shares the given one's data, with vectors of a seed and no ranker.

    The published vectors are used for their own seed; others are trained with their settings and features.
    """
    published = load_vectors(store.snapshot())
    folder = scratch / f"seed-{seed}"
    config = _config(published.meta, seed)
    made_from = {
        "vectors": published.version,
        "path": str(store.path.resolve()),
        "config": json.loads(json.dumps(record_as_dict(config))),  # as it is read back: lists, no tuples
    }
    is_ready = (folder / MADE_FROM).exists() and json.loads((folder / MADE_FROM).read_text()) == made_from
    if not is_ready:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        shutil.copy(store.path / SETTINGS_FILE, folder)
        for name in SHARED:
            if (store.path / name).exists():
                (folder / name).symlink_to((store.path / name).resolve())
        _link_versions(store, folder, (*LINKED, "vectors") if seed == published.meta.seed else LINKED)
        if seed != published.meta.seed:
            train_embedding(Store.open(folder), config)
        write_atomically(folder / MADE_FROM, json.dumps(made_from).encode())
    seed_store_ = Store.open(folder)
    seed_store_.drop("ranker")  # the ranker is under test: always train it again
    return seed_store_


def _link_versions(store: Store, folder: Path, kinds: Sequence[str]) -> None:
    """Activate the store's versions of some kinds in a folder, without a copy."""
    names = {kind: name for kind, name in store.snapshot().names.items() if kind in kinds}
    for kind, name in names.items():
        (folder / kind).mkdir()
        (folder / kind / name).symlink_to((store.path / kind / name).resolve())
    write_record(folder / SETS_FILE, VersionHistory().with_versions(names))


def _config(meta: VectorsMeta, seed: int) -> EmbedConfig:
    """Build the settings of a version (also of an update) with another seed: one training, on its
    features."""
    backbones = {f"{modality}_backbone": name for modality, name in (meta.backbones or {}).items()}
    # Fine-tuned backbones are used as they are, and not fine-tuned again.
    return replace(meta.config, seed=seed, seeds=1, unfreeze=0, unfreeze_only=None, **backbones)


@dataclass(frozen=True)
class BaselineRankings:
    """Rankings of one baseline for the test users."""

    name: str
    rankings: np.ndarray
    """(seeds, P, k) positions; one seed for deterministic baselines."""
    settings: dict[str, Any]
    seconds: float


def rank_with_baseline(
    ranker: Ranker, task: Task, k: int, seeds: int, folder: Path, inputs: str
) -> BaselineRankings:
    """Tune and fit with the first seed, fit with the others; read from `folder` if cached."""
    cache_path = folder / f"{ranker.name}.npz"
    key = f"{inputs} {seeds}"
    if cache_path.exists():
        with np.load(cache_path) as cached:
            if str(cached["key"]) == key:
                description = json.loads(str(cached["told"]))
                return BaselineRankings(
                    ranker.name, cached["rankings"], description["settings"], description["seconds"]
                )
    start = time.process_time()
    ranker.fit(task.training)
    settings = dict(getattr(ranker, "settings", {}))
    if isinstance(ranker, Tuned):
        settings["tuning"] = record_as_dict(ranker.tuning)
    rankings = [ranker.rank(task.histories, k)]
    tuned_ranker = ranker.best if isinstance(ranker, Tuned) else ranker
    for seed in range(1, seeds) if hasattr(tuned_ranker, "seed") else ():
        tuned_ranker.seed = seed
        tuned_ranker.fit(task.training)
        rankings.append(tuned_ranker.rank(task.histories, k))
    baseline_rankings = BaselineRankings(
        ranker.name, np.stack(rankings), settings, time.process_time() - start
    )
    folder.mkdir(parents=True, exist_ok=True)
    partial_path = cache_path.with_suffix(".part.npz")
    description = json.dumps({"settings": settings, "seconds": baseline_rankings.seconds}, default=str)
    np.savez(partial_path, rankings=baseline_rankings.rankings, told=description, key=key)
    partial_path.replace(cache_path)
    return baseline_rankings


def inputs_of(task: Task, generic: np.ndarray) -> str:
    """Hash all inputs of a baseline, its code included, to 128 bits."""
    digest = hashlib.blake2b(digest_size=16)
    training = task.training
    arrays = [training.user, training.item, training.action, training.at, generic, *task.targets]
    for array in [
        *arrays,
        *(column for history in task.histories for column in (history.items, history.actions, history.at)),
    ]:
        digest.update(np.ascontiguousarray(array).tobytes())
    for path in sorted(Path(baselines.__file__).parent.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()
