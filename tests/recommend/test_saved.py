"""A trained ranker is saved and loaded; it is trained again where its training data has changed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from bowerbird.data.collections import Collection
from bowerbird.data.events import EVENT_SCHEMA, Action, Event
from bowerbird.data.items import Catalogue, Item
from bowerbird.data.splits import Holdout
from bowerbird.data.store import Store
from bowerbird.errors import StoreError
from bowerbird.recommend import saved
from bowerbird.recommend.meta import RankerMeta
from bowerbird.recommend.options import RecommendOptions
from bowerbird.recommend.ranker.files import CONTEXT_FILE
from bowerbird.recommend.ranker.hybrid import HybridRanker
from bowerbird.recommend.recommender import Recommender
from bowerbird.taste.control.forgetting import forget
from factories import publish_vectors

LATE = datetime(2026, 6, 1, tzinfo=UTC)


def version_of(store: Store) -> str:
    version = store.current(RankerMeta.KIND)
    assert version is not None
    return version.name


def open_again(store: Store) -> Recommender:
    """Open the store as another process would."""
    return Recommender.open(Store.open(store.path).snapshot())


def assert_same_lists(first: Recommender, second: Recommender) -> None:
    states = [first.taste.state(user) for user in [*first.taste.users(), "nobody"]]
    for expected, actual in zip(first.lists(states, 30), second.lists(states, 30), strict=True):
        assert expected.positions.tolist() == actual.positions.tolist()
        assert expected.relevance.tolist() == actual.relevance.tolist()


def test_the_saved_ranker_gives_the_same_answers_and_is_not_trained_again(shop: Store) -> None:
    first = open_again(shop)
    name = version_of(shop)
    shop.log.append([Event("u0", "item-3", Action.CLICK, LATE)])  # a live event changes a user, no ranker
    reloaded = open_again(shop)
    assert version_of(shop) == name
    assert reloaded.ranker.report == first.ranker.report and reloaded.ranker.config == first.ranker.config
    assert len(reloaded.taste.state("u0").items) == len(first.taste.state("u0").items) + 1
    assert_same_lists(first, reloaded.with_graph(first.taste))


@pytest.mark.slow
def test_a_learned_order_is_saved_too(groups_store: Store) -> None:
    first = Recommender.open(groups_store.snapshot())
    reloaded = open_again(groups_store)
    assert first.ranker.report.order == reloaded.ranker.report.order == "lambdarank"
    assert_same_lists(first, reloaded)


@pytest.mark.slow
def test_an_import_makes_it_train_again(shop: Store) -> None:
    name = version_of(shop)
    new_events = [Event(f"v{k}", f"item-{k}", Action.CLICK, LATE + timedelta(hours=k)) for k in range(5)]
    shop.log.add_segment(pa.Table.from_pylist([event.as_row() for event in new_events], schema=EVENT_SCHEMA))
    reloaded = open_again(shop)
    assert version_of(shop) != name
    assert reloaded.ranker.context.popularity.end == int(new_events[-1].at.timestamp() * 1e6)


@pytest.mark.slow
def test_other_vectors_in_another_order_make_it_train_again(shop: Store) -> None:
    """Positions move by one, recommendations do not."""
    name, ids = version_of(shop), shop.catalogue().ids
    items = [shop.catalogue().item(position) for position in range(len(ids))]
    shop.publish_catalogue(Catalogue.of([Item("first", "a new first item", price=3.0), *items]))
    version = shop.current("vectors")
    assert version is not None
    rows = np.load(version.path / "vectors.npy")
    publish_vectors(shop, np.concatenate([rows[:1], rows]), ids=["first", *ids], seed=0)
    moved = open_again(shop)
    assert version_of(shop) != name and moved.catalogue.ids == ["first", *ids]
    recommendations = moved.recommend_user("u0", 10, options=RecommendOptions(diversity=0.0))
    assert [(item.position - 1) // 30 for item in recommendations].count(0) >= 6


def test_a_new_catalogue_alone_changes_facts_and_no_positions(shop: Store) -> None:
    """Items without vectors are not recommended yet; prices and stock are the new ones immediately."""
    name, catalogue = version_of(shop), shop.catalogue()
    items = [catalogue.item(position) for position in range(len(catalogue))]
    first = open_again(shop).recommend_user("u0", 10)[0]
    changed = [
        Item(item.item_id, item.title, price=item.price, availability="out_of_stock")
        if item.item_id == first.item_id
        else item
        for item in items
    ]
    shop.publish_catalogue(Catalogue.of([Item("first", "a new first item", price=3.0), *changed]))
    reloaded = open_again(shop)
    assert version_of(shop) == name and reloaded.catalogue.ids == catalogue.ids
    item_ids = {item.item_id for item in reloaded.recommend_user("u0", 200)}
    assert item_ids and not item_ids & {"first", first.item_id}


def likers_in(ranker: HybridRanker) -> int:
    (source,) = (source for source in ranker.sources if source.name == "co-engagement")
    return int(source.arrays()["likes"].shape[0])


@pytest.mark.slow
def test_a_forgotten_user_leaves_the_ranker_too(shop: Store) -> None:
    before = open_again(shop)
    count = likers_in(before.ranker)
    before.taste.forget("u0")
    assert likers_in(open_again(shop).ranker) == count - 1


@pytest.mark.slow
def test_boards_that_are_erased_during_the_training_are_in_no_ranker(
    shop: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.publish_collections([Collection("board", ("item-1", "item-2"), user_id="ada")])
    shop.drop(RankerMeta.KIND)
    fit = saved.fit_ranker

    def fit_after_erasure(*arguments: Any) -> HybridRanker:
        forget(shop, "ada")
        return fit(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(saved, "fit_ranker", fit_after_erasure)
        open_again(shop)
    assert shop.current(RankerMeta.KIND) is None, "it may know the board"
    open_again(shop)
    assert shop.current(RankerMeta.KIND) is not None


@pytest.mark.slow
def test_after_a_rollback_nothing_is_trained_again(shop: Store) -> None:
    name = version_of(shop)
    first = shop.snapshot().number
    shop.publish_collections([Collection("board", ("item-1", "item-2"), kind="room")])
    open_again(shop)
    assert version_of(shop) != name
    shop.roll_back(first)
    new_events = [Event("v", "item-1", Action.CLICK, LATE)]
    shop.log.add_segment(pa.Table.from_pylist([event.as_row() for event in new_events], schema=EVENT_SCHEMA))
    shop.publish_collections([Collection("board", ("item-1", "item-3"), kind="room")])
    open_again(shop)
    assert version_of(shop) == name


@pytest.mark.slow
def test_what_was_held_out_is_not_learned_from(shop: Store) -> None:
    version = shop.current("vectors")
    assert version is not None
    moment = datetime(2026, 1, 20, tzinfo=UTC)
    until = int(moment.timestamp()) * 1_000_000
    publish_vectors(shop, np.load(version.path / "vectors.npy"), holdout=Holdout(until, 0.0))
    n_likes = open_again(shop).ranker.context.popularity.total.sum()
    events = [Event.from_row(row) for row in shop.log.read().to_pylist()]
    assert 0 < n_likes == sum(event.at <= moment for event in events) < len(events)


@pytest.mark.slow
@pytest.mark.parametrize("file", [CONTEXT_FILE, "transitions.npz", "attributes.npz", "outcomes.json"])
@pytest.mark.parametrize("content", [b"garbage", None], ids=["garbage", "missing"])
def test_a_broken_ranker_is_trained_again(shop: Store, file: str, content: bytes | None) -> None:
    expected = open_again(shop).recommend_user("u0", 10)
    version = shop.current(RankerMeta.KIND)
    assert version is not None
    if content is None:
        (version.path / file).unlink()
    else:
        (version.path / file).write_bytes(content)
    assert open_again(shop).recommend_user("u0", 10) == expected
    assert version_of(shop) != version.name


def test_without_vectors_it_says_what_to_run(tmp_path: Path) -> None:
    store = Store.create(tmp_path / "store")
    store.publish_catalogue(Catalogue.of([Item("a", "an item")]))
    with pytest.raises(StoreError, match="bowerbird embed"):
        Recommender.open(store.snapshot())
