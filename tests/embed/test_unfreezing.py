"""Unfreezing the backbones' top blocks: what is trained, what is kept, and who uses it. On the toy shop."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from bowerbird.cli.main import app
from bowerbird.data.interactions import Interactions
from bowerbird.data.items import Catalogue, Item
from bowerbird.data.splits import Holdout
from bowerbird.data.store import Store, Version
from bowerbird.embed import training
from bowerbird.embed.encode.adapted_backbones import EncoderSource
from bowerbird.embed.encode.features import ItemFeatures, item_features
from bowerbird.embed.encode.modalities import words_of
from bowerbird.embed.finetune import finetuning
from bowerbird.embed.finetune.backbone_validation import BackboneJudge
from bowerbird.embed.finetune.checkpoints import Reachable, Unfinished
from bowerbird.embed.finetune.content_space import Batch
from bowerbird.embed.finetune.finetuning import (
    BETTER,
    Shop,
    Training,
    UnfreezeConfig,
    names_of,
    unfrozen_backbones,
)
from bowerbird.embed.index.vectors import load_vectors
from bowerbird.embed.search.query import QueryEncoder
from bowerbird.embed.train.neighbours import Strings
from bowerbird.embed.train.validation import Lots
from bowerbird.embed.training import EmbedConfig, train_embedding
from bowerbird.embed.update.updating import update_embedding
from bowerbird.errors import InputError, StoreError

from .conftest import COLOURS, toy_events

MakeStore = Callable[..., Store]
HELPS = UnfreezeConfig(layers=2, seed=4, dim=32, rounds=4, learning_rate=3e-3)
REAL = "efficientnet-lite0", "minilm-l6"


def shop_of(store: Store, backbones: tuple[str, str], seed: int = 4) -> Shop:
    catalogue = store.catalogue()
    events = Interactions.of(store.log.read(), catalogue)
    strings = Strings.of(Holdout.default(events).training(events), [])
    said = [words_of(item) for item in catalogue.items()]
    lots = Lots.of(events.users, catalogue.ids, seed)
    return Shop(catalogue, said, item_features(store, catalogue, *backbones), strings, lots)


def training_of(store: Store, backbones: tuple[str, str], config: UnfreezeConfig) -> Training:
    shop = shop_of(store, backbones)
    usable = np.arange(len(shop.catalogue))
    judge = BackboneJudge(shop.strings, shop.lots, shop.said, usable, config.seed)
    sides = finetuning.sides_of(store, shop, config, torch.device("cpu"))
    return Training(shop, judge, sides, config, usable)


@pytest.fixture(scope="module")
def helped(toy_store: MakeStore, tiny_backbones: tuple[str, str]) -> tuple[Store, Version]:
    store = toy_store()
    version = unfrozen_backbones(store, shop_of(store, tiny_backbones), HELPS)
    assert version is not None
    return store, version


def test_what_crowds_like_teaches_the_backbones(helped: tuple[Store, Version]) -> None:
    meta = helped[1].meta
    assert meta["better"] and meta["scores"][meta["best_round"]] >= BETTER * meta["scores"][0]
    assert meta["scores"][meta["best_round"]] == max(meta["scores"])
    assert set(meta["identities"]) == {"image", "text"}


@pytest.mark.parametrize("real", [False, True], ids=["tiny", "default"])
def test_below_the_unfrozen_blocks_nothing_changes_and_in_them_everything(
    real: bool, toy_store: MakeStore, tiny_backbones: tuple[str, str]
) -> None:
    names = REAL if real else tiny_backbones
    lesson = training_of(toy_store(), names, replace(HELPS, layers=1))
    before = [{n: p.clone() for n, p in side.network.network.state_dict().items()} for side in lesson.sides]
    lesson.step(0, 0, lesson.pairs(0))
    tops = ("_blocks.15.", "_conv_head", "_bn1."), ("encoder.layer.5.",)
    tops = tops if real else (("layers.2.", "layernorm"), ("encoder.layer.2.",))
    for side, was, top in zip(lesson.sides, before, tops, strict=True):
        now = side.network.network.state_dict()
        changed = {name for name, tensor in was.items() if not torch.equal(tensor, now[name])}
        assert changed == set(side.trained)
        assert all(name.removeprefix("network.").startswith(top) for name in changed)


def test_gradients_part_by_part_are_those_of_the_whole_batch(
    toy_store: MakeStore, tiny_backbones: tuple[str, str]
) -> None:
    lesson = training_of(toy_store(), tiny_backbones, HELPS)
    lesson.sides = [replace(side, part=7) for side in lesson.sides]
    batch = Batch.of(lesson.pairs(0)[:20], np.arange(6))
    lesson.teach(batch, np.random.default_rng(1))
    found = {name: p.grad.clone() for name, p in lesson.trained.items() if p.grad is not None}
    lesson.optimizer.zero_grad()
    image, text = (side.network.embed(side.read(batch.items)) for side in lesson.sides)
    lesson.space.loss(batch, image, text, lesson.log_frequency, np.random.default_rng(1)).backward()
    assert set(found) == set(lesson.trained)
    whole = {name: p.grad.flatten() for name, p in lesson.trained.items() if p.grad is not None}
    largest = max(float(other.norm()) for other in whole.values())
    for name, other in whole.items():
        assert float(other.norm()) > 0
        # In bfloat16 a part rounds otherwise than the whole; and a key's bias, to which softmax is blind, has
        # a gradient of rounding alone.
        off = float((found[name].flatten() - other).norm())
        assert off < 0.05 * float(other.norm()) + 1e-6 * largest, name


def test_the_judge_tells_features_that_know_from_those_that_do_not(
    toy_store: MakeStore, tiny_backbones: tuple[str, str]
) -> None:
    shop = shop_of(toy_store(events=toy_events(160)), tiny_backbones)
    judge = BackboneJudge(shop.strings, shop.lots, [set()] * len(shop.said), np.arange(len(shop.said)), 4)
    rng = np.random.default_rng(0)
    colour = np.array([list(COLOURS).index(one.split("-")[0]) for one in shop.catalogue.ids])[judge.items]
    noise = rng.normal(size=(len(colour), 16)).astype(np.float32)
    knowing = noise + 20 * np.eye(4, 16, dtype=np.float32)[colour]
    there, none = np.ones(len(colour), bool), np.zeros((len(colour), 1), np.float32)
    good, bad = (
        judge.quality(ItemFeatures(rows, there, none, ~there, tiny_backbones), 16)
        for rows in (knowing, noise)
    )
    assert good.score > 1.2 * bad.score
    assert good.warm > bad.warm and good.cold > bad.cold
    frozen = Reachable.first({}, good)
    assert frozen.after_round(bad, BETTER).best_round == 0
    assert frozen.after_round(replace(good, cold=1.005 * good.cold), BETTER).best_round == 0  # too little
    better = Reachable.first({}, bad).after_round(good, BETTER)
    assert better.best_round == 1 and better.after_round(bad, BETTER).best_round == 1


def test_what_learns_nothing_is_refused_and_not_tried_twice(
    toy_store: MakeStore, tiny_backbones: tuple[str, str]
) -> None:
    store, nothing = toy_store(), replace(HELPS, learning_rate=0.0, rounds=1)
    shop = shop_of(store, tiny_backbones)
    version = unfrozen_backbones(store, shop, nothing)
    assert version is not None and not version.meta["better"]
    assert version.meta["scores"][1] == version.meta["scores"][0]
    assert names_of(version, tiny_backbones) == tiny_backbones
    assert not list(version.path.glob("*.safetensors"))
    again = unfrozen_backbones(store, shop, nothing)
    assert again is not None and again.name == version.name


def test_a_side_that_no_item_has_is_not_unfrozen(
    toy_store: MakeStore, tiny_backbones: tuple[str, str]
) -> None:
    catalogue = toy_store().catalogue()
    store = toy_store(items=[Item(one, f"{one} of words alone") for one in catalogue.ids])
    with pytest.raises(InputError, match="no item has a picture"):
        unfrozen_backbones(store, shop_of(store, tiny_backbones), replace(HELPS, only="image"))


def test_what_judges_as_new_is_never_looked_at(toy_store: MakeStore, tiny_backbones: tuple[str, str]) -> None:
    lesson = training_of(toy_store(), tiny_backbones, HELPS)
    assert len(lesson.judge.cold) and lesson.judge.people
    assert not np.isin(lesson.judge.cold, lesson.others).any()
    assert not np.isin(lesson.judge.cold, lesson.pairs(0)).any()
    assert np.isin(lesson.judge.cold, lesson.judge.items).all()


def test_nobody_to_judge_by_leaves_the_backbones_frozen(
    toy_store: MakeStore, tiny_backbones: tuple[str, str]
) -> None:
    store = toy_store(events=[])
    config = EmbedConfig(16, 1, image_backbone=tiny_backbones[0], text_backbone=tiny_backbones[1], unfreeze=1)
    meta = train_embedding(store, config).meta
    assert meta["unfrozen"] is None and not list(store.path.glob("backbones/[!.]*"))


@pytest.fixture(scope="module")
def published(toy_store: MakeStore, tiny_backbones: tuple[str, str]) -> Store:
    """Vectors of adapted backbones; whether those are better is another test's question."""
    store = toy_store()
    image, text = tiny_backbones
    config = EmbedConfig(dim=32, epochs=1, seed=4, image_backbone=image, text_backbone=text, unfreeze=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(finetuning, "BETTER", 0.0)
        patch.setattr(training, "UnfreezeConfig", partial(UnfreezeConfig, learning_rate=3e-3, rounds=1))
        train_embedding(store, config)
    return store


def test_vectors_and_queries_come_from_the_adapted_backbones(
    published: Store, tiny_backbones: tuple[str, str]
) -> None:
    meta, catalogue = load_vectors(published.snapshot()).meta, published.catalogue()
    names = meta["backbones"]["image"], meta["backbones"]["text"]
    assert all("+adapted-" in name for name in names)
    assert [EncoderSource.of(published, name).base for name in names] == list(tiny_backbones)
    frozen, adapted = (item_features(published, catalogue, *two) for two in (tiny_backbones, names))
    for before, after in ((frozen.image, adapted.image), (frozen.text, adapted.text)):
        assert (np.abs(before - after).max(axis=1) > 0.01).all()
    queries = QueryEncoder.open(published.snapshot())
    asked = queries.images([catalogue.image(position) or b"" for position in range(12)])
    now, then = (queries.image_features(features.image[:12]) for features in (adapted, frozen))
    assert np.abs(asked - now).max() < 0.2 * np.abs(asked - then).max()


def test_an_update_keeps_the_adapted_backbones(published: Store, tmp_path: Path) -> None:
    catalogue = published.catalogue()
    new = [*catalogue.items(), Item("new", "red lamp number 5")]
    published.publish_catalogue(Catalogue.of(new))
    before = load_vectors(published.snapshot()).meta
    version = update_embedding(published)
    assert version is not None
    assert version.meta["backbones"] == before["backbones"] and version.meta["unfrozen"] == before["unfrozen"]
    assert load_vectors(published.snapshot()).aligned(published.catalogue())[-1].any()


def test_backbones_stay_as_long_as_vectors_need_them(published: Store) -> None:
    needed = load_vectors(published.snapshot()).meta["backbones"]["text"]
    for _ in range(4):
        with published.publishing(
            "backbones", {"inputs": "", "identities": {}}, finetuning.in_use(published)
        ):
            pass
    assert EncoderSource.of(published, needed).weights is not None
    with pytest.raises(StoreError, match="--unfreeze"):
        EncoderSource.of(published, "minilm-l6+adapted-0123456789abcdef")


KILLED = """
import sys, json
from pathlib import Path
sys.path.insert(0, sys.argv[4])
from bowerbird.data.store import Store
from bowerbird.embed.finetune import checkpoints
from embed.test_unfreezing import HELPS, shop_of, unfrozen_backbones
checkpoints.KEEP_SECONDS = 0.0
store = Store.open(sys.argv[1])
unfrozen_backbones(store, shop_of(store, (sys.argv[2], sys.argv[3])), HELPS)
"""


def test_a_killed_run_goes_on_to_the_same_weights(
    toy_store: MakeStore, tiny_backbones: tuple[str, str], helped: tuple[Store, Version]
) -> None:
    store = toy_store()
    shop = shop_of(store, tiny_backbones)
    here = str(Path(__file__).parent.parent)
    # Sums of so many threads as here: other tests of this process may have set them, and bits depend on it.
    threads = {**os.environ, "OMP_NUM_THREADS": str(torch.get_num_threads())}
    run = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(store.path), *tiny_backbones, here], env=threads
    )
    unfinished = Unfinished(store.path / "backbones", helped[1].meta["inputs"])
    while run.poll() is None and ((reached := unfinished.read()) is None or reached.step < 5):
        time.sleep(0.02)
    run.send_signal(signal.SIGKILL)
    assert run.wait() == -signal.SIGKILL, "it was not killed in the middle"
    reached = unfinished.read()
    assert reached is not None and reached.step >= 5

    version = unfrozen_backbones(store, shop, HELPS)
    assert version is not None
    assert version.meta["identities"] == helped[1].meta["identities"]
    assert version.meta["scores"] == helped[1].meta["scores"]
    assert unfinished.read() is None


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--update", "--unfreeze", "1"], "does not change the backbones"),
        (["--unfreeze-only", "text"], "give both"),
    ],
)
def test_options_that_contradict_each_other_are_refused(
    published: Store, options: list[str], said: str
) -> None:
    result = CliRunner().invoke(app, ["embed", str(published.path), *options])
    assert isinstance(result.exception, InputError) and said in str(result.exception)


def test_the_command_says_what_became_of_it(
    toy_store: MakeStore, tiny_backbones: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing = partial(UnfreezeConfig, learning_rate=0.0, rounds=1)  # helps nobody
    monkeypatch.setattr(training, "UnfreezeConfig", nothing)
    image, text = tiny_backbones
    words = ["embed", str(toy_store().path), "--dim", "32", "--epochs", "1", "--unfreeze", "1"]
    words += ["--unfreeze-only", "text", "--image-backbone", image, "--text-backbone", text]
    told = CliRunner().invoke(app, words)
    assert told.exit_code == 0 and f"fine-tuning the top 1 of {text} did not help" in told.stdout
    again = CliRunner().invoke(app, [*words, "--json"])
    assert json.loads(again.stdout)["unfrozen"]["only"] == "text"
