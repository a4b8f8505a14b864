"""What is missing from a set (a board, a room, an outfit, a basket): the ranker, trained on sets.

Sets take the place of users: what stands together in a set is what is liked together. A set has no session,
no outcome and no live graph.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from bowerbird.data.collection_likes import ItemSet, select_training_sets
from bowerbird.data.events import ACTION_CODE, Action
from bowerbird.data.interactions import Interactions
from bowerbird.data.publishing import SupersededError
from bowerbird.data.snapshot import StoreSnapshot
from bowerbird.data.splits import Holdout, hash_share
from bowerbird.data.times import SECOND
from bowerbird.data.versions import Version
from bowerbird.embed.index.vectors import load_vectors
from bowerbird.errors import InputError, StoreError
from bowerbird.recommend.context import ItemContext
from bowerbird.recommend.models.coengagement import CoEngagement
from bowerbird.recommend.ranker.hybrid import HybridRanker
from bowerbird.recommend.ranker.training import fit_ranker
from bowerbird.recommend.ranker.training_examples import TrainingExample, TrainingFold
from bowerbird.recommend.saved import BROKEN, FORMAT, open_items, read_ranker, write_ranker
from bowerbird.recommend.sources import SOURCES
from bowerbird.recommend.sources.coengagement import CoEngagementSource
from bowerbird.recommend.sources.wording import title_of, values_of
from bowerbird.recommend.threads import use_one_blas_thread
from bowerbird.taste.state.user_state import TasteState

KIND = "completion"
IN_SET = ACTION_CODE[Action.SAVE.value]
CANDIDATES_PER_ITEM = 4
FOLDS = 4
MAX_EXAMPLES = 2_000


@dataclass(frozen=True)
class Completion:
    """One item that is missing from a set."""

    item_id: str
    title: str
    price: float | None
    currency: str
    score: float
    """Says an order; larger is better."""
    reason: str

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


class Completer:
    """Completes sets of a store's items. Safe to use from several threads."""

    def __init__(self, ranker: HybridRanker) -> None:
        self.catalogue = ranker.items.catalogue
        self._ranker = ranker.with_live_graph(None)
        source = next(source for source in ranker.sources if isinstance(source, CoEngagementSource))
        self._sets: CoEngagement = source.model

    @classmethod
    def open(cls, snapshot: StoreSnapshot) -> Completer:
        """Open a snapshot's completer; it is trained on the store's collections first where it was not yet.

        Raises `StoreError` where the store has no vectors, or no collection of two items.
        """
        use_one_blas_thread()
        kinds = ("catalogue", "vectors", "collections")
        return snapshot.open_once("completer", lambda: cls(_open_ranker(snapshot)), of=kinds)

    def complete(self, item_ids: Sequence[str], n: int = 10) -> list[Completion]:
        """Name the n items that a set misses most, with reasons; in stock, and none of the set itself.

        Raises `InputError` where the catalogue knows none of the items.
        """
        positions = np.array([self.catalogue.position[i] for i in item_ids if i in self.catalogue], np.int64)
        if not len(positions):
            raise InputError(f"the catalogue holds none of the items {', '.join(item_ids)!r}: check the ids")
        best, scores = next(self.complete_many([positions], n))
        return [
            Completion(
                item.item_id,
                item.title,
                item.price,
                item.currency,
                float(score),
                self._explain(row, positions),
            )
            for item, row, score in zip(
                self.catalogue.items_at(best), best.tolist(), scores.tolist(), strict=True
            )
        ]

    def complete_many(
        self, sets: Sequence[np.ndarray], n: int = 10
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Give positions and scores, (≤ n,) each, best first, that complete each set of positions (k,)."""
        end = self._ranker.context.popularity.end // SECOND * SECOND
        states = [set_state(positions, end) for positions in sets]
        eligible = [self.catalogue.available] * len(sets)
        for candidates in self._ranker.candidates(states, eligible, at_least=CANDIDATES_PER_ITEM * n):
            scores = self._ranker.score(candidates.features)
            best = np.lexsort((candidates.positions, -scores))[:n]
            yield candidates.positions[best], scores[best]

    def _explain(self, position: int, positions: np.ndarray) -> str:
        """Say what the item has to do with the set, as collections and catalogue prove it."""
        together = [(self._sets.common_likers(int(item), position), int(item)) for item in positions]
        count, item = max(together, key=lambda pair: pair[0])
        if count:
            times = "a collection" if count == 1 else f"{count} collections"
            return f"together with {title_of(self.catalogue, item)} in {times}"
        vectors = self._ranker.items.vectors
        nearest = int(positions[int((vectors[positions] @ vectors[position]).argmax())])
        here, there = (values_of(self.catalogue.item(row)) for row in (position, nearest))
        shared = sorted(value for value in here & there if value)[:2]
        title = title_of(self.catalogue, nearest)
        return f"{' and '.join(shared)}, like {title}" if shared else f"similar to {title}"


def _open_ranker(snapshot: StoreSnapshot) -> HybridRanker:
    items, inputs = open_items(snapshot), _inputs_of(snapshot)
    ranker = _load(items, snapshot.version(KIND), inputs)
    if ranker is None:
        with snapshot.store.exclusive(KIND):
            version = snapshot.store.current(KIND)  # another process may have trained it just now
            ranker = _load(items, version, inputs)
            if ranker is None:
                return _train(snapshot, items, inputs)
            if version is not None:
                snapshot.adopt(version)
    return ranker


def _load(items: ItemContext, version: Version | None, inputs: dict[str, Any]) -> HybridRanker | None:
    if version is None or version.meta.get("inputs") != inputs:
        return None
    try:
        return read_ranker(items, version)
    except BROKEN:
        return None


def _train(snapshot: StoreSnapshot, items: ItemContext, inputs: dict[str, Any]) -> HybridRanker:
    store, vectors = snapshot.store, load_vectors(snapshot)
    events = Interactions.of(store.log.read(), snapshot.catalogue)
    holdout = Holdout(**vectors.meta["holdout"])
    sets = select_training_sets(snapshot.collections, events, snapshot.catalogue, holdout)
    sets = [each for each in sets if len(each.items) > 1]
    if not sets:
        raise StoreError(
            f"the store {store.path} has no collection of two items or more to learn from: import some, for "
            "example with `bowerbird import ikea-rooms FOLDER --store STORE`"
        )
    ranker = fit_ranker(items, as_interactions(sets, len(items)), build_folds(sets, len(items)))
    meta = {
        "inputs": inputs,
        "config": asdict(ranker.config),
        "report": ranker.report,
        "collections": len(sets),
    }
    with store.lock("publishing the completer", wait=True):
        if inputs == _inputs_of(snapshot):  # else somebody was erased meanwhile: used once, and not kept
            # Other vectors came into force, or other collections: the boards of somebody who was erased left.
            with contextlib.suppress(SupersededError):
                collections = snapshot.version("collections")
                made_of = {"vectors": vectors.version}
                if collections is not None:
                    made_of["collections"] = collections.name
                snapshot.adopt(
                    store.publish(KIND, meta, lambda folder: write_ranker(folder, ranker), made_of)
                )
    return ranker


def as_interactions(sets: Sequence[ItemSet], n_items: int) -> Interactions:
    """Turn sets into users, one after the other: their items come a second apart, as sets have no time."""
    sizes = [len(each.items) for each in sets]
    item = np.concatenate([each.items for each in sets]).astype(np.int64)
    at = np.arange(len(item), dtype=np.int64) * SECOND
    users = [each.collection_id for each in sets]
    user = np.repeat(np.arange(len(sets)), sizes)
    return Interactions(users, user, item, np.full(len(item), IN_SET, np.int8), at, n_items)


def build_folds(sets: Sequence[ItemSet], n_items: int) -> list[TrainingFold]:
    """Split sets into folds: each item of a fold's sets is hidden in turn; the sources know other sets only.

    At most `MAX_EXAMPLES` in all, drawn at random.
    """
    fold_of = [int(hash_share(each.collection_id, "completion") * FOLDS) for each in sets]
    rng = np.random.default_rng(0)
    folds = []
    for fold in range(FOLDS):
        others = [each for each, number in zip(sets, fold_of, strict=True) if number != fold]
        mine = [each for each, number in zip(sets, fold_of, strict=True) if number == fold]
        if not others or not mine:
            continue
        events = as_interactions(others, n_items)
        hidden = [(each, row) for each in mine for row in range(len(each.items))]
        chosen = rng.permutation(len(hidden))[: MAX_EXAMPLES // FOLDS]
        end = int(events.at[-1])
        examples = [_example(hidden[number][0], hidden[number][1], end) for number in chosen.tolist()]
        folds.append(TrainingFold(events, examples, is_of_new_users=True))
    return folds


def _example(item_set: ItemSet, row: int, end: int) -> TrainingExample:
    state = set_state(np.delete(item_set.items, row), end)
    # A set's times are no dates: whatever the catalogue holds may be what is missing.
    return TrainingExample(state, end, np.iinfo(np.int64).max, item_set.items[row : row + 1])


def set_state(positions: np.ndarray, at: int) -> TasteState:
    """Make the state of the user that a set is to the ranker: all its items at once."""
    items = np.unique(positions)
    n = len(items)
    return TasteState("", items, np.full(n, IN_SET, np.int8), np.full(n, at, np.int64))


def _inputs_of(snapshot: StoreSnapshot) -> dict[str, Any]:
    collections = snapshot.version("collections")
    return {
        "format": FORMAT,
        "vectors": load_vectors(snapshot).version,
        "items": snapshot.fingerprint,
        "collections": collections.name if collections else "",
        "log_generation": snapshot.store.log.generation,
        "sources": [source.name for source in SOURCES],
    }
