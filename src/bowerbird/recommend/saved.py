"""A fitted ranker as files of a store version, so that the next process starts in a moment."""

from __future__ import annotations

import json
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


def fitted_ranker(store: Store, vectors: Vectors, catalogue: Catalogue) -> tuple[OurRanker, Outcomes]:
    """The store's ranker and its outcomes: loaded where they fit today's inputs, else learnt, published."""
    ranker, outcomes = _learnt_ranker(store, vectors, catalogue)
    if ranker.index is None and len(catalogue) >= LEAST_ITEMS and isinstance(ranker.matrix, np.ndarray):
        version = store.current(KIND)
        assert version is not None
        kept = [
            kept_neighbours(store, version.path, name, ranker.matrix, among, count)
            for name, among, count in (
                ("neighbours", np.arange(len(catalogue)), PER_SOURCE),
                ("new-neighbours", np.flatnonzero(ranker.world.cold), 2 * PER_SOURCE),
            )
        ]
        ranker.neighbours = kept[0], kept[1]
    return ranker, outcomes


def _learnt_ranker(store: Store, vectors: Vectors, catalogue: Catalogue) -> tuple[OurRanker, Outcomes]:
    inputs = _inputs_of(store, vectors)
    ranker = _ranker_of(store, vectors, catalogue)
    outcomes = _loaded(ranker, store.current(KIND), inputs)
    if outcomes is not None:
        return ranker, outcomes
    with store.lock("learning the ranker", wait=True):
        outcomes = _loaded(ranker, store.current(KIND), inputs)  # another process may have learnt it just now
        if outcomes is None:
            events = Interactions.of(store.log.read(), catalogue)
            training = Holdout(**vectors.meta["holdout"]).training(events)
            ranker.fit(training)
            outcomes = Outcomes.learnt(ranker, training)
            _publish(store, ranker, outcomes, inputs, vectors)
    return ranker, outcomes


def _ranker_of(store: Store, vectors: Vectors, catalogue: Catalogue) -> OurRanker:
    sides: tuple[np.ndarray | Rows, ...] = vectors.sides(catalogue)
    if len(catalogue) <= EXACT_UP_TO:
        if sum(4 * side.dim * len(side) for side in vectors.sides(catalogue)) <= SIDES_BYTES:
            sides = tuple(side.dense() for side in vectors.sides(catalogue))
        return OurRanker(vectors.aligned(catalogue), catalogue, sides=sides)
    index = item_index(store, catalogue, vectors)
    return OurRanker(index.rows, catalogue, sides=sides, index=index)


def _loaded(ranker: OurRanker, version: Version | None, inputs: dict[str, Any]) -> Outcomes | None:
    """Load a version; None where it was learnt from other inputs, or its files are broken."""
    if version is None or version.meta.get("inputs") != inputs:
        return None
    try:
        _load(ranker, version)
        return Outcomes.load(version.path)
    except (OSError, ValueError, KeyError, BadZipFile):
        return None


def _inputs_of(store: Store, vectors: Vectors) -> dict[str, Any]:
    """What a ranker was learnt from. Live events don't count: they change people, not the ranker."""
    catalogue = store.current("catalogue")
    return {
        "vectors": vectors.version,
        "catalogue": catalogue.name if catalogue else "",
        "log_generation": store.log.generation,
        "features": list(NAMES),
    }


def _publish(
    store: Store, ranker: OurRanker, outcomes: Outcomes, inputs: dict[str, Any], vectors: Vectors
) -> None:
    world = ranker.world
    together, popularity, leanings = world.coengagement, world.popularity, world.leanings
    meta = {"inputs": inputs, "settings": ranker.settings, "holdout": vectors.meta["holdout"]}
    meta["outcomes"] = outcomes.report
    with store.publishing(KIND, meta) as folder:
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
