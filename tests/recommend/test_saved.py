"""A trained ranker is saved and read again; trained anew where what it was trained from has changed."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from bowerbird.data.collections import Collection
from bowerbird.data.events import EVENT_SCHEMA, Action, Event
from bowerbird.data.items import Catalogue, Item
from bowerbird.data.store import Store
from bowerbird.errors import StoreError
from bowerbird.recommend import saved
from bowerbird.recommend.options import RecommendOptions
from bowerbird.recommend.ranker.hybrid import HybridRanker
from bowerbird.recommend.recommender import Recommender
from bowerbird.recommend.saved import CONTEXT_FILE, KIND
from bowerbird.taste.control.forgetting import forget

LATE = datetime(2026, 6, 1, tzinfo=UTC)


def version_of(store: Store) -> str:
    version = store.current(KIND)
    assert version is not None
    return version.name


def opened(store: Store) -> Recommender:
    """As another process would open it."""
    return Recommender.open(Store.open(store.path).snapshot())


def assert_same_lists(first: Recommender, again: Recommender) -> None:
    states = [first.taste.state(user) for user in [*first.taste.users(), "nobody"]]
    for one, other in zip(first.lists(states, 30), again.lists(states, 30), strict=True):
        assert one.positions.tolist() == other.positions.tolist()
        assert one.relevance.tolist() == other.relevance.tolist()


def test_the_saved_ranker_gives_the_same_answers_and_is_not_trained_again(shop: Store) -> None:
    first = opened(shop)
    name = version_of(shop)
    shop.log.append([Event("u0", "item-3", Action.CLICK, LATE)])  # a live event changes a user, no ranker
    again = opened(shop)
    assert version_of(shop) == name
    assert again.ranker.report == first.ranker.report and again.ranker.config == first.ranker.config
    assert len(again.taste.state("u0").items) == len(first.taste.state("u0").items) + 1
    assert_same_lists(first, again.with_graph(first.taste))


def test_a_learned_order_is_saved_too(crowds_store: Store) -> None:
    first = Recommender.open(crowds_store.snapshot())
    again = opened(crowds_store)
    assert first.ranker.report["order"] == again.ranker.report["order"] == "lambdarank"
    assert_same_lists(first, again)


def test_an_import_makes_it_train_again(shop: Store) -> None:
    name = version_of(shop)
    fresh = [Event(f"v{k}", f"item-{k}", Action.CLICK, LATE + timedelta(hours=k)) for k in range(5)]
    shop.log.add_segment(pa.Table.from_pylist([one.as_row() for one in fresh], schema=EVENT_SCHEMA))
    again = opened(shop)
    assert version_of(shop) != name
    assert again.ranker.context.popularity.end == int(fresh[-1].at.timestamp() * 1e6)


def test_other_vectors_in_another_order_make_it_train_again(shop: Store) -> None:
    """Positions move by one, answers do not."""
    name, ids = version_of(shop), shop.catalogue().ids
    items = [shop.catalogue().item(position) for position in range(len(ids))]
    shop.publish_catalogue(Catalogue.of([Item("first", "a new first item", price=3.0), *items]))
    version = shop.current("vectors")
    assert version is not None
    rows = np.load(version.path / "vectors.npy")
    with shop.publishing("vectors", version.meta) as folder:
        np.save(folder / "vectors.npy", np.concatenate([rows[:1], rows]))
        (folder / "ids.json").write_text(json.dumps(["first", *ids]))
    moved = opened(shop)
    assert version_of(shop) != name and moved.catalogue.ids == ["first", *ids]
    shown = moved.recommend_user("u0", 10, options=RecommendOptions(diversity=0.0))
    assert [(one.position - 1) // 30 for one in shown].count(0) >= 6


def test_a_new_catalogue_alone_changes_facts_and_no_positions(shop: Store) -> None:
    """What the vectors do not know yet is not recommended; prices and stock are the new ones at once."""
    name, catalogue = version_of(shop), shop.catalogue()
    items = [catalogue.item(position) for position in range(len(catalogue))]
    first = opened(shop).recommend_user("u0", 10)[0]
    changed = [
        Item(one.item_id, one.title, price=one.price, availability="out_of_stock")
        if one.item_id == first.item_id
        else one
        for one in items
    ]
    shop.publish_catalogue(Catalogue.of([Item("first", "a new first item", price=3.0), *changed]))
    again = opened(shop)
    assert version_of(shop) == name and again.catalogue.ids == catalogue.ids
    shown = {one.item_id for one in again.recommend_user("u0", 200)}
    assert shown and not shown & {"first", first.item_id}


def likers_in(ranker: HybridRanker) -> int:
    (source,) = (one for one in ranker.sources if one.name == "co-engagement")
    return int(source.arrays()["likes"].shape[0])


def test_a_forgotten_user_leaves_the_ranker_too(shop: Store) -> None:
    before = opened(shop)
    count = likers_in(before.ranker)
    before.taste.forget("u0")
    assert likers_in(opened(shop).ranker) == count - 1


def test_boards_that_are_erased_during_the_training_are_in_no_ranker(
    shop: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.publish_collections([Collection("board", ("item-1", "item-2"), user_id="ada")])
    shop.drop(KIND)
    fit = saved.fit_ranker

    def fit_meanwhile(*arguments: Any) -> HybridRanker:
        forget(shop, "ada")
        return fit(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(saved, "fit_ranker", fit_meanwhile)
        opened(shop)
    assert shop.current(KIND) is None, "it may know the board"
    opened(shop)
    assert shop.current(KIND) is not None


def test_after_a_rollback_nothing_is_trained_again(shop: Store) -> None:
    name = version_of(shop)
    first = shop.snapshot().number
    shop.publish_collections([Collection("board", ("item-1", "item-2"), kind="room")])
    opened(shop)
    assert version_of(shop) != name
    shop.roll_back(first)
    fresh = [Event("v", "item-1", Action.CLICK, LATE)]
    shop.log.add_segment(pa.Table.from_pylist([event.as_row() for event in fresh], schema=EVENT_SCHEMA))
    shop.publish_collections([Collection("board", ("item-1", "item-3"), kind="room")])
    opened(shop)
    assert version_of(shop) == name


def test_what_was_held_out_is_not_learned_from(shop: Store) -> None:
    version = shop.current("vectors")
    assert version is not None
    moment = datetime(2026, 1, 20, tzinfo=UTC)
    until = int(moment.timestamp()) * 1_000_000
    with shop.publishing("vectors", {"holdout": {"until": until, "user_share": 0.0}}) as folder:
        for file in ("vectors.npy", "ids.json"):
            (folder / file).write_bytes((version.path / file).read_bytes())
    learned = opened(shop).ranker.context.popularity.total.sum()
    events = [Event.from_row(row) for row in shop.log.read().to_pylist()]
    assert 0 < learned == sum(event.at <= moment for event in events) < len(events)


@pytest.mark.parametrize("file", [CONTEXT_FILE, "transitions.npz", "attributes.npz", "outcomes.json"])
@pytest.mark.parametrize("broken", [b"garbage", None], ids=["garbage", "missing"])
def test_a_broken_ranker_is_trained_again(shop: Store, file: str, broken: bytes | None) -> None:
    expected = opened(shop).recommend_user("u0", 10)
    version = shop.current(KIND)
    assert version is not None
    if broken is None:
        (version.path / file).unlink()
    else:
        (version.path / file).write_bytes(broken)
    assert opened(shop).recommend_user("u0", 10) == expected
    assert version_of(shop) != version.name


def test_without_vectors_it_says_what_to_run(tmp_path: Path) -> None:
    store = Store.create(tmp_path / "store")
    store.publish_catalogue(Catalogue.of([Item("a", "a thing")]))
    with pytest.raises(StoreError, match="bowerbird embed"):
        Recommender.open(store.snapshot())
