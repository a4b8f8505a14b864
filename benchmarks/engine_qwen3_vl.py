"""From a Qwen3-VL checkpoint to answers through vLLM: graft, export, engine, `bowerbird serve`.

    make engine-test
    python benchmarks/engine_qwen3_vl.py --engine .venv-engine/bin/python

The checkpoint is the whole vision-language class, tiny, with random weights and a token per byte. A small
shop is grafted into it and exported by the command line; vLLM serves the export in float32 with its
prefix cache. Prompts with the same words and other items, longer than three blocks of that cache, are
continued greedily by both engines, in order, in reverse (from the cache), and eight at a time; then a
chat request goes to `bowerbird serve`, whose settings name the engine. Exits with 1 if a text differs,
different items give the same text, or the answer did not come through the engine. Ends in one JSON line.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parents[1] / "tests"))

from bowerbird.data.items import Catalogue
from bowerbird.data.settings import SETTINGS_FILE
from bowerbird.data.store import Store
from bowerbird.embed.config import EmbedConfig
from bowerbird.embed.training import train_embedding
from bowerbird.graft.model import Graft
from bowerbird.graft.runtime import Runtime, SamplingParams
from bowerbird.graft.runtimes.eager import EagerRuntime
from bowerbird.graft.runtimes.vllm import VllmRuntime
from factories import lamps_and_rugs
from tiny_models import write_qwen3_vl
from vllm_server import VllmServer

TOKENS, PROMPTS, ITEMS = 16, 24, 96
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
    return 0 if is_equal and answer["items"] and answer["completions"] else 1


def make_shop(folder: Path) -> Store:
    """A shop of lamps and rugs, grafted into the checkpoint."""
    store = Store.create(folder / "shop")
    store.publish_catalogue(Catalogue.of(lamps_and_rugs(ITEMS)))
    train_embedding(store, EmbedConfig(epochs=0))
    checkpoint = write_qwen3_vl(folder / "checkpoint", hidden=128, head_dim=64)
    run_bowerbird("graft", str(folder / "shop"), "--base", str(checkpoint), "--steps", "5", "--batch", "4")
    return Store.open(folder / "shop")


def run_bowerbird(*arguments: str) -> None:
    """Run a command of the command line."""
    subprocess.run([sys.executable, "-m", "bowerbird", *arguments], check=True, stdout=subprocess.DEVNULL)


def ask_server(store: Store, engine: VllmServer) -> dict[str, Any]:
    """Ask `bowerbird serve` for an item; who wrote the answer, and the completions that the engine got."""
    (store.path / SETTINGS_FILE).write_text(
        'layout_version = 1\n[language_model]\nwriter = "graft"\nengine = "vllm"\n'
        f'engine_url = "{engine.url}"\n'
    )
    body = {"model": "bowerbird", "messages": [{"role": "user", "content": "a red lamp"}]}
    with bowerbird_server(store.path) as url:
        before = engine.count_completions()
        # Until the parts are open, in a thread of low priority, templates answer.
        for _ in range(150):
            answer = post(f"{url}/v1/chat/completions", body)
            if engine.count_completions() > before + 5:  # more than the checks of the connection
                break
            time.sleep(4)
        completions = engine.count_completions() - before
    items = [item["title"] for item in answer["bowerbird"]["items"]]
    return {"items": items, "completions": completions, "text": answer["choices"][0]["message"]["content"]}


@contextmanager
def bowerbird_server(store: Path) -> Iterator[str]:
    """Run `bowerbird serve` on a free port while the block runs."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "bowerbird", "serve", str(store), "--port", str(port)]
    process = subprocess.Popen(command, env=dict(os.environ), stdout=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(300):
            try:
                with urllib.request.urlopen(f"{url}/healthz", timeout=5):
                    break
            except OSError:
                time.sleep(0.5)
        yield url
    finally:
        process.terminate()
        process.wait(30)


def post(url: str, body: dict[str, Any]) -> dict[str, Any]:
    """Post JSON and read the JSON answer."""
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=120) as response:
        answer: dict[str, Any] = json.load(response)
    return answer


if __name__ == "__main__":
    sys.exit(main())
