"""What training promises, on the toy shop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from bowerbird.choices import Engine, HoldoutChoice
from bowerbird.data.collections import Collection, select_training_sets
from bowerbird.data.events import Action, Event
from bowerbird.data.ingest.item_changes import withdraw_items
from bowerbird.data.interactions import Interactions
from bowerbird.data.items import Catalogue, Item
from bowerbird.data.splits import Holdout
from bowerbird.data.store import Store
from bowerbird.embed.config import EmbedConfig
from bowerbird.embed.encode.precompute import Precompute
from bowerbird.embed.index.vectors import load_vectors
from bowerbird.embed.train.neighbours import InteractionSequences
from bowerbird.embed.training import train_embedding
from bowerbird.errors import InputError, StoreError

pytestmark = pytest.mark.slow

CONFIG = EmbedConfig(dim=32, epochs=5, seed=4)
"""Of forty liked items four are held out as cold; with an easy draw, nothing is learned."""
MakeStore = Callable[..., Store]


def read_colours(store: Store) -> np.ndarray:
    return np.array([item_id.split("-")[0] for item_id in store.catalogue().ids])


def mean_similarity(matrix: np.ndarray, colour: np.ndarray, first: str, second: str) -> float:
    return float((matrix @ matrix.T)[np.ix_(colour == first, colour == second)].mean())


@pytest.fixture(scope="module")
def trained(toy_store: MakeStore) -> Store:
    store = toy_store()
    train_embedding(store, CONFIG)
    return store


def test_items_that_one_group_likes_come_together(trained: Store) -> None:
    vectors, catalogue = load_vectors(trained.snapshot()), trained.catalogue()
    learned, generic, colour = vectors.aligned(catalogue), vectors.generic(catalogue), read_colours(trained)

    def pull(matrix: np.ndarray) -> float:
        together = mean_similarity(matrix, colour, "red", "blue") + mean_similarity(
            matrix, colour, "green", "yellow"
        )
        apart = mean_similarity(matrix, colour, "red", "green") + mean_similarity(
            matrix, colour, "blue", "yellow"
        )
        return together - apart

    assert pull(learned) > pull(generic) + 0.2


def test_items_without_likes_keep_their_content(trained: Store) -> None:
    catalogue, colour = trained.catalogue(), read_colours(trained)
    matrix = load_vectors(trained.snapshot()).aligned(catalogue)
    liked = set(trained.log.read()["item_id"].to_pylist())
    cold = [row for row, item in enumerate(catalogue.ids) if item not in liked]
    assert len(cold) == 8
    for row in cold:
        similarity = matrix @ matrix[row]
        similarity[row] = -1
        assert colour[int(similarity.argmax())] == colour[row]


def test_meta_holds_inputs_and_metrics(trained: Store) -> None:
    meta = load_vectors(trained.snapshot()).meta
    events = Interactions.of(trained.log.read(), trained.catalogue())
    assert meta.holdout == Holdout.default(events)
    assert meta.dim == 32
    assert meta.likes == len(Holdout.default(events).training(events))
    assert meta.backbones == {"image": "efficientnet-lite0", "text": "minilm-l6"}
    assert meta.config == replace(CONFIG, text_backbone="minilm-l6")
    assert meta.metrics.tower is not None and meta.metrics.untrained is not None
    assert meta.metrics.tower.score >= meta.metrics.untrained.score
    assert meta.peak_memory_mb > 0
    assert meta.seconds is not None and meta.seconds.features > 0 and meta.seconds.training > 0


@pytest.mark.slow
def test_the_same_seed_gives_the_same_vectors_and_held_out_events_change_nothing(
    trained: Store, toy_store: MakeStore
) -> None:
    events = trained.log.read().to_pylist()
    interactions = Interactions.of(trained.log.read(), trained.catalogue())
    holdout = Holdout.default(interactions)
    until = holdout.until
    assert until is not None
    changed, n_changed = [], 0
    for row in events:
        event = Event.from_row(row)
        if holdout.is_held_out(event.user_id) or int(event.at.timestamp() * 1e6) > until:
            event = replace(event, item_id="yellow-11", action=Action.SAVE)
            n_changed += 1
        changed.append(event)
    assert 0 < n_changed < len(events)
    other = toy_store(events=changed)
    train_embedding(other, CONFIG)
    first, second = load_vectors(trained.snapshot()), load_vectors(other.snapshot())
    assert first.meta.inputs == second.meta.inputs
    assert np.array_equal(first.matrix, second.matrix)


def test_without_a_holdout_all_likes_are_trained_on(toy_store: MakeStore) -> None:
    store = toy_store()
    version = train_embedding(store, replace(CONFIG, epochs=0, holdout=HoldoutChoice.NONE))
    assert version.meta["holdout"] == {"until": None, "user_share": 0.0}
    assert version.meta["likes"] == len(store.log.read())


def test_a_catalogue_without_users_is_embedded_by_its_content(toy_store: MakeStore) -> None:
    store = toy_store(events=[])
    train_embedding(store, replace(CONFIG, epochs=1))
    matrix, colour = load_vectors(store.snapshot()).aligned(store.catalogue()), read_colours(store)
    similarity = matrix @ matrix.T
    np.fill_diagonal(similarity, -1)
    assert (colour[similarity.argmax(axis=1)] == colour).mean() > 0.9


def test_a_broken_picture_leaves_its_text_and_nothing_at_all_is_no_vector(toy_store: MakeStore) -> None:
    items = [
        Item("whole", "a red chair"),
        Item("broken", "a red chair", image=b"no picture"),
        Item("nothing", image=b"no picture"),
    ]
    store = toy_store(items=items, events=[])
    train_embedding(store, replace(CONFIG, epochs=0))
    whole, broken, nothing = load_vectors(store.snapshot()).aligned(store.catalogue())
    assert np.allclose(whole, broken, atol=1e-3)
    assert not nothing.any()


def test_two_concurrent_trainings_exclude_each_other(trained: Store) -> None:
    with trained.training_lock("test"), pytest.raises(StoreError, match="`test`"):
        train_embedding(trained, CONFIG)


def test_items_change_during_a_training(toy_store: MakeStore) -> None:
    """An item that is withdrawn after a training has read the items: it stays so, and has a vector."""
    store = toy_store()
    gone = store.item_ids()[0]

    class LatePrecompute(Precompute):
        """Withdraws the item where the training encodes the items that it has read."""

        def __getattribute__(self, name: str) -> object:
            if not name.startswith("_") and not store.catalogue().withdrawn.any():
                withdraw_items(store, [gone])
            return super().__getattribute__(name)

    version = train_embedding(store, replace(CONFIG, epochs=0), LatePrecompute(Engine.LOCAL, 1))
    snapshot = store.snapshot()
    assert load_vectors(snapshot).version == version.name
    assert snapshot.catalogue.withdrawn[snapshot.catalogue.position[gone]]


def test_a_second_training_has_the_items_that_came_since(toy_store: MakeStore) -> None:
    store = toy_store(events=[])
    train_embedding(store, replace(CONFIG, epochs=0))
    store.publish_catalogue(store.catalogue().updated(Catalogue.of([Item("late", "a red chair")])))
    train_embedding(store, replace(CONFIG, epochs=0))
    assert load_vectors(store.snapshot()).ids == store.item_ids() and "late" in store.item_ids()


def test_settings_out_of_range_are_rejected() -> None:
    with pytest.raises(InputError, match="width"):
        EmbedConfig(dim=3)
    with pytest.raises(InputError, match="epochs"):
        EmbedConfig(epochs=-1)


def test_neighbours_are_of_the_same_user_or_collection() -> None:
    catalogue = Catalogue.of([Item(str(number), str(number)) for number in range(12)])
    day = 86_400_000_000
    at = np.array([0, 1, 2, 400 * day, 3, 4]) + day
    likes = Interactions(
        ["b", "a"],
        np.array([0, 0, 0, 0, 1, 1]),
        np.array([0, 1, 0, 2, 3, 4]),
        np.full(6, 2, np.int8),
        at,
        12,
    )
    held_out = next(f"u{number}" for number in range(100) if Holdout(None, 0.1).is_held_out(f"u{number}"))
    collections = [
        Collection("x", ("5", "6", "7", "unknown")),
        Collection("y", ("8", "9"), user_id=held_out),
        Collection("z", ("10",)),
    ]
    sequences = InteractionSequences.of(
        likes, select_training_sets(collections, likes, catalogue, Holdout(None, 0.1))
    )
    rng = np.random.default_rng(0)
    sampled = {tuple(sorted(pair)) for _ in range(200) for pair in sequences.sample_pairs(rng).tolist()}
    # 2 was liked a year after the others; 8 and 9 are of a held-out user.
    assert sampled == {(0, 1), (3, 4), (5, 6), (5, 7), (6, 7)}
