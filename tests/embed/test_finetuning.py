"""Fine-tuning the backbones' top blocks: what is trained, published and used. On the toy catalogue."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
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
from bowerbird.data.store import Store
from bowerbird.data.versions.version import Version
from bowerbird.embed import config as embed_config
from bowerbird.embed.config import EmbedConfig, FinetuneConfig
from bowerbird.embed.encode.adapted_backbones import EncoderSource
from bowerbird.embed.encode.features import ItemFeatures, compute_item_features
from bowerbird.embed.encode.modalities import extract_item_words
from bowerbird.embed.finetune import finetuning
from bowerbird.embed.finetune.backbone_validation import BackboneValidator
from bowerbird.embed.finetune.checkpoints import Checkpoint, CheckpointFile
from bowerbird.embed.finetune.content_space import FinetuningBatch
from bowerbird.embed.finetune.finetuning import (
    FinetuningData,
    FinetuningRun,
    finetune_backbones,
    select_backbones,
)
from bowerbird.embed.index.vectors import load_vectors
from bowerbird.embed.meta import BackbonesMeta, VectorsMeta
from bowerbird.embed.search.query import QueryEncoder
from bowerbird.embed.train.neighbours import InteractionSequences
from bowerbird.embed.train.validation import HashSplit
from bowerbird.embed.training import train_embedding
from bowerbird.embed.update.updating import update_embedding
from bowerbird.errors import InputError, StoreError
from waiting import wait_until

from .conftest import COLOURS, toy_events

pytestmark = pytest.mark.slow  # it trains encoders

MakeStore = Callable[..., Store]
HELPFUL = FinetuneConfig(layers=2, seed=4, dim=32, rounds=4, learning_rate=3e-3)
REAL = "efficientnet-lite0", "minilm-l6"


def make_data(store: Store, backbones: tuple[str, str], seed: int = 4) -> FinetuningData:
    catalogue = store.catalogue()
    events = Interactions.of(store.log.read(), catalogue)
    sequences = InteractionSequences.of(Holdout.default(events).training(events), [])
    item_words = [extract_item_words(item) for item in catalogue.items()]
    split = HashSplit.of(events.users, catalogue.ids, seed)
    return FinetuningData(
        catalogue, item_words, compute_item_features(store, catalogue, *backbones), sequences, split
    )


def make_run(store: Store, backbones: tuple[str, str], config: FinetuneConfig) -> FinetuningRun:
    data = make_data(store, backbones)
    usable = np.arange(len(data.catalogue))
    validator = BackboneValidator(data.sequences, data.split, data.item_words, usable, config)
    encoders = finetuning.load_encoders(store, data, config, torch.device("cpu"))
    return FinetuningRun(data, validator, encoders, config, usable)


@pytest.fixture(scope="module")
def improved(toy_store: MakeStore, tiny_backbones: tuple[str, str]) -> tuple[Store, Version]:
    store = toy_store()
    version = finetune_backbones(store, make_data(store, tiny_backbones), HELPFUL)
    assert version is not None
    return store, version


def test_fine_tuning_on_likes_improves_the_backbones(improved: tuple[Store, Version]) -> None:
    meta = improved[1].read_meta(BackbonesMeta)
    assert meta.is_better and meta.scores[meta.best_round] >= HELPFUL.min_gain * meta.scores[0]
    assert meta.scores[meta.best_round] == max(meta.scores)
    assert set(meta.identities) == {"image", "text"}


@pytest.mark.parametrize("use_default", [False, True], ids=["tiny", "default"])
def test_only_and_all_trainable_blocks_change(
    use_default: bool, toy_store: MakeStore, tiny_backbones: tuple[str, str]
) -> None:
    names = REAL if use_default else tiny_backbones
    run = make_run(toy_store(), names, replace(HELPFUL, layers=1))
    before = [
        {n: p.clone() for n, p in encoder.network.network.state_dict().items()} for encoder in run.encoders
    ]
    run.train_step(0, 0, run.sample_pairs(0))
    tops = ("_blocks.15.", "_conv_head", "_bn1."), ("encoder.layer.5.",)
    tops = tops if use_default else (("layers.2.", "layernorm"), ("encoder.layer.2.",))
    for encoder, previous, prefix in zip(run.encoders, before, tops, strict=True):
        current = encoder.network.network.state_dict()
        changed = {name for name, tensor in previous.items() if not torch.equal(tensor, current[name])}
        assert changed == set(encoder.trained)
        assert all(name.removeprefix("network.").startswith(prefix) for name in changed)


def test_gradients_by_chunks_are_those_of_the_whole_batch(
    toy_store: MakeStore, tiny_backbones: tuple[str, str]
) -> None:
    run = make_run(toy_store(), tiny_backbones, HELPFUL)
    run.encoders = [replace(encoder, chunk=7) for encoder in run.encoders]
    batch = FinetuningBatch.of(run.sample_pairs(0)[:20], np.arange(6))
    run.backpropagate(batch, np.random.default_rng(1))
    by_parts = {name: p.grad.clone() for name, p in run.trained.items() if p.grad is not None}
    run.optimizer.zero_grad()
    image, text = (encoder.network.embed(encoder.read(batch.items)) for encoder in run.encoders)
    run.space.loss(batch, image, text, run.log_frequency, np.random.default_rng(1)).backward()
    assert set(by_parts) == set(run.trained)
    whole_batch = {name: p.grad.flatten() for name, p in run.trained.items() if p.grad is not None}
    largest = max(float(gradient.norm()) for gradient in whole_batch.values())
    for name, gradient in whole_batch.items():
        assert float(gradient.norm()) > 0
        # In bfloat16 a chunk is rounded differently from the batch; and the bias of keys, which softmax
        # ignores, has a gradient of rounding errors alone.
        difference = float((by_parts[name].flatten() - gradient).norm())
        assert difference < 0.05 * float(gradient.norm()) + 1e-6 * largest, name


def test_informative_features_score_higher_than_noise(
    toy_store: MakeStore, tiny_backbones: tuple[str, str]
) -> None:
    data = make_data(toy_store(events=toy_events(160)), tiny_backbones)
    validator = BackboneValidator(
        data.sequences,
        data.split,
        [set()] * len(data.item_words),
        np.arange(len(data.item_words)),
        replace(HELPFUL, dim=16),
    )
    rng = np.random.default_rng(0)
    colour = np.array([list(COLOURS).index(item_id.split("-")[0]) for item_id in data.catalogue.ids])[
        validator.items
    ]
    noise = rng.normal(size=(len(colour), 16)).astype(np.float32)
    informative = noise + 20 * np.eye(4, 16, dtype=np.float32)[colour]
    has_image, no_text = np.ones(len(colour), bool), np.zeros((len(colour), 1), np.float32)
    good, bad = (
        validator.quality(ItemFeatures(rows, has_image, no_text, ~has_image, tiny_backbones))
        for rows in (informative, noise)
    )
    assert good.score > 1.2 * bad.score
    assert good.warm is not None and bad.warm is not None and good.warm > bad.warm
    assert good.cold is not None and bad.cold is not None and good.cold > bad.cold
    min_gain = HELPFUL.min_gain
    frozen = Checkpoint.initial({}, good)
    assert frozen.after_round(bad, min_gain).best_round == 0
    assert (
        frozen.after_round(replace(good, cold=1.005 * good.cold), min_gain).best_round == 0
    )  # gain too small
    better = Checkpoint.initial({}, bad).after_round(good, min_gain)
    assert better.best_round == 1 and better.after_round(bad, min_gain).best_round == 1


def test_useless_fine_tuning_is_rejected_and_not_repeated(
    toy_store: MakeStore, tiny_backbones: tuple[str, str]
) -> None:
    store, useless_config = toy_store(), replace(HELPFUL, learning_rate=0.0, rounds=1)
    data = make_data(store, tiny_backbones)
    version = finetune_backbones(store, data, useless_config)
    assert version is not None
    meta = version.read_meta(BackbonesMeta)
    assert not meta.is_better and meta.scores[1] == meta.scores[0]
    assert select_backbones(version, tiny_backbones) == tiny_backbones
    assert not list(version.path.glob("*.safetensors"))
    second_version = finetune_backbones(store, data, useless_config)
    assert second_version is not None and second_version.name == version.name


def test_a_modality_that_no_item_has_is_not_fine_tuned(
    toy_store: MakeStore, tiny_backbones: tuple[str, str]
) -> None:
    catalogue = toy_store().catalogue()
    store = toy_store(items=[Item(item_id, f"{item_id} of words alone") for item_id in catalogue.ids])
    with pytest.raises(InputError, match="no item has a picture"):
        finetune_backbones(store, make_data(store, tiny_backbones), replace(HELPFUL, only="image"))


def test_cold_validation_items_are_never_trained_on(
    toy_store: MakeStore, tiny_backbones: tuple[str, str]
) -> None:
    run = make_run(toy_store(), tiny_backbones, HELPFUL)
    assert len(run.validator.cold) and run.validator.n_users
    assert not np.isin(run.validator.cold, run.content_items).any()
    assert not np.isin(run.validator.cold, run.sample_pairs(0)).any()
    assert np.isin(run.validator.cold, run.validator.items).all()


def test_without_validation_users_the_backbones_stay_frozen(
    toy_store: MakeStore, tiny_backbones: tuple[str, str]
) -> None:
    store = toy_store(events=[])
    config = EmbedConfig(16, 1, image_backbone=tiny_backbones[0], text_backbone=tiny_backbones[1], unfreeze=1)
    meta = train_embedding(store, config).read_meta(VectorsMeta)
    assert meta.finetuning is None and not list(store.path.glob("backbones/[!.]*"))


@pytest.fixture(scope="module")
def published(toy_store: MakeStore, tiny_backbones: tuple[str, str]) -> Store:
    """Vectors of adapted backbones; another test checks whether those are better."""
    store = toy_store()
    image, text = tiny_backbones
    config = EmbedConfig(
        dim=32,
        epochs=1,
        seed=4,
        image_backbone=image,
        text_backbone=text,
        unfreeze=1,
        finetune=FinetuneConfig(learning_rate=3e-3, rounds=1, min_gain=0.0),
    )
    train_embedding(store, config)
    return store


def test_vectors_and_queries_come_from_the_adapted_backbones(
    published: Store, tiny_backbones: tuple[str, str]
) -> None:
    meta, catalogue = load_vectors(published.snapshot()).meta, published.catalogue()
    assert meta.backbones is not None
    names = meta.backbones["image"], meta.backbones["text"]
    assert all("+adapted-" in name for name in names)
    assert [EncoderSource.of(published, name).base for name in names] == list(tiny_backbones)
    frozen, adapted = (
        compute_item_features(published, catalogue, *names) for names in (tiny_backbones, names)
    )
    for before, after in ((frozen.image, adapted.image), (frozen.text, adapted.text)):
        assert (np.abs(before - after).max(axis=1) > 0.01).all()
    queries = QueryEncoder.open(published.snapshot())
    query_vectors = queries.encode_images([catalogue.image(position) or b"" for position in range(12)])
    current, frozen_vectors = (
        queries.encode_image_features(features.image[:12]) for features in (adapted, frozen)
    )
    assert np.abs(query_vectors - current).max() < 0.2 * np.abs(query_vectors - frozen_vectors).max()


def test_an_update_keeps_the_adapted_backbones(published: Store, tmp_path: Path) -> None:
    catalogue = published.catalogue()
    new = [*catalogue.items(), Item("new", "red lamp number 5")]
    published.publish_catalogue(Catalogue.of(new))
    before = load_vectors(published.snapshot()).meta
    version = update_embedding(published)
    assert version is not None
    after = version.read_meta(VectorsMeta)
    assert after.backbones == before.backbones and after.finetuning == before.finetuning
    assert load_vectors(published.snapshot()).aligned(published.catalogue())[-1].any()


def test_backbones_stay_as_long_as_vectors_need_them(published: Store) -> None:
    meta = load_vectors(published.snapshot()).meta
    assert meta.backbones is not None and meta.finetuning is not None
    needed, useless = meta.backbones["text"], replace(meta.finetuning, inputs="", identities={})
    for _ in range(4):
        with published.publishing("backbones", useless, finetuning.versions_in_use(published)):
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
from embed.test_finetuning import HELPFUL, make_data, finetune_backbones
checkpoints.CHECKPOINT_SECONDS = 0.0
store = Store.open(sys.argv[1])
finetune_backbones(store, make_data(store, (sys.argv[2], sys.argv[3])), HELPFUL)
"""


def test_a_killed_run_resumes_to_the_same_weights(
    toy_store: MakeStore, tiny_backbones: tuple[str, str], improved: tuple[Store, Version]
) -> None:
    store = toy_store()
    data = make_data(store, tiny_backbones)
    tests_folder = str(Path(__file__).parent.parent)
    # The same number of threads as here: the bits of sums depend on it, and other tests may have set it.
    environment = {**os.environ, "OMP_NUM_THREADS": str(torch.get_num_threads())}
    run = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(store.path), *tiny_backbones, tests_folder], env=environment
    )
    checkpoint_file = CheckpointFile(store.path / "backbones", improved[1].read_meta(BackbonesMeta).inputs)

    def has_five_steps() -> bool:
        checkpoint = checkpoint_file.read()
        return run.poll() is not None or (checkpoint is not None and checkpoint.step >= 5)

    wait_until(has_five_steps, "a checkpoint after five steps", 300)
    run.send_signal(signal.SIGKILL)
    assert run.wait() == -signal.SIGKILL, "it was not killed in the middle"
    checkpoint = checkpoint_file.read()
    assert checkpoint is not None and checkpoint.step >= 5

    version = finetune_backbones(store, data, HELPFUL)
    assert version is not None
    assert version.meta["identities"] == improved[1].meta["identities"]
    assert version.meta["scores"] == improved[1].meta["scores"]
    assert checkpoint_file.read() is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--update", "--unfreeze", "1"], "does not change the backbones"),
        (["--unfreeze-only", "text"], "give both"),
    ],
)
def test_contradictory_options_are_rejected(published: Store, options: list[str], message: str) -> None:
    result = CliRunner().invoke(app, ["embed", str(published.path), *options])
    assert isinstance(result.exception, InputError) and message in str(result.exception)


def test_the_command_reports_the_result(
    toy_store: MakeStore, tiny_backbones: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    useless = FinetuneConfig(learning_rate=0.0, rounds=1)  # does not help
    monkeypatch.setattr(embed_config, "EmbedConfig", partial(EmbedConfig, finetune=useless))
    image, text = tiny_backbones
    arguments = ["embed", str(toy_store().path), "--dim", "32", "--epochs", "1", "--unfreeze", "1"]
    arguments += ["--unfreeze-only", "text", "--image-backbone", image, "--text-backbone", text]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0 and f"fine-tuning the top 1 of {text} did not help" in result.stdout
    second_version = CliRunner().invoke(app, [*arguments, "--json"])
    assert json.loads(second_version.stdout)["finetuning"]["config"]["only"] == "text"
