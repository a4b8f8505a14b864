"""A fitted ranker as files of a store version, so that the next process starts in a moment."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import scipy.sparse as sparse

from bowerbird.data.interactions import Interactions
from bowerbird.data.snapshot import StoreSnapshot
from bowerbird.data.splits import Holdout
from bowerbird.data.store import Superseded, Version
from bowerbird.embed.index import EXACT_UP_TO
from bowerbird.embed.rows import Rows
from bowerbird.embed.saved_index import item_index
from bowerbird.embed.vectors import item_matrix, load_vectors
from bowerbird.recommend.coengagement import CoEngagement
from bowerbird.recommend.facets import Facets, Leanings
from bowerbird.recommend.features import NAMES, World
from bowerbird.recommend.follows import Follows
from bowerbird.recommend.lowrank import LowRank
from bowerbird.recommend.neighbours import LEAST_ITEMS, kept_neighbours
from bowerbird.recommend.outcomes import Outcomes
from bowerbird.recommend.popularity import Popularity
from bowerbird.recommend.ranking import PER_SOURCE, OurRanker
from bowerbird.recommend.trees import Trees

KIND = "ranker"
SIDES_BYTES = 1 << 28
"""Untrained content of at most so many bytes is held in memory, where it is read in a third of the time."""
POPULARITY = ("total", "recent", "items", "at", "early", "places", "approval")


def fitted_ranker(snapshot: StoreSnapshot) -> tuple[OurRanker, Outcomes]:
    """The ranker of a snapshot and its outcomes, opened once: loaded where it was trained on what the log
    holds now, else trained and published.

    Raises `StoreError` where the store has no items or no vectors.
    """
    return snapshot.open_once("ranker", lambda: _opened(snapshot), of=("catalogue", "vectors", KIND))


def _opened(snapshot: StoreSnapshot) -> tuple[OurRanker, Outcomes]:
    ranker, outcomes, version = _trained_ranker(snapshot)
    if version is None or ranker.index is not None or len(ranker.catalogue) < LEAST_ITEMS:
        return ranker, outcomes
    assert isinstance(ranker.matrix, np.ndarray)
    kept = [
        kept_neighbours(snapshot.store, version.path, name, ranker.matrix, among, count)
        for name, among, count in (
            ("neighbours", np.arange(len(ranker.catalogue)), PER_SOURCE),
            ("new-neighbours", np.flatnonzero(ranker.world.cold), 2 * PER_SOURCE),
        )
    ]
    ranker.neighbours = kept[0], kept[1]
    return ranker, outcomes


def _trained_ranker(snapshot: StoreSnapshot) -> tuple[OurRanker, Outcomes, Version | None]:
    """Without a version where other vectors came into force while it was trained: nobody else needs it."""
    ranker, version = _ranker_of(snapshot), snapshot.version(KIND)
    outcomes = _loaded(ranker, version, snapshot)
    if outcomes is not None:
        return ranker, outcomes, version
    with snapshot.store.alone(KIND):
        version = snapshot.store.current(KIND)  # another process may have trained it just now
        outcomes = _loaded(ranker, version, snapshot)
        if outcomes is None or version is None:
            return _train(snapshot, ranker)
    snapshot.adopt(version)
    return ranker, outcomes, version


def _train(snapshot: StoreSnapshot, ranker: OurRanker) -> tuple[OurRanker, Outcomes, Version | None]:
    """Train and publish; again where somebody was erased or events were imported meanwhile."""
    store, vectors = snapshot.store, load_vectors(snapshot)
    while True:
        inputs = _inputs_of(snapshot)
        events = Interactions.of(store.log.read(), snapshot.catalogue)
        training = Holdout(**vectors.meta["holdout"]).training(events)
        ranker.fit(training)
        outcomes = Outcomes.learnt(ranker, training)
        with store.lock("publishing the ranker", wait=True):
            if inputs != _inputs_of(snapshot):
                continue
            try:
                version = _publish(snapshot, ranker, outcomes, inputs)
            except Superseded:
                return ranker, outcomes, None
        snapshot.adopt(version)
        return ranker, outcomes, version


def _ranker_of(snapshot: StoreSnapshot) -> OurRanker:
    vectors, catalogue = load_vectors(snapshot), snapshot.catalogue
    sides: tuple[np.ndarray | Rows, ...] = vectors.sides(catalogue)
    if len(catalogue) <= EXACT_UP_TO:
        if sum(4 * side.dim * len(side) for side in vectors.sides(catalogue)) <= SIDES_BYTES:
            sides = tuple(side.dense() for side in vectors.sides(catalogue))
        return OurRanker(item_matrix(snapshot), catalogue, sides=sides)
    index = item_index(snapshot)
    return OurRanker(index.rows, catalogue, sides=sides, index=index)


def _loaded(ranker: OurRanker, version: Version | None, snapshot: StoreSnapshot) -> Outcomes | None:
    """Load a version; None where it was trained on other inputs, or its files are broken."""
    if version is None or not _fits(version.meta.get("inputs", {}), snapshot):
        return None
    try:
        _load(ranker, version)
        return Outcomes.load(version.path)
    except (OSError, ValueError, KeyError, BadZipFile):
        return None


def _inputs_of(snapshot: StoreSnapshot) -> dict[str, Any]:
    """What a ranker is trained on. Not live events, nor what items cost: those change answers, not it."""
    return {
        "vectors": load_vectors(snapshot).version,
        "items": snapshot.fingerprint,
        "log_generation": snapshot.store.log.generation,
        "features": list(NAMES),
    }


def _fits(inputs: dict[str, Any], snapshot: StoreSnapshot) -> bool:
    """Whether a ranker of these inputs is that of a snapshot.

    Who rolled back wants the ranker of then, whatever was imported since; an erasure leaves no older one.
    """
    wanted = _inputs_of(snapshot)
    catalogue = snapshot.version("catalogue")
    if "catalogue" in inputs and catalogue is not None:  # an older bowerbird wrote its name
        same = inputs["catalogue"] == catalogue.name and snapshot.imported.ids == snapshot.catalogue.ids
        inputs = {name: value for name, value in inputs.items() if name != "catalogue"}
        inputs |= {"items": wanted["items"] if same else ""}
    if snapshot.rolled_back:
        inputs = inputs | {"log_generation": wanted["log_generation"]}
    return inputs == wanted


def _publish(
    snapshot: StoreSnapshot, ranker: OurRanker, outcomes: Outcomes, inputs: dict[str, Any]
) -> Version:
    vectors = load_vectors(snapshot)
    meta = {"inputs": inputs, "settings": ranker.settings, "holdout": vectors.meta["holdout"]}
    meta["outcomes"] = outcomes.report
    return snapshot.store.publish(
        KIND, meta, lambda folder: _write(folder, ranker, outcomes), made_of={"vectors": vectors.version}
    )


def _write(folder: Path, ranker: OurRanker, outcomes: Outcomes) -> None:
    world = ranker.world
    together, popularity, leanings = world.coengagement, world.popularity, world.leanings
    sparse.save_npz(folder / "likes.npz", together.likes)
    sparse.save_npz(folder / "follows.npz", world.follows.pairs)
    sparse.save_npz(folder / "facets.npz", leanings.facets.values)
    np.savez(
        folder / "arrays.npz",
        inverse=together.inverse,
        diagonal=together.diagonal,
        ridge=together.ridge,
        low_rank_into=world.low_rank.into,
        low_rank_out=world.low_rank.out,
        seen_first=world.seen_first,
        facet_names=np.array(leanings.facets.names, np.str_),
        facet_of_value=leanings.facets.facet,
        usual=leanings.usual,
        lift=leanings.lift,
        **{name: getattr(popularity, name) for name in POPULARITY},
    )
    if ranker.trees is not None:
        (folder / "booster.txt").write_text(ranker.trees.text)
    outcomes.save(folder)
    (folder / "settings.json").write_text(json.dumps(ranker.settings))


def _load(ranker: OurRanker, version: Version) -> None:
    path: Path = version.path
    likes = sparse.load_npz(path / "likes.npz").tocsr()
    follows = Follows(sparse.load_npz(path / "follows.npz").tocsr())
    with np.load(path / "arrays.npz") as kept:
        together = CoEngagement(likes, kept["inverse"], kept["diagonal"], float(kept["ridge"]))
        popularity = Popularity(*(kept[name] for name in POPULARITY))
        low_rank = LowRank(kept["low_rank_into"], kept["low_rank_out"])
        seen_first = kept["seen_first"]
        names = tuple(kept["facet_names"].tolist())
        facets = Facets(names, kept["facet_of_value"], sparse.load_npz(path / "facets.npz").tocsr())
        leanings = Leanings(facets, kept["usual"], kept["lift"])
    ranker.world = World(
        *(ranker.matrix, ranker.sides, ranker.prices, seen_first, together, low_rank, follows, popularity),
        leanings,
    )
    ranker.settings = version.meta["settings"]
    if (path / "booster.txt").exists():
        ranker.trees = Trees((path / "booster.txt").read_text())
