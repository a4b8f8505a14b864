"""A fitted ranker as a version of the store, so that the next process starts in a moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import scipy.sparse as sparse

from bowerbird.data.collection_likes import build_training_events
from bowerbird.data.interactions import Interactions
from bowerbird.data.publishing import SupersededError
from bowerbird.data.snapshot import StoreSnapshot
from bowerbird.data.splits import Holdout
from bowerbird.data.versions import Version
from bowerbird.embed.index.item_index import EXACT_UP_TO
from bowerbird.embed.index.rows import VectorRows
from bowerbird.embed.index.saved_index import item_index
from bowerbird.embed.index.vectors import item_matrix, load_vectors
from bowerbird.recommend.context import ItemContext, SourceConfig, SourceContext
from bowerbird.recommend.models.neighbours import MIN_ITEMS, cached_neighbours
from bowerbird.recommend.models.popularity import Popularity
from bowerbird.recommend.outcomes.probabilities import Outcomes
from bowerbird.recommend.ranker.hybrid import HybridRanker, RankerConfig
from bowerbird.recommend.ranker.training import fit_ranker
from bowerbird.recommend.ranker.trees import Trees
from bowerbird.recommend.sources import SOURCES
from bowerbird.recommend.threads import use_one_blas_thread

KIND = "ranker"
LEARNED_FROM = ("log_generation", "collections")
"""Inputs that may have grown since, where somebody went back to a ranker."""
FORMAT = 4
"""Grows when older files can't be read any more; they are trained again then."""
MODALITY_BYTES = 1 << 28
"""Untrained content of at most so many bytes is held in memory, where it is read in a third of the time."""
CONTEXT_FILE, BOOSTER_FILE = "context.npz", "booster.txt"
POPULARITY = ("total", "recent", "items", "at", "early", "id_ranks", "approval")
BROKEN = (OSError, ValueError, KeyError, TypeError, BadZipFile)
"""What reading a version raises whose files are broken or of another format."""
_SPARSE = ("data", "indices", "indptr", "shape")


def open_ranker(snapshot: StoreSnapshot, as_published: bool = False) -> tuple[HybridRanker, Outcomes]:
    """Open the ranker of a snapshot and its outcomes, once: loaded where it fits, else trained and published.

    `as_published` takes the snapshot's own even if events were imported since: a server answers from it while
    another process trains. Raises `StoreError` where the store has no items or no vectors.
    """
    use_one_blas_thread()
    ranker, outcomes = snapshot.open_once(KIND, lambda: _open(snapshot, as_published), of=("vectors", KIND))
    return ranker.with_catalogue(snapshot.catalogue), outcomes


def is_trained(snapshot: StoreSnapshot) -> bool:
    """Whether the snapshot's ranker was trained on what the log holds now."""
    version = snapshot.version(KIND)
    return version is not None and _fits(version, snapshot)


def _open(snapshot: StoreSnapshot, as_published: bool) -> tuple[HybridRanker, Outcomes]:
    items, version = open_items(snapshot), snapshot.version(KIND)
    loaded = _load(items, version) if as_published or is_trained(snapshot) else None
    if loaded is None:
        with snapshot.store.exclusive(KIND):
            version = snapshot.store.current(KIND)  # another process may have trained it just now
            loaded = _load(items, version) if version is not None and _fits(version, snapshot) else None
            if loaded is None:
                ranker, outcomes, version = _train(snapshot, items)
                loaded = ranker, outcomes
            elif version is not None:
                snapshot.adopt(version)
    if version is not None:
        _add_neighbours(snapshot, version, loaded[0])
    return loaded


def _train(snapshot: StoreSnapshot, items: ItemContext) -> tuple[HybridRanker, Outcomes, Version | None]:
    """Train and publish; again where somebody was erased or events were imported meanwhile.

    Without a version where other vectors or collections came into force meanwhile: nobody else needs it, and
    it may know somebody's boards that were erased.
    """
    store, vectors = snapshot.store, load_vectors(snapshot)
    while True:
        inputs = _inputs_of(snapshot)
        events = Interactions.of(store.log.read(), snapshot.catalogue)
        holdout = Holdout(**vectors.meta["holdout"])
        likes = build_training_events(events, snapshot.collections, snapshot.catalogue, holdout)
        ranker = fit_ranker(items, likes)
        outcomes = Outcomes.fit(ranker, holdout.training(events))
        with store.lock("publishing the ranker", wait=True):
            if inputs != _inputs_of(snapshot):
                continue
            try:
                version = _publish(snapshot, ranker, outcomes, inputs)
            except SupersededError:
                return ranker, outcomes, None
        snapshot.adopt(version)
        return ranker, outcomes, version


def open_items(snapshot: StoreSnapshot) -> ItemContext:
    vectors, catalogue = load_vectors(snapshot), snapshot.catalogue
    modalities: tuple[np.ndarray | VectorRows, ...] = vectors.modalities(catalogue)
    if len(catalogue) <= EXACT_UP_TO:
        if sum(4 * rows.dim * len(rows) for rows in vectors.modalities(catalogue)) <= MODALITY_BYTES:
            modalities = tuple(rows.dense() for rows in vectors.modalities(catalogue))
        return ItemContext(catalogue, item_matrix(snapshot), modalities)
    index = item_index(snapshot)
    return ItemContext(catalogue, index.rows, modalities, index)


def _add_neighbours(snapshot: StoreSnapshot, version: Version, ranker: HybridRanker) -> None:
    """Give a ranker of many items its lists of nearest items; found first where that has not happened yet."""
    items = ranker.items
    if items.index is not None or len(items) < MIN_ITEMS or not isinstance(items.vectors, np.ndarray):
        return
    count = ranker.config.per_source
    lists = [
        cached_neighbours(snapshot.store, version.path, name, items.vectors, among, depth)
        for name, among, depth in (
            ("neighbours", np.arange(len(items)), count),
            ("new-neighbours", np.flatnonzero(ranker.context.is_cold), 2 * count),
        )
    ]
    ranker.context.neighbours = (lists[0], lists[1])


def _inputs_of(snapshot: StoreSnapshot) -> dict[str, Any]:
    """What a ranker is trained on. Not live events, nor what items cost: those change answers, not it."""
    inputs = {
        "format": FORMAT,
        "vectors": load_vectors(snapshot).version,
        "items": snapshot.fingerprint,
        "log_generation": snapshot.store.log.generation,
        "sources": [source.name for source in SOURCES],
    }
    collections = snapshot.version("collections")
    return inputs if collections is None else inputs | {"collections": collections.name}


def _fits(version: Version, snapshot: StoreSnapshot) -> bool:
    """Whether a ranker is that of a snapshot.

    After a rollback the ranker of then is wanted, whatever was imported since; erasure leaves no older one.
    """
    inputs, current = dict(version.meta.get("inputs", {})), _inputs_of(snapshot)
    if snapshot.rolled_back:
        for name in LEARNED_FROM:
            inputs.pop(name, None), current.pop(name, None)
    return inputs == current


def _publish(
    snapshot: StoreSnapshot, ranker: HybridRanker, outcomes: Outcomes, inputs: dict[str, Any]
) -> Version:
    vectors = load_vectors(snapshot)
    meta = {
        "inputs": inputs,
        "config": asdict(ranker.config),
        "report": ranker.report,
        "holdout": vectors.meta["holdout"],
        "outcomes": outcomes.report,
    }
    made_of = {kind: snapshot.names.get(kind, "") for kind in ("vectors", "collections")}
    return snapshot.store.publish(
        KIND, meta, lambda folder: _write(folder, ranker, outcomes), made_of=made_of
    )


def _write(folder: Path, ranker: HybridRanker, outcomes: Outcomes) -> None:
    write_ranker(folder, ranker)
    outcomes.save(folder)


def write_ranker(folder: Path, ranker: HybridRanker) -> None:
    """Write a fitted ranker into a version's folder, for `read_ranker`."""
    context = ranker.context
    popularity = {name: getattr(context.popularity, name) for name in POPULARITY}
    _save_arrays(folder / CONTEXT_FILE, {"first_seen": context.first_seen, **popularity})
    for source in ranker.sources:
        _save_arrays(folder / f"{source.name}.npz", source.arrays())
    if ranker.trees is not None:
        (folder / BOOSTER_FILE).write_text(ranker.trees.text)


def _load(items: ItemContext, version: Version | None) -> tuple[HybridRanker, Outcomes] | None:
    """Load a version; None where there is none, or its files are broken."""
    if version is None:
        return None
    try:
        return read_ranker(items, version), Outcomes.load(version.path)
    except BROKEN:
        return None


def read_ranker(items: ItemContext, version: Version) -> HybridRanker:
    """Read what `write_ranker` wrote. Raises one of `BROKEN` where it did not, or files are broken."""
    raw, path = dict(version.meta["config"]), version.path
    config = RankerConfig(**raw | {"source": SourceConfig(**raw["source"])})
    ranker = HybridRanker(items, config)
    arrays = dict(_load_arrays(path / CONTEXT_FILE))
    popularity = Popularity(*(arrays[name] for name in POPULARITY))
    ranker.context = SourceContext(items, popularity, arrays["first_seen"], config.source)
    ranker.sources = [
        source.from_arrays(_load_arrays(path / f"{source.name}.npz"), ranker.context) for source in SOURCES
    ]
    ranker.report = version.meta["report"]
    if (path / BOOSTER_FILE).exists():
        ranker.trees = Trees((path / BOOSTER_FILE).read_text())
    return ranker


def _save_arrays(path: Path, arrays: Mapping[str, Any]) -> None:
    """Write arrays and sparse matrices; a matrix becomes its four arrays, `name.data` and so on."""
    flat: dict[str, np.ndarray] = {}
    for name, value in arrays.items():
        if sparse.issparse(value):
            flat |= {f"{name}.{part}": np.asarray(getattr(value.tocsr(), part)) for part in _SPARSE}
        else:
            flat[name] = value
    np.savez(path, allow_pickle=False, **flat)


def _load_arrays(path: Path) -> Mapping[str, Any]:
    """Read what `_save_arrays` wrote."""
    with np.load(path) as file:
        flat = {name: file[name] for name in file.files}
    arrays = {name: value for name, value in flat.items() if "." not in name}
    for name in {name.split(".")[0] for name in flat if "." in name}:
        data, indices, indptr, shape = (flat[f"{name}.{part}"] for part in _SPARSE)
        arrays[name] = sparse.csr_matrix((data, indices, indptr), shape=tuple(shape.tolist()))
    return arrays
