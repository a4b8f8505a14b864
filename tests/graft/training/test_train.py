import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from bowerbird.data.interactions import Interactions
from bowerbird.data.items import Catalogue, Item
from bowerbird.data.store import Store
from bowerbird.embed.index.vectors import load_vectors
from bowerbird.errors import BackboneError, InputError, StoreError
from bowerbird.graft.base import Base
from bowerbird.graft.config import GraftConfig
from bowerbird.graft.connector import Connector
from bowerbird.graft.examples.dataset import GraftDataset
from bowerbird.graft.examples.facts import build_caption
from bowerbird.graft.export import export_graft
from bowerbird.graft.model import Graft, load_connector
from bowerbird.graft.training.graft_training import GraftTraining
from bowerbird.graft.training.train import train_graft
from factories import publish_vectors


def test_the_connector_starts_from_the_closed_form() -> None:
    rng = np.random.default_rng(0)
    vectors, words = rng.normal(size=(200, 8)), rng.normal(size=(8, 16))
    connector = Connector(8, 16, token_norm=3.0)
    connector.initialise(vectors, (vectors @ words)[:, None], strength=0.0)
    tokens = connector(torch.from_numpy(vectors).float())[:, 0].detach().numpy()
    expected = vectors @ words
    assert np.allclose(tokens, 3 * expected / np.linalg.norm(expected, axis=1, keepdims=True), atol=1e-3)


def test_the_trained_graft_reads_items(grafted: Store) -> None:
    version = grafted.current("graft")
    assert version is not None
    metrics = version.meta["metrics"]
    assert metrics["describe loss"] < metrics["describe loss, closed form"]


def test_held_out_users_are_not_trained_on(grafted: Store) -> None:
    vectors, catalogue = load_vectors(grafted.snapshot()), grafted.catalogue()
    dataset = GraftDataset.from_snapshot(grafted.snapshot())
    events = Interactions.of(grafted.log.read(), catalogue)
    assert grafted.current("graft").meta["holdout"] == vars(vectors.holdout)  # type: ignore[union-attr]
    n_held_out = sum(vectors.holdout.is_held_out(user) for user in events.users)
    assert n_held_out > 0
    assert len(dataset.training_data.user_likes) == len(events.users) - n_held_out


def test_the_export_reproduces_decoder_and_connector(grafted: Store, tmp_path: Path) -> None:
    graft = Graft.open(grafted.snapshot())
    files = export_graft(graft, tmp_path / "out")
    connector_files = {f"graft/{name}" for name in ("connector.safetensors", "graft.json")}
    assert {"config.json", "README.md", *connector_files} <= set(files)
    # Engines take every weight file next to config.json for the decoder's.
    assert [path.name for path in (tmp_path / "out").glob("*.safetensors")] == ["model.safetensors"]
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "out")
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "out")
    ids = tokenizer("this is red lamp", return_tensors="pt", add_special_tokens=False)["input_ids"]
    assert torch.equal(model(ids).logits, graft.base.model(ids).logits)
    meta = json.loads((tmp_path / "out" / "graft" / "graft.json").read_text())
    connector = load_connector(tmp_path / "out" / "graft", meta["dim"], meta["hidden"], meta["tokens"])
    vectors = torch.from_numpy(graft.matrix)
    assert torch.equal(connector(vectors), graft.connector(vectors))
    with pytest.raises(InputError, match="not empty"):
        export_graft(graft, tmp_path / "out")


def test_other_vectors_are_rejected(grafted: Store, tmp_path: Path) -> None:
    shutil.copytree(grafted.path, tmp_path / "store")
    store = Store.open(tmp_path / "store")
    matrix = load_vectors(store.snapshot())
    publish_vectors(store, matrix.stored)
    with pytest.raises(StoreError, match=f"{matrix.version}.*run `bowerbird graft"):
        Graft.open(store.snapshot())


def test_another_base_under_the_same_name_is_rejected(
    fresh_store: Store, tiny_base: Path, tmp_path: Path
) -> None:
    base = tmp_path / "base"
    shutil.copytree(tiny_base, base)
    train_graft(fresh_store, GraftConfig(base=str(base), minutes=1, steps=1))
    model = AutoModelForCausalLM.from_pretrained(base)
    with torch.no_grad():
        model.get_input_embeddings().weight.mul_(1.01)
    model.save_pretrained(base)
    with pytest.raises(StoreError, match="found now"):
        Graft.open(fresh_store.snapshot())


def test_a_store_without_vectors_or_graft_says_what_to_do(tmp_path: Path, fresh_store: Store) -> None:
    with pytest.raises(StoreError, match="run `bowerbird graft"):
        Graft.open(fresh_store.snapshot())
    with pytest.raises(StoreError, match="bowerbird import"):
        train_graft(Store.create(tmp_path / "empty"), GraftConfig())


def test_vectors_without_a_recorded_holdout_are_rejected(fresh_store: Store, tiny_base: Path) -> None:
    version = fresh_store.current("vectors")
    assert version is not None
    (version.path / "meta.json").write_text("{}")
    with pytest.raises(StoreError, match="bowerbird embed"):
        train_graft(fresh_store, GraftConfig(base=str(tiny_base), steps=1))


def test_a_folder_without_a_model_is_rejected(fresh_store: Store, tmp_path: Path) -> None:
    (tmp_path / "nothing").mkdir()
    with pytest.raises(BackboneError):
        train_graft(fresh_store, GraftConfig(base=str(tmp_path / "nothing")))
    assert fresh_store.current("graft") is None


def test_what_is_trained_on_the_graft_is_resumed_without_another_graft(
    fresh_store: Store, tiny_base: Path
) -> None:
    config = GraftConfig(base=str(tiny_base), steps=1, batch=2)

    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_graft(fresh_store, config, stop)
    version = fresh_store.current("graft")
    assert version is not None
    assert train_graft(fresh_store, config).name == version.name
    assert train_graft(fresh_store, config).name != version.name, "a finished training is a new one"


def test_a_resumed_training_ends_with_the_same_weights(
    fresh_store: Store, tiny_base: Path, tmp_path: Path
) -> None:
    torch.set_num_threads(1)
    base = Base.load(str(tiny_base))
    dataset = GraftDataset.from_snapshot(fresh_store.snapshot())
    config = GraftConfig(base=str(tiny_base), minutes=30, steps=6)

    class Interrupted(GraftTraining):
        def run_steps(self, training, checkpoint):  # type: ignore[no-untyped-def]
            for n_steps, loss in enumerate(super().run_steps(training, checkpoint), 1):
                if n_steps == 3:
                    training.save(checkpoint)
                    raise KeyboardInterrupt
                yield loss

    uninterrupted, _ = GraftTraining(tmp_path / "a", base, dataset, config, "v").align()
    with pytest.raises(KeyboardInterrupt):
        Interrupted(tmp_path / "b", base, dataset, config, "v").align()
    assert (tmp_path / "b" / "alignment.pt").exists()
    training = GraftTraining(tmp_path / "b", base, dataset, config, "v")
    resumed, _ = training.align()
    for expected, actual in zip(uninterrupted.parameters(), resumed.parameters(), strict=True):
        assert torch.allclose(expected, actual, atol=1e-4)
    GraftTraining(tmp_path / "b", base, dataset, config, "other vectors")
    assert not (tmp_path / "b" / "alignment.pt").exists(), "other vectors start a new training"


def test_a_caption_adds_what_the_title_lacks() -> None:
    item = Item(
        "a", title="Red lamp", category=("home", "Lamp"), attributes={"colour": "red", "size": "small"}
    )
    assert build_caption(Catalogue.of([item]), 0) == "Red lamp. size: small"
