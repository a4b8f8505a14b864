"""Unfreezing the backbones' top blocks: what is trained, what is kept, and who uses it. On the toy shop."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
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
from bowerbird.embed import unfreezing
from bowerbird.embed.adapted import EncoderSource
from bowerbird.embed.content_space import Batch
from bowerbird.embed.features import item_features
from bowerbird.embed.neighbours import Strings
from bowerbird.embed.query import QueryEncoder
from bowerbird.embed.sides import words_of
from bowerbird.embed.training import EmbedConfig, train_embedding
from bowerbird.embed.unfinished import Unfinished
from bowerbird.embed.unfreezing import Shop, Training, UnfreezeConfig, names_of, unfrozen_backbones
from bowerbird.embed.updating import update_embedding
from bowerbird.embed.validation import Lots
from bowerbird.embed.vectors import load_vectors
from bowerbird.errors import InputError, StoreError
from bowerbird.models.image import differentiable_image_encoder, load_image_encoder, pixels_of_many

MakeStore = Callable[..., Store]
HELPS = UnfreezeConfig(layers=2, seed=4, dim=32, rounds=4, learning_rate=3e-3)
HARMS = replace(HELPS, learning_rate=10.0, rounds=2)
"""Steps so large that what the backbones knew is gone."""


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
    judge = unfreezing.BackboneJudge(shop.strings, shop.lots, shop.said, usable, config.seed)
    sides = unfreezing.sides_of(store, shop, config, torch.device("cpu"))
    return Training(shop, judge, sides, config, usable)


@pytest.fixture(scope="module")
def helped(toy_store: MakeStore, tiny_backbones: tuple[str, str]) -> tuple[Store, Version]:
    store = toy_store()
    version = unfrozen_backbones(store, shop_of(store, tiny_backbones), HELPS)
    assert version is not None
    return store, version


def test_what_crowds_like_teaches_the_backbones(helped: tuple[Store, Version]) -> None:
    meta = helped[1].meta
    assert meta["better"] and meta["scores"][meta["best_round"]] > 1.05 * meta["scores"][0]
    assert meta["scores"][meta["best_round"]] == max(meta["scores"])
    assert set(meta["identities"]) == {"image", "text"}


def test_below_the_unfrozen_blocks_nothing_changes_and_in_them_everything(
    toy_store: MakeStore, tiny_backbones: tuple[str, str]
) -> None:
    training = training_of(toy_store(), tiny_backbones, replace(HELPS, layers=1))
    before = [{n: p.clone() for n, p in side.network.network.state_dict().items()} for side in training.sides]
    pairs = training.pairs(0)
    for step in range(3):
        training.step(0, step, pairs)
    for side, was in zip(training.sides, before, strict=True):
        now = side.network.network.state_dict()
        changed = {name for name, tensor in was.items() if not torch.equal(tensor, now[name])}
        assert changed == set(side.trained)
        last = "layers.2." if side.side == "image" else "encoder.layer.2."
        assert all(last in name or name.startswith("layernorm") for name in changed)


def test_gradients_part_by_part_are_those_of_the_whole_batch(
    toy_store: MakeStore, tiny_backbones: tuple[str, str]
) -> None:
    training = training_of(toy_store(), tiny_backbones, HELPS)
    training.sides = [replace(side, part=7) for side in training.sides]
    batch = Batch.of(training.pairs(0)[:20], np.arange(6))
    training.teach(batch, np.random.default_rng(1))
    found = {name: p.grad.clone() for name, p in training.trained.items() if p.grad is not None}
    training.optimizer.zero_grad()
    image, text = (side.network.vectors(side.read(batch.items)) for side in training.sides)
    training.space.loss(batch, image, text, training.log_frequency, np.random.default_rng(1)).backward()
    assert set(found) == set(training.trained)
    for name, parameter in training.trained.items():
        assert parameter.grad is not None
        one, other = found[name].flatten(), parameter.grad.flatten()
        assert float(other.norm()) > 0
        # In bfloat16 a part rounds otherwise than the whole.
        assert float((one - other).norm() / other.norm()) < 0.05, name


def test_the_judge_refuses_what_harms(toy_store: MakeStore, tiny_backbones: tuple[str, str]) -> None:
    store = toy_store()
    shop = shop_of(store, tiny_backbones)
    version = unfrozen_backbones(store, shop, HARMS)
    assert version is not None and not version.meta["better"]
    assert max(version.meta["scores"][1:]) < version.meta["scores"][0]
    assert names_of(version, tiny_backbones) == tiny_backbones
    assert not list(version.path.glob("*.safetensors"))
    again = unfrozen_backbones(store, shop, HARMS)
    assert again is not None and again.name == version.name  # not tried twice


def test_what_judges_as_new_is_never_looked_at(toy_store: MakeStore, tiny_backbones: tuple[str, str]) -> None:
    training = training_of(toy_store(), tiny_backbones, HELPS)
    assert len(training.judge.cold) and training.judge.people
    assert not np.isin(training.judge.cold, training.others).any()
    assert not np.isin(training.judge.cold, training.pairs(0)).any()
    assert np.isin(training.judge.cold, training.judge.items).all()


def test_nobody_to_judge_by_leaves_the_backbones_frozen(
    toy_store: MakeStore, tiny_backbones: tuple[str, str]
) -> None:
    store = toy_store(events=[])
    config = EmbedConfig(16, 1, image_backbone=tiny_backbones[0], text_backbone=tiny_backbones[1], unfreeze=1)
    meta = train_embedding(store, config).meta
    assert meta["unfrozen"] is None and store.current("backbones") is None


@pytest.fixture(scope="module")
def published(toy_store: MakeStore, tiny_backbones: tuple[str, str]) -> Store:
    """Vectors of adapted backbones; whether those are better is another test's question."""
    store = toy_store()
    image, text = tiny_backbones
    config = EmbedConfig(dim=32, epochs=1, seed=4, image_backbone=image, text_backbone=text, unfreeze=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(unfreezing, "BETTER", 0.0)
        train_embedding(store, config)
    return store


def test_vectors_and_queries_come_from_the_adapted_backbones(
    published: Store, tiny_backbones: tuple[str, str]
) -> None:
    meta, catalogue = load_vectors(published).meta, published.catalogue()
    names = meta["backbones"]["image"], meta["backbones"]["text"]
    assert all("+adapted-" in name for name in names)
    assert [EncoderSource.of(published, name).base for name in names] == list(tiny_backbones)
    frozen, adapted = (item_features(published, catalogue, *two) for two in (tiny_backbones, names))
    for before, after in ((frozen.image, adapted.image), (frozen.text, adapted.text)):
        assert (np.abs(before - after).max(axis=1) > 1e-4).all()
    queries = QueryEncoder.open(published)
    pictures = [catalogue.image(position) for position in range(8)]
    encoded = queries._sides.shown(adapted.image[:8])
    assert np.allclose(queries._shown(pictures), encoded, atol=0.03)
    assert not np.allclose(queries._sides.shown(frozen.image[:8]), encoded, atol=0.03)


def test_an_update_keeps_the_adapted_backbones(published: Store, tmp_path: Path) -> None:
    catalogue = published.catalogue()
    new = [*catalogue.items(), Item("new", "red lamp number 5")]
    published.publish_catalogue(Catalogue.of(new))
    before = load_vectors(published).meta
    version = update_embedding(published)
    assert version is not None
    assert version.meta["backbones"] == before["backbones"] and version.meta["unfrozen"] == before["unfrozen"]
    assert load_vectors(published).aligned(published.catalogue())[-1].any()


def test_backbones_stay_as_long_as_vectors_need_them(published: Store) -> None:
    needed = load_vectors(published).meta["backbones"]["text"]
    for _ in range(4):
        with published.publishing(
            "backbones", {"inputs": "", "identities": {}}, unfreezing.in_use(published)
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
from bowerbird.embed import unfinished
from test_unfreezing import HELPS, shop_of, unfrozen_backbones
unfinished.KEEP_SECONDS = 0.0
store = Store.open(sys.argv[1])
unfrozen_backbones(store, shop_of(store, (sys.argv[2], sys.argv[3])), HELPS)
"""


def test_a_killed_run_goes_on_to_the_same_weights(
    toy_store: MakeStore, tiny_backbones: tuple[str, str], helped: tuple[Store, Version]
) -> None:
    store = toy_store()
    shop = shop_of(store, tiny_backbones)
    here = str(Path(__file__).parent)
    run = subprocess.Popen([sys.executable, "-c", KILLED, str(store.path), *tiny_backbones, here])
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


def test_the_default_eyes_are_converted_anew(toy_store: MakeStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """The real backbones: what OpenVINO runs is the adapted network, and not the one that it has kept."""
    monkeypatch.setattr(unfreezing, "BETTER", 0.0)
    store = toy_store()
    names = "efficientnet-lite0", "minilm-l6"
    with monkeypatch.context() as patch:
        patch.setattr(unfreezing, "STEPS_AT_LEAST", 2)
        config = UnfreezeConfig(1, seed=4, dim=32, rounds=1, steps=2, learning_rate=0.05)
        version = unfrozen_backbones(store, shop_of(store, names), config)
    source = EncoderSource.of(store, names_of(version, names)[0])
    pixels, _ = pixels_of_many([store.catalogue().image(position) or b"" for position in (0, 12, 24, 36)])
    network, _ = differentiable_image_encoder(source.base)
    frozen = load_image_encoder(source.base).encode(pixels)
    assert source.weights is not None
    network.load(source.weights)
    with torch.no_grad():
        by_torch = network.vectors(pixels).numpy()
    fast = load_image_encoder(source.base, source.weights).encode(pixels)
    assert (fast * by_torch).sum(1).min() > 0.995
    assert (fast * frozen).sum(1).max() < 0.99
    assert np.allclose(load_image_encoder(source.base).encode(pixels), frozen)


@pytest.mark.parametrize(
    ("options", "said"),
    [(["--update", "--unfreeze", "1"], "keeps the backbones"), (["--unfreeze-only", "text"], "give both")],
)
def test_options_that_contradict_each_other_are_refused(
    published: Store, options: list[str], said: str
) -> None:
    result = CliRunner().invoke(app, ["embed", str(published.path), *options])
    assert isinstance(result.exception, InputError) and said in str(result.exception)


def test_the_command_says_what_became_of_it(toy_store: MakeStore, tiny_backbones: tuple[str, str]) -> None:
    image, text = tiny_backbones
    words = ["embed", str(toy_store().path), "--dim", "32", "--epochs", "1", "--unfreeze", "1"]
    words += ["--unfreeze-only", "text", "--image-backbone", image, "--text-backbone", text]
    told = CliRunner().invoke(app, words)
    assert told.exit_code == 0 and f"unfreezing the top 1 of {text} did not help" in told.stdout
    again = CliRunner().invoke(app, [*words, "--json"])
    assert json.loads(again.stdout)["unfrozen"]["only"] == "text"
