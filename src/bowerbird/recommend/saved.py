"""A fitted ranker as a version of the store, so that the next process starts in a moment."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import scipy.sparse as sparse

from bowerbird.data.interactions import Interactions
from bowerbird.data.items import Catalogue
from bowerbird.data.splits import Holdout
from bowerbird.data.store import Store, Version
from bowerbird.embed.index import EXACT_UP_TO
from bowerbird.embed.rows import Rows
from bowerbird.embed.saved_index import item_index
from bowerbird.embed.vectors import Vectors
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
FORMAT = 3
"""Grows when older files can't be read any more; they are trained again then."""
MODALITY_BYTES = 1 << 28
"""Untrained content of at most so many bytes is held in memory, where it is read in a third of the time."""
CONTEXT_FILE, BOOSTER_FILE = "context.npz", "booster.txt"
POPULARITY = ("total", "recent", "items", "at", "early", "id_ranks", "approval")
_SPARSE = ("data", "indices", "indptr", "shape")


def open_ranker(store: Store, vectors: Vectors, catalogue: Catalogue) -> tuple[HybridRanker, Outcomes]:
    """Open the store's ranker and its outcomes: loaded where they fit today's inputs, else trained,
    published.
    """
    use_one_blas_thread()
    items = _items_of(store, vectors, catalogue)
    inputs = _inputs_of(store, vectors)
    loaded = _load(items, store.current(KIND), inputs)
    if loaded is None:
        with store.lock("training the ranker", wait=True):
            loaded = _load(items, store.current(KIND), inputs)  # another process may have trained it just now
            if loaded is None:
                events = Interactions.of(store.log.read(), catalogue)
                training = Holdout(**vectors.meta["holdout"]).training(events)
                ranker = fit_ranker(items, training)
                outcomes = Outcomes.fit(ranker, training)
                _publish(store, ranker, outcomes, inputs, vectors)
                loaded = ranker, outcomes
    _add_neighbours(store, loaded[0])
    return loaded


def _items_of(store: Store, vectors: Vectors, catalogue: Catalogue) -> ItemContext:
    modalities: tuple[np.ndarray | Rows, ...] = vectors.sides(catalogue)
    if len(catalogue) <= EXACT_UP_TO:
        if sum(4 * rows.dim * len(rows) for rows in vectors.sides(catalogue)) <= MODALITY_BYTES:
            modalities = tuple(rows.dense() for rows in vectors.sides(catalogue))
        return ItemContext(catalogue, vectors.aligned(catalogue), modalities)
    index = item_index(store, catalogue, vectors)
    return ItemContext(catalogue, index.rows, modalities, index)


def _add_neighbours(store: Store, ranker: HybridRanker) -> None:
    """Give a ranker of many items its lists of nearest items; found first where that has not happened yet."""
    items, version = ranker.items, store.current(KIND)
    if items.index is not None or len(items) < MIN_ITEMS or not isinstance(items.vectors, np.ndarray):
        return
    assert version is not None, "a ranker was opened, so there is a version"
    count = ranker.config.per_source
    lists = [
        cached_neighbours(store, version.path, name, items.vectors, among, depth)
        for name, among, depth in (
            ("neighbours", np.arange(len(items)), count),
            ("new-neighbours", np.flatnonzero(ranker.context.is_cold), 2 * count),
        )
    ]
    ranker.context.neighbours = (lists[0], lists[1])


def _inputs_of(store: Store, vectors: Vectors) -> dict[str, Any]:
    """What a ranker was trained from. Live events don't count: they change users, not the ranker."""
    catalogue = store.current("catalogue")
    return {
        "format": FORMAT,
        "vectors": vectors.version,
        "catalogue": catalogue.name if catalogue else "",
        "log_generation": store.log.generation,
        "sources": [source.name for source in SOURCES],
    }


def _publish(
    store: Store, ranker: HybridRanker, outcomes: Outcomes, inputs: dict[str, Any], vectors: Vectors
) -> None:
    meta = {
        "inputs": inputs,
        "config": asdict(ranker.config),
        "report": ranker.report,
        "holdout": vectors.meta["holdout"],
        "outcomes": outcomes.report,
    }
    with store.publishing(KIND, meta) as folder:
        context = ranker.context
        popularity = {name: getattr(context.popularity, name) for name in POPULARITY}
        _save_arrays(folder / CONTEXT_FILE, {"first_seen": context.first_seen, **popularity})
        for source in ranker.sources:
            _save_arrays(folder / f"{source.name}.npz", source.arrays())
        if ranker.trees is not None:
            (folder / BOOSTER_FILE).write_text(ranker.trees.text)
        outcomes.save(folder)


def _load(
    items: ItemContext, version: Version | None, inputs: dict[str, Any]
) -> tuple[HybridRanker, Outcomes] | None:
    """Load a version; None where it was trained from other inputs, or its files are broken."""
    if version is None or version.meta.get("inputs") != inputs:
        return None
    try:
        return _read_ranker(items, version), Outcomes.load(version.path)
    except (OSError, ValueError, KeyError, TypeError, BadZipFile, json.JSONDecodeError):
        return None


def _read_ranker(items: ItemContext, version: Version) -> HybridRanker:
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
