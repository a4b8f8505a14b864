"""Updates on the toy catalogue: new items and likes are added, old vectors stay useful."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from bowerbird.choices import HoldoutChoice, Precision
from bowerbird.cli.main import app
from bowerbird.data.events import Action, Event
from bowerbird.data.interactions import Interactions
from bowerbird.data.items import Catalogue, Item
from bowerbird.data.splits import Holdout
from bowerbird.data.store import Store
from bowerbird.embed.config import EmbedConfig, UpdateConfig
from bowerbird.embed.index.vectors import load_vectors
from bowerbird.embed.search.query import QueryEncoder
from bowerbird.embed.train.neighbours import InteractionSequences
from bowerbird.embed.train.objective import TrainingDataset
from bowerbird.embed.train.tower import ModalityFeatures, Tower
from bowerbird.embed.train.version_files import PreviousVersion
from bowerbird.embed.training import train_embedding
from bowerbird.embed.update.updating import update_embedding
from bowerbird.embed.update.warm_start import WarmStartTrainer, interpolate, select_new_likes
from bowerbird.embed.update_report import ItemCounts
from bowerbird.errors import InputError, StoreError

from .conftest import GROUPS, PER_COLOUR, START, square, toy_events, toy_items

CONFIG = EmbedConfig(dim=32, epochs=5, seed=4)  # as in test_training
MakeStore = Callable[..., Store]


@pytest.fixture(scope="module")
def trained(toy_store: MakeStore) -> Store:
    store = toy_store()
    train_embedding(store, CONFIG)
    return store


@pytest.fixture
def store(trained: Store, tmp_path: Path) -> Store:
    """A trained store to change."""
    shutil.copytree(trained.path, tmp_path / "store")
    return Store.open(tmp_path / "store")


def later_events(n_users: int = 40, item: str | None = None) -> list[Event]:
    """A month later the groups like the same colours, and the items without likes so far."""
    return [
        Event(
            f"p{user}",
            item or f"{GROUPS[user % 2][step % 2]}-{(user + step) % PER_COLOUR}",
            Action.CLICK,
            START + timedelta(days=30, minutes=step, hours=user),
        )
        for user in range(n_users)
        for step in range(4)
    ]


def new_items() -> list[Item]:
    return [
        Item(f"{colour}-new", f"{colour} chair, extraordinarily comfortable", image=square(colour, 30))
        for colour in ("red", "green", "blue", "yellow")
    ]


def test_new_items_and_likes_are_added_and_counted(store: Store) -> None:
    before = load_vectors(store.snapshot())
    unchanged, changed = toy_items()[1:], "blue-3"
    items = [
        replace(item, title="a different item") if item.item_id == changed else item for item in unchanged
    ]
    store.publish_catalogue(Catalogue.of(new_items() + items))
    store.log.append(later_events())
    version = update_embedding(store)
    assert version is not None
    after = load_vectors(store.snapshot())
    update = after.meta.update
    assert update is not None
    assert after.meta.updated_from == before.version
    assert update.items == ItemCounts(new=4, changed=1, removed=1)
    assert update.likes.new > 0
    assert after.meta.likes == before.meta.likes + update.likes.new + update.likes.earlier
    assert update.unknown_words.new is not None and update.unknown_words.others is not None
    assert update.unknown_words.new > update.unknown_words.others
    assert after.ids == store.catalogue().ids
    lengths = np.linalg.norm(after.matrix, axis=1)
    np.testing.assert_allclose(lengths, 1, atol=1e-3)
    for row, item in enumerate(new_items()):  # a new item lies among items with similar pictures and texts
        similarity = after.matrix @ after.matrix[row]
        similarity[row] = -1
        assert after.ids[int(similarity.argmax())].split("-")[0] == item.item_id.split("-")[0]


def test_what_was_made_from_old_vectors_fits_the_new_ones(store: Store) -> None:
    before, queries_before = (
        load_vectors(store.snapshot()),
        QueryEncoder.open(store.snapshot()).encode_texts(["a red chair", "a rug"]),
    )
    store.log.append(later_events())
    assert update_embedding(store) is not None
    after, queries_after = (
        load_vectors(store.snapshot()),
        QueryEncoder.open(store.snapshot()).encode_texts(["a red chair", "a rug"]),
    )
    assert (before.matrix * after.matrix).sum(1).mean() > 0.9
    assert (queries_before * queries_after).sum(1).min() > 0.9
    assert after.is_compatible_with(before.version) and not before.is_compatible_with(after.version)
    assert after.meta.update is not None
    recall = after.meta.update.old_state
    assert recall.users > 0 and recall.mean.ratio is not None and recall.mean.ratio > 0.9


def test_the_saved_tower_and_offsets_give_the_saved_vectors(store: Store) -> None:
    """The next update, and queries, start where this one ended, after the rotation too."""
    store.log.append(later_events())
    update_embedding(store)
    after = load_vectors(store.snapshot())
    store.publish_catalogue(Catalogue.of(toy_items() + new_items()))  # items only: nothing is learned
    update_embedding(store)
    second_update = load_vectors(store.snapshot())
    rows = [second_update.ids.index(item_id) for item_id in after.ids]
    assert np.array_equal(second_update.stored[rows], after.stored)
    assert PreviousVersion.open(store).offsets.any()
    aligned_with = second_update.meta.aligned_with
    assert aligned_with[0] == after.version and len(aligned_with) == 2


def test_without_changes_nothing_is_published(store: Store) -> None:
    name = load_vectors(store.snapshot()).version
    assert update_embedding(store) is None
    store.publish_catalogue(Catalogue.of(toy_items()[::-1]))  # another order is not a change
    assert update_embedding(store) is None
    assert load_vectors(store.snapshot()).version == name


def test_never_worse_than_before_on_the_validation_users(store: Store) -> None:
    store.log.append(later_events())
    update_embedding(store)
    metrics = load_vectors(store.snapshot()).meta.metrics
    assert metrics.users > 0 and metrics.previous is not None and metrics.tower is not None
    assert metrics.tower.warm is not None and metrics.tower.cold is not None
    assert metrics.tower.score >= metrics.previous.score


def test_training_users_are_never_held_out_later(store: Store) -> None:
    before = load_vectors(store.snapshot()).holdout
    old = Interactions.of(store.log.read(), store.catalogue())
    # Many events before all others pull the default moment back.
    early_events = [
        replace(item, event_id=f"early {k}", at=START - timedelta(days=9))
        for k, item in enumerate(toy_events())
    ]
    store.log.append(early_events)
    update_embedding(store)
    events = Interactions.of(store.log.read(), store.catalogue())
    after = load_vectors(store.snapshot()).holdout
    assert Holdout.default(events).until < before.until
    assert after == before
    assert len(after.training(old)) == len(before.training(old))


def test_the_moment_of_the_holdout_moves_on_with_the_log(store: Store) -> None:
    store.log.append(later_events())
    update_embedding(store)
    events = Interactions.of(store.log.read(), store.catalogue())
    assert load_vectors(store.snapshot()).holdout == Holdout.default(events)


def test_held_out_users_change_nothing(store: Store) -> None:
    holdout = load_vectors(store.snapshot()).holdout
    held_out = next(f"x{k}" for k in range(100) if holdout.is_held_out(f"x{k}"))
    store.log.append([Event(held_out, "red-1", Action.CLICK, START)])
    assert update_embedding(store) is None


@pytest.mark.slow
def test_without_a_holdout_it_stays_without(toy_store: MakeStore) -> None:
    store = toy_store()
    train_embedding(store, replace(CONFIG, epochs=0, holdout=HoldoutChoice.NONE))
    with pytest.raises(InputError, match="hold anything out"):
        update_embedding(store, UpdateConfig(holdout=HoldoutChoice.DEFAULT))
    store.log.append(later_events())
    version = update_embedding(store)
    assert version is not None and version.meta["likes"] == len(store.log.read())


def test_impossible_updates_are_rejected(store: Store, toy_store: MakeStore) -> None:
    with pytest.raises(StoreError, match="no item vectors"):
        update_embedding(toy_store())
    with pytest.raises(InputError, match=r"width.*32.*64"):
        update_embedding(store, UpdateConfig(dim=64))
    with pytest.raises(InputError, match=r"text backbone.*minilm-l6.*other"):
        update_embedding(store, UpdateConfig(text_backbone="other"))
    meta = store.path / "vectors" / load_vectors(store.snapshot()).version / "meta.json"
    meta.write_text(
        json.dumps({k: v for k, v in json.loads(meta.read_text()).items() if k != "validation_thresholds"})
    )
    with pytest.raises(StoreError, match="older bowerbird"):
        update_embedding(store)


@pytest.mark.slow
def test_int8_and_an_index_are_updated(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the exact limit, an update of items updates the index: deletes removed items, adds new ones."""
    for module in ("train.version_files", "index.saved_index"):
        monkeypatch.setattr(f"bowerbird.embed.{module}.EXACT_UP_TO", 10)
    train_embedding(store, replace(CONFIG, precision=Precision.INT8))
    old = load_vectors(store.snapshot())
    # The removed items have no likes, so that there is nothing to learn.
    removed = {f"{colour}-{PER_COLOUR - k}" for colour in ("red", "green") for k in (1, 2)}
    rows = np.array([row for row, item in enumerate(toy_items()) if item.item_id not in removed])
    store.publish_catalogue(Catalogue.of([toy_items()[row] for row in rows] + new_items()))
    update_embedding(store)
    new = load_vectors(store.snapshot())
    assert new.stored.dtype == np.int8
    assert np.array_equal(new.stored[:44], old.stored[rows])
    assert new.path is not None
    keys = np.load(new.path / "keys.npy")
    assert np.array_equal(keys[:44], rows) and keys[44:].min() >= 48  # updated, not built again


def test_a_warm_start_trainer_encodes_as_its_tower() -> None:
    rng = np.random.default_rng(0)
    torch.manual_seed(0)
    image, text = (rng.normal(size=(30, width)).astype(np.float32) for width in (5, 7))
    image[:3] = text[2:6] = 0
    features, tower = ModalityFeatures.of(image, text), Tower(5, 7, 8)
    tower.initialize_from(features)
    torch.nn.init.normal_(tower.fusion.weight)
    offsets = torch.randn(30, 8)
    likes = InteractionSequences(np.arange(20), np.arange(20) // 5, np.arange(20))
    trainer = WarmStartTrainer(
        TrainingDataset(features, likes),
        EmbedConfig(dim=8),
        UpdateConfig(),
        rng,
        (tower.state_dict(), offsets),
        since=10,
    )
    np.testing.assert_allclose(trainer.encode_items(), tower.encode(features, offsets), atol=1e-5)


def test_new_likes_come_with_the_likes_around_them() -> None:
    likes = InteractionSequences(np.arange(40), np.repeat([0, 1], 20), np.arange(40))
    assert select_new_likes(likes, since=38, max_distance=10).items.tolist() == list(range(29, 40))
    assert select_new_likes(likes, since=18, max_distance=10).items.tolist() == list(range(9, 40))
    assert not len(select_new_likes(likes, since=39, max_distance=10))


def test_weights_between_old_and_new(store: Store) -> None:
    old, new = ({"w": torch.zeros(2)}, torch.zeros(1, 2)), ({"w": torch.ones(2)}, torch.ones(1, 2))
    tower, offsets = interpolate(old, new, 0.25)
    assert tower["w"].tolist() == [0.25, 0.25] and offsets.tolist() == [[0.25, 0.25]]


def test_the_command_reports_and_is_idempotent(store: Store) -> None:
    store.log.append(later_events())
    run = CliRunner().invoke(app, ["embed", str(store.path), "--update", "--json"])
    assert run.exit_code == 0, run.output
    text = json.loads(run.output)
    assert text["version"] == load_vectors(store.snapshot()).version and text["update"]["likes"]["new"] > 0
    second_update = CliRunner().invoke(app, ["embed", str(store.path), "--update"])
    assert second_update.exit_code == 0 and "nothing has changed" in second_update.output
