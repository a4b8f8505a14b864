"""Trains the ranker that completes sets: users are sets, and each of their items is hidden in turn."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

import numpy as np

from bowerbird.data.arrays import IntArray
from bowerbird.data.collections import ItemSet, select_training_sets
from bowerbird.data.events import ACTION_CODE, Action
from bowerbird.data.interactions import Interactions
from bowerbird.data.snapshot import StoreSnapshot
from bowerbird.data.splits import hash_share
from bowerbird.data.times import SECOND
from bowerbird.data.versions.publishing import SupersededError
from bowerbird.data.versions.version import Version
from bowerbird.embed.index.vectors import load_vectors
from bowerbird.errors import StoreError
from bowerbird.recommend.config import CompletionConfig
from bowerbird.recommend.context import ItemContext
from bowerbird.recommend.meta import CompletionMeta, RankerInputs
from bowerbird.recommend.ranker.files import BROKEN, read_ranker, write_ranker
from bowerbird.recommend.ranker.hybrid import HybridRanker
from bowerbird.recommend.ranker.training import fit_ranker
from bowerbird.recommend.ranker.training_examples import TrainingExample, TrainingFold
from bowerbird.recommend.saved import inputs_of, open_items
from bowerbird.taste.state.user_state import TasteState

IN_SET = ACTION_CODE[Action.SAVE.value]


def open_completion_ranker(snapshot: StoreSnapshot) -> HybridRanker:
    """Open a snapshot's ranker of sets; trained and published first where it does not fit the snapshot."""
    items, inputs = open_items(snapshot), inputs_of(snapshot)
    ranker = _load(items, snapshot.version(CompletionMeta.KIND), inputs)
    if ranker is None:
        with snapshot.store.exclusive(CompletionMeta.KIND):
            version = snapshot.store.current(
                CompletionMeta.KIND
            )  # another process may have trained it just now
            ranker = _load(items, version, inputs)
            if ranker is None:
                return _train(snapshot, items, inputs)
            if version is not None:
                snapshot.adopt(version)
    return ranker


def _load(items: ItemContext, version: Version | None, inputs: RankerInputs) -> HybridRanker | None:
    if version is None:
        return None
    try:
        if version.read_meta(CompletionMeta).inputs != inputs:
            return None
        return read_ranker(items, version, CompletionMeta)
    except BROKEN:
        return None


def _train(snapshot: StoreSnapshot, items: ItemContext, inputs: RankerInputs) -> HybridRanker:
    store, vectors = snapshot.store, load_vectors(snapshot)
    events = Interactions.of(store.log.read(), snapshot.catalogue)
    holdout = vectors.holdout
    sets = select_training_sets(snapshot.collections, events, snapshot.catalogue, holdout)
    sets = [each for each in sets if len(each.items) > 1]
    if not sets:
        raise StoreError(
            f"the store {store.path} has no collection of two items or more to learn from: import some, for "
            "example with `bowerbird import ikea-rooms FOLDER --store STORE`"
        )
    ranker = fit_ranker(items, as_interactions(sets, len(items)), build_folds(sets, len(items)))
    meta = CompletionMeta(inputs=inputs, config=ranker.config, report=ranker.report, collections=len(sets))
    with store.lock("publishing the completer", wait=True):
        if inputs == inputs_of(snapshot):  # else somebody was erased meanwhile: used once, and not kept
            # Other vectors came into force, or other collections: the boards of somebody who was erased left.
            with contextlib.suppress(SupersededError):
                collections = snapshot.version("collections")
                made_of = {"vectors": vectors.version}
                if collections is not None:
                    made_of["collections"] = collections.name
                snapshot.adopt(
                    store.publish(
                        CompletionMeta.KIND, meta, lambda folder: write_ranker(folder, ranker), made_of
                    )
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


def build_folds(
    sets: Sequence[ItemSet], n_items: int, config: CompletionConfig | None = None
) -> list[TrainingFold]:
    """Split sets into folds: each item of a fold's sets is hidden in turn; the sources know other sets only.

    At most `max_examples` in all, drawn at random.
    """
    config = config or CompletionConfig()
    fold_of = [int(hash_share(each.collection_id, "completion") * config.folds) for each in sets]
    rng = np.random.default_rng(0)
    folds = []
    for fold in range(config.folds):
        training_sets = [each for each, number in zip(sets, fold_of, strict=True) if number != fold]
        held_out_sets = [each for each, number in zip(sets, fold_of, strict=True) if number == fold]
        if not training_sets or not held_out_sets:
            continue
        events = as_interactions(training_sets, n_items)
        hidden = [(each, row) for each in held_out_sets for row in range(len(each.items))]
        chosen = rng.permutation(len(hidden))[: config.max_examples // config.folds]
        end = int(events.at[-1])
        examples = [_example(hidden[number][0], hidden[number][1], end) for number in chosen.tolist()]
        folds.append(TrainingFold(events, examples, is_of_new_users=True))
    return folds


def _example(item_set: ItemSet, row: int, end: int) -> TrainingExample:
    state = set_state(np.delete(item_set.items, row), end)
    # A set's times are no dates: whatever the catalogue holds may be what is missing.
    return TrainingExample(state, end, np.iinfo(np.int64).max, item_set.items[row : row + 1])


def set_state(positions: IntArray, at: int) -> TasteState:
    """Make the state of the user that a set is to the ranker: all its items at once."""
    items = np.unique(positions)
    n = len(items)
    return TasteState("", items, np.full(n, IN_SET, np.int8), np.full(n, at, np.int64))
