"""A fitted ranker as a version of the store, so that the next process starts in a moment."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from bowerbird.data.arrays import FloatArray
from bowerbird.data.collections import build_training_events
from bowerbird.data.interactions import Interactions
from bowerbird.data.snapshot import StoreSnapshot
from bowerbird.data.versions.publishing import SupersededError
from bowerbird.data.versions.version import Version
from bowerbird.embed.index.item_index import EXACT_UP_TO
from bowerbird.embed.index.rows import VectorRows
from bowerbird.embed.index.saved_index import item_index
from bowerbird.embed.index.vectors import item_matrix, load_vectors
from bowerbird.errors import StoreError
from bowerbird.recommend.context import ItemContext
from bowerbird.recommend.meta import FORMAT, RankerInputs, RankerMeta
from bowerbird.recommend.models.nearest import MIN_ITEMS, cached_neighbours
from bowerbird.recommend.outcomes.probabilities import Outcomes
from bowerbird.recommend.outcomes.training import fit_outcomes
from bowerbird.recommend.ranker.files import BROKEN, read_ranker, write_ranker
from bowerbird.recommend.ranker.hybrid import HybridRanker
from bowerbird.recommend.ranker.training import fit_ranker
from bowerbird.recommend.sources import SOURCES

MODALITY_BYTES = 1 << 28
"""Untrained content of at most so many bytes is held in memory, where it is read in a third of the time."""


@lru_cache(maxsize=1)
def use_one_blas_thread() -> None:
    """Let BLAS compute in the calling thread from now on.

    A user's products are small. Split among threads they take longer than in one as soon as anything else
    runs: on two busy cores training the ranker took four times as long (see docs/log.md).
    """
    threadpool_limits(limits=1, user_api="blas")


def open_ranker(snapshot: StoreSnapshot, as_published: bool = False) -> tuple[HybridRanker, Outcomes]:
    """Open the ranker of a snapshot and its outcomes, once: loaded where it fits, else trained and published.

    `as_published` takes the snapshot's own even if events were imported since: a server answers from it while
    another process trains. Raises `StoreError` where the store has no items or no vectors.
    """
    use_one_blas_thread()
    ranker, outcomes = snapshot.open_once(
        RankerMeta.KIND, lambda: _open(snapshot, as_published), of=("vectors", RankerMeta.KIND)
    )
    return ranker.with_catalogue(snapshot.catalogue), outcomes


def is_trained(snapshot: StoreSnapshot) -> bool:
    """Whether the snapshot's ranker was trained on what the log holds now."""
    version = snapshot.version(RankerMeta.KIND)
    return version is not None and _fits(version, snapshot)


def _open(snapshot: StoreSnapshot, as_published: bool) -> tuple[HybridRanker, Outcomes]:
    items, version = open_items(snapshot), snapshot.version(RankerMeta.KIND)
    loaded = _load(items, version) if as_published or is_trained(snapshot) else None
    if loaded is None:
        with snapshot.store.exclusive(RankerMeta.KIND):
            version = snapshot.store.current(RankerMeta.KIND)  # another process may have trained it just now
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
        inputs = inputs_of(snapshot)
        events = Interactions.of(store.log.read(), snapshot.catalogue)
        holdout = vectors.holdout
        likes = build_training_events(events, snapshot.collections, snapshot.catalogue, holdout)
        ranker = fit_ranker(items, likes)
        outcomes = fit_outcomes(ranker, holdout.training(events))
        with store.lock("publishing the ranker", wait=True):
            if inputs != inputs_of(snapshot):
                continue
            try:
                version = _publish(snapshot, ranker, outcomes, inputs)
            except SupersededError:
                return ranker, outcomes, None
        snapshot.adopt(version)
        return ranker, outcomes, version


def open_items(snapshot: StoreSnapshot) -> ItemContext:
    """Open a snapshot's catalogue and vectors; many items get an index, and modalities stay on disk."""
    vectors, catalogue = load_vectors(snapshot), snapshot.catalogue
    modalities: tuple[FloatArray | VectorRows, ...] = vectors.modalities(catalogue)
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


def inputs_of(snapshot: StoreSnapshot) -> RankerInputs:
    """Name what a ranker of a snapshot is trained on."""
    collections = snapshot.version("collections")
    return RankerInputs(
        vectors=load_vectors(snapshot).version,
        items=snapshot.fingerprint,
        collections="" if collections is None else collections.name,
        log_generation=snapshot.store.log.generation,
        sources=[source.name for source in SOURCES],
        format=FORMAT,
    )


def _fits(version: Version, snapshot: StoreSnapshot) -> bool:
    """Whether a ranker is that of a snapshot.

    After a rollback the ranker of then is wanted, whatever was imported since; erasure leaves no older one.
    """
    try:
        inputs, current = version.read_meta(RankerMeta).inputs, inputs_of(snapshot)
    except StoreError:  # of an older format
        return False
    if snapshot.rolled_back:
        return inputs.without_learned() == current.without_learned()
    return inputs == current


def _publish(
    snapshot: StoreSnapshot, ranker: HybridRanker, outcomes: Outcomes, inputs: RankerInputs
) -> Version:
    meta = RankerMeta(
        inputs=inputs,
        config=ranker.config,
        report=ranker.report,
        holdout=load_vectors(snapshot).holdout,
        outcomes=outcomes.report,
    )
    made_of = {kind: snapshot.names.get(kind, "") for kind in ("vectors", "collections")}
    return snapshot.store.publish(
        RankerMeta.KIND, meta, lambda folder: _write(folder, ranker, outcomes), made_of=made_of
    )


def _write(folder: Path, ranker: HybridRanker, outcomes: Outcomes) -> None:
    write_ranker(folder, ranker)
    outcomes.save(folder)


def _load(items: ItemContext, version: Version | None) -> tuple[HybridRanker, Outcomes] | None:
    """Load a version; None where there is none, or its files are broken."""
    if version is None:
        return None
    try:
        return read_ranker(items, version, RankerMeta), Outcomes.load(version.path)
    except BROKEN:
        return None
