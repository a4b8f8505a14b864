"""A Qwen3-VL base with random weights, from its folder to an answer: graft, export, engine, assistant."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, Qwen3VLForConditionalGeneration
from typer.testing import CliRunner

from bowerbird.assist.assistant import Assistant
from bowerbird.assist.parts import Parts
from bowerbird.assist.state import DialogueState
from bowerbird.assist.writers.graft_writer import GraftWriter
from bowerbird.cli.main import app
from bowerbird.data.settings import SETTINGS_FILE
from bowerbird.data.store import Store
from bowerbird.graft.base import Base
from bowerbird.graft.config import GraftConfig
from bowerbird.graft.model import Graft
from bowerbird.graft.runtimes.eager import EagerRuntime
from bowerbird.graft.runtimes.vllm import VllmRuntime
from bowerbird.graft.training.train import train_graft
from factories import lamps_and_rugs, toy_store
from fake_vllm import FakeEngine, fake_vllm
from tiny_models import write_qwen3_vl


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A vision-language checkpoint, as it comes from a hub."""
    return write_qwen3_vl(tmp_path_factory.mktemp("qwen3-vl"))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, checkpoint: Path) -> Store:
    """Lamps and rugs, grafted into it."""
    torch.set_num_threads(1)
    path = tmp_path_factory.mktemp("shop") / "store"
    toy_store(path, lamps_and_rugs(48), users=20)
    version = train_graft(Store.open(path), GraftConfig(base=str(checkpoint), steps=3, batch=4))
    assert version.meta["base"] == str(checkpoint.resolve())
    return Store.open(path)


@pytest.fixture(scope="module")
def exported(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that `bowerbird graft export` writes for an engine."""
    folder = tmp_path_factory.mktemp("export") / "decoder"
    result = CliRunner().invoke(
        app, ["graft", "export", str(store.path), "--to", str(folder)], catch_exceptions=False
    )
    assert result.exit_code == 0
    return folder


def test_the_exported_decoder_is_the_one_of_the_checkpoint(checkpoint: Path, exported: Path) -> None:
    decoder = AutoModelForCausalLM.from_pretrained(exported, dtype=torch.float32).eval()
    assert type(decoder).__name__ == "Qwen3ForCausalLM"
    whole = Qwen3VLForConditionalGeneration.from_pretrained(checkpoint, dtype=torch.float32).eval()
    embeddings = torch.randn(1, 9, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected = whole(inputs_embeds=embeddings).logits
        assert torch.allclose(decoder(inputs_embeds=embeddings).logits, expected, atol=1e-4)


def test_prompts_of_words_and_items_give_the_same_text_by_every_engine(store: Store, exported: Path) -> None:
    eager = Graft.open(store.snapshot(), runtime=EagerRuntime)
    with fake_vllm(FakeEngine(Base.load(str(exported)), context_length=1000)) as url:
        served = Graft.open(store.snapshot(), runtime=lambda base: VllmRuntime.connect(url, base))
        texts = []
        for item in (3, 4, 3, 40):  # the same words, other items
            prompt = ["Product: ", item, "\nDescription:"]
            texts.append("".join(served.generate(prompt, 12)))
            assert texts[-1] == "".join(eager.generate(prompt, 12))
    assert texts[0] == texts[2] and len(set(texts)) == 3


def test_the_assistant_answers_through_the_engine_of_the_settings(store: Store, exported: Path) -> None:
    engine = FakeEngine(Base.load(str(exported)), context_length=1000)
    with fake_vllm(engine) as url:
        settings = (
            f'layout_version = 1\n[language_model]\nwriter = "graft"\nengine = "vllm"\nengine_url = "{url}"\n'
            "timeout_s = 300.0\n"
        )
        (store.path / SETTINGS_FILE).write_text(settings)
        snapshot = Store.open(store.path).snapshot()
        parts = Parts(snapshot, snapshot.catalogue, np.eye(48, 64, dtype=np.float32))
        parts.__dict__["encoder"] = None
        assistant = Assistant(parts)
        reply = assistant.reply(DialogueState(), "a red lamp")
    assert isinstance(assistant.writer, GraftWriter)
    assert len(reply.items) == 4 and all("red lamp" in item.title for item in reply.items)
    prompts = [request for request in engine.requests if request.get("stream") and "prompt_embeds" in request]
    assert len(prompts) >= 3, "an opening and two reasons were asked for"
    assert reply.cost is not None and reply.cost.completion_tokens > 0, "what was generated is counted"
