"""From a Qwen3-VL checkpoint to answers through vLLM: graft, export, engine, `bowerbird serve`.

    make engine-test
    python benchmarks/engine_qwen3_vl.py --engine .venv-engine/bin/python

The checkpoint is the whole vision-language class, tiny, with random weights and a token per byte, which
then learn two sentences about red lamps: what random weights say is no sentence, and would be rejected. A
small shop is grafted into it and exported by the command line; vLLM serves the export in float32 with its
prefix cache. Prompts with the same words and other items, longer than three blocks of that cache, are
continued greedily by both engines, in order, in reverse (from the cache), and eight at a time; then a
chat request goes to `bowerbird serve`, whose settings name the engine. Exits with 1 if a text differs,
different items give the same text, or no words of the answer came from the engine. Ends in one JSON line.
"""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import tempfile
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch
from transformers import Qwen3VLForConditionalGeneration

sys.path.append(str(Path(__file__).parents[1] / "tests"))

from bowerbird.assist.writers.graft_writer import _OPENING, _REASON
from bowerbird.data.items import Catalogue
from bowerbird.data.settings import SETTINGS_FILE
from bowerbird.data.store import Store
from bowerbird.embed.config import EmbedConfig
from bowerbird.embed.training import train_embedding
from bowerbird.graft.base import Base
from bowerbird.graft.model import Graft
from bowerbird.graft.runtime import Runtime, SamplingParams
from bowerbird.graft.runtimes.eager import EagerRuntime
from bowerbird.graft.runtimes.vllm import VllmRuntime
from factories import lamps_and_rugs
from server_process import running_server
from tiny_models import write_qwen3_vl
from vllm_server import VllmServer

TOKENS, PROMPTS, ITEMS = 16, 24, 96
TRAINING_STEPS = 150
REQUEST = "a red lamp"
READY_S = 1200.0
"""Longest wait until a server has opened its models."""
WORDS = "The shop has these items in stock, and a customer asks which of them suits a small kitchen: " * 5


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--engine", type=Path, required=True, help="python of an environment with vLLM")
    engine = parser.parse_args().engine.absolute()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the servers are stopped too
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        store = make_shop(folder)
        export = folder / "export"
        run_bowerbird("graft", "export", str(store.path), "--to", str(export))
        eager = Graft.open(store.snapshot(), runtime=EagerRuntime)
        prompts = [[WORDS, item, " or ", (item * 7 + 3) % ITEMS, "?"] for item in range(PROMPTS)]
        sampling = SamplingParams(max_tokens=TOKENS, min_tokens=TOKENS)
        embedded = [eager.embed_prompt(prompt) for prompt in prompts]
        reference = [list(eager.runtime.generate(prompt, sampling)) for prompt in embedded]
        with VllmServer(engine, export, folder / "log") as server:
            runtime: Runtime = VllmRuntime.connect(server.url, eager.base)

            def generate(row: int) -> list[int]:
                return list(runtime.generate(embedded[row], sampling))

            rows = list(range(PROMPTS))
            equal = {"in order": sum(generate(row) == reference[row] for row in rows)}
            equal["in reverse"] = sum(generate(row) == reference[row] for row in reversed(rows))
            with ThreadPoolExecutor(8) as pool:
                texts = list(pool.map(generate, rows))
            equal["eight at a time"] = sum(map(list.__eq__, texts, reference))
            answer = ask_server(store, server)
    result = {
        "prompts": PROMPTS,
        "prompt_tokens": len(embedded[0]),
        "distinct": len(set(map(tuple, reference))),
        "equal": equal,
        "serve": answer,
    }
    print(json.dumps({"engine_qwen3_vl": result}))
    is_equal = all(count == PROMPTS for count in equal.values()) and result["distinct"] > 1
    has_model_words = answer["writer"] != "template" and answer["completions"] and answer["completion_tokens"]
    return 0 if is_equal and has_model_words and answer["items"] else 1


def make_shop(folder: Path) -> Store:
    """A shop of lamps and rugs, grafted into the checkpoint."""
    store = Store.create(folder / "shop")
    store.publish_catalogue(Catalogue.of(lamps_and_rugs(ITEMS)))
    train_embedding(store, EmbedConfig(epochs=0))
    checkpoint = write_qwen3_vl(folder / "checkpoint", hidden=128, head_dim=64)
    train_sentences(checkpoint)
    run_bowerbird("graft", str(folder / "shop"), "--base", str(checkpoint), "--steps", "5", "--batch", "4")
    return Store.open(folder / "shop")


def train_sentences(checkpoint: Path) -> None:
    """Train the decoder to continue the writer's prompts about a red lamp; items are any vectors."""
    base = Base.load(str(checkpoint))
    model = base.model.requires_grad_(True).train()
    norm = float(base.embedding_table.norm(dim=1).median())
    opening = _OPENING.format(wish=REQUEST, start="Here are some", like=", like [1]")
    before, after = _REASON[0].format(wish=REQUEST), _REASON[1].format(facts="lamp, red")
    examples = [(opening, "", " red lamps.\n"), (before, " " + after, " it is a red lamp.\n")]
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-3)
    for step in range(2 * TRAINING_STEPS):
        text, rest, answer = examples[step % 2]
        ids = base.tokenize(text) + [base.placeholder_id] * bool(rest) + base.tokenize(rest + answer)
        embeddings = model.get_input_embeddings()(torch.tensor([ids]))
        if rest:
            direction = torch.nn.functional.normalize(torch.randn(base.hidden), dim=0)
            embeddings[0, len(base.tokenize(text))] = norm * direction
        n_answer = len(base.tokenize(answer))
        logits = model(inputs_embeds=embeddings).logits[0, -n_answer - 1 : -1]
        loss = torch.nn.functional.cross_entropy(logits, torch.tensor(ids[-n_answer:]))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    print(f"trained on two sentences, loss {loss.item():.4f}")
    whole = Qwen3VLForConditionalGeneration.from_pretrained(checkpoint, dtype=torch.float32)
    whole.model.language_model.load_state_dict(base.trunk.state_dict())
    whole.save_pretrained(checkpoint)


def run_bowerbird(*arguments: str) -> None:
    """Run a command of the command line."""
    subprocess.run([sys.executable, "-m", "bowerbird", *arguments], check=True, stdout=subprocess.DEVNULL)


def ask_server(store: Store, engine: VllmServer) -> dict[str, Any]:
    """Ask `bowerbird serve` for an item once its models are open; who worded the answer, and how."""
    (store.path / SETTINGS_FILE).write_text(
        'layout_version = 1\n[language_model]\nwriter = "graft"\nengine = "vllm"\n'
        f'engine_url = "{engine.url}"\ntimeout_s = 300.0\n'
    )
    body = {"model": "bowerbird", "messages": [{"role": "user", "content": REQUEST}]}
    with running_server(store.path) as server:
        server.wait_until_ready()
        before = engine.count_completions()
        answer = post(f"{server.address}/v1/chat/completions", body)
        completions = engine.count_completions() - before
        reply = answer["bowerbird"]
        if reply["writer"] == "template":
            print(server.log_tail())
    return {
        "items": [item["title"] for item in reply["items"]],
        "completions": completions,
        "writer": reply["writer"],
        "model": reply["cost"]["model"],
        "prompt_tokens": reply["cost"]["prompt_tokens"],
        "completion_tokens": reply["cost"]["completion_tokens"],
        "text": answer["choices"][0]["message"]["content"],
    }


def post(url: str, body: dict[str, Any]) -> dict[str, Any]:
    """Post JSON and read the JSON answer."""
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=600) as response:
        answer: dict[str, Any] = json.load(response)
    return answer


if __name__ == "__main__":
    sys.exit(main())
