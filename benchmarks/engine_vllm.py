"""Does vLLM write what the reference engine writes?

    make engine-test
    python benchmarks/engine_vllm.py --engine .venv-engine/bin/python

A graft of SmolLM2-135M with a random connector over random item vectors is exported and served in float32 on
loopback. 50 prompts of words and 1 to 10 items are continued by 32 tokens, greedily, by both engines: one by
one, eight at a time, and ten of them with only some tokens allowed at some places. Then malformed prompts go
through our client, which must not send them, and past it, to see what the engine does; last, the engine is
killed in the middle of a reply. Exits with 1 where any text differs, anything malformed is sent, or a failure
is no `EngineError`. Prints a table and ends in one JSON line.
"""

from __future__ import annotations

import argparse
import base64
import json
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from bowerbird.errors import EngineError, InputError
from bowerbird.graft.base import Base
from bowerbird.graft.connector import Connector
from bowerbird.graft.export import export_graft
from bowerbird.graft.model import Graft
from bowerbird.graft.runtime import PromptEmbeddings, Runtime, SamplingParams
from bowerbird.graft.runtimes.completions import CompletionServer, RequestRejected
from bowerbird.graft.runtimes.eager import EagerRuntime
from bowerbird.graft.runtimes.vllm import VllmRuntime, encode_embeddings
from vllm_server import VllmServer

Results = dict[str, Any]
TOKENS, DIM, ITEMS = 32, 64, 500
SENTENCES = (
    *(
        "The shop has these things in stock:",
        "Here is what a person bought last week.",
        "I need a warm lamp.",
    ),
    *("Which of them would suit a small kitchen?", "They all come from the same workshop in the north."),
    *("It should not cost more than 60.", "Somebody asked for something in dark green, made of wool."),
    *(
        "A sofa, a rug and two chairs stand in the room.",
        "Tell me about the first one, in a sentence or two.",
    ),
)


def made_graft() -> Graft:
    torch.manual_seed(0)
    base = Base.load("smollm2-135m")
    vectors = np.random.default_rng(0).normal(size=(ITEMS, DIM)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return Graft(base, Connector(DIM, base.hidden, float(base.embedding_table.norm(dim=1).median())), vectors)


def prompts(graft: Graft) -> list[PromptEmbeddings]:
    """30 unlike prompts; 10 with one long beginning; 10 with its words but other items, which an engine that
    looks at words alone would take for the same beginning."""
    rng = np.random.default_rng(1)

    def mixed(items: int, sentences: int) -> list[str | int]:
        pieces: list[str | int] = [f"{one} " for one in rng.choice(SENTENCES, sentences)]
        for item in rng.integers(0, ITEMS, items).tolist():
            pieces.insert(int(rng.integers(0, len(pieces) + 1)), item)
        return pieces

    def other_items(pieces: Sequence[str | int]) -> list[str | int]:
        return [one if isinstance(one, str) else int(rng.integers(0, ITEMS)) for one in pieces]

    unlike = [mixed(1 + n % 10, 1 + n // 4) for n in range(30)]
    beginning = mixed(6, 24)
    shared = [[*beginning, *mixed(1 + n % 4, 1)] for n in range(10)]
    same_words = [[*other_items(beginning), *mixed(1 + n % 4, 1)] for n in range(10)]
    return [graft.embed_prompt(one) for one in [*unlike, *shared, *same_words]]


def some_only(written: list[int]) -> Sequence[int] | None:
    """An `allowed_tokens` constraint: a few tokens at some positions, a single one at others, else all."""
    return {3: range(300, 900), 4: range(1000, 1010), 9: [30]}.get(len(written) % 11)


@dataclass(frozen=True)
class Arm:
    """Texts of one engine for all prompts, and the seconds that they took."""

    texts: list[list[int]]
    seconds: float

    @classmethod
    def of(
        cls, runtime: Runtime, asked: Sequence[PromptEmbeddings], how: SamplingParams, at_once: int = 1
    ) -> Arm:
        start = time.perf_counter()
        with ThreadPoolExecutor(at_once) as pool:
            texts = list(pool.map(lambda prompt: list(runtime.generate(prompt, how)), asked))
        return cls(texts, time.perf_counter() - start)

    @property
    def distinct(self) -> int:
        """How many different texts: were it few, equal ones would mean little."""
        return len(set(map(tuple, self.texts)))

    def equal(self, other: Arm) -> int:
        return sum(a == b for a, b in zip(self.texts, other.texts, strict=True))


def first_difference(
    eager: EagerRuntime, prompt: PromptEmbeddings, texts: tuple[list[int], list[int]]
) -> str:
    """Where two texts part, and how far apart the reference's logits are there for the two tokens."""
    common = next(
        (n for n, (a, b) in enumerate(zip(*texts, strict=False)) if a != b), len(min(texts, key=len))
    )
    if common == len(min(texts, key=len)):
        return f"at token {common} one text ends"
    ids = np.array(texts[0][:common], np.int64)
    rows = eager.base.embedding_table[torch.from_numpy(ids)].float().numpy()
    longer = PromptEmbeddings(
        np.concatenate([prompt.token_keys, ids]), np.concatenate([prompt.embeddings, rows])
    )
    logits = eager.prefill(longer)[1].float()
    ours, theirs = texts[0][common], texts[1][common]
    gap = float(logits[ours] - logits[theirs])
    return f"at token {common}: {ours} or {theirs}, logits {float(logits[ours]):.4f}, {gap:.2g} apart"


def refused_unsent(server: VllmServer, runtime: VllmRuntime, good: PromptEmbeddings) -> tuple[int, int]:
    """How many malformed prompts the client refuses, of how many; 0 if one of them reached the server."""
    broken = good.embeddings.copy()
    broken[-1, 3] = np.inf
    malformed = [
        replace(good, embeddings=good.embeddings[:, :-1]),
        replace(good, embeddings=good.embeddings[None]),
        replace(good, embeddings=good.embeddings.astype(np.float16)),
        replace(good, embeddings=broken),
        replace(good, embeddings=good.embeddings[:-1]),
        PromptEmbeddings(good.token_keys[:0], good.embeddings[:0]),
        PromptEmbeddings(np.zeros(2048, np.int64), np.zeros((2048, good.embeddings.shape[1]), np.float32)),
    ]
    before, refused = server.completions_asked(), 0
    for prompt in malformed:
        try:
            list(runtime.generate(prompt, SamplingParams(max_tokens=1)))
        except InputError:
            refused += 1
    return (refused if server.completions_asked() == before else 0), len(malformed)


def past_the_client(server: VllmServer, runtime: VllmRuntime, good: PromptEmbeddings) -> dict[str, str]:
    """What the engine itself does with malformed prompts: `refused`, `answered`, or how it fails."""
    broken = good.embeddings.copy()
    broken[-1, 3] = np.nan
    raw = {
        "another width": encode_embeddings(good.embeddings[:, :-1]),
        "one dimension": encode_embeddings(good.embeddings[0]),
        "integers": encode_embeddings(good.token_keys),
        "not finite": encode_embeddings(broken),
        "empty": encode_embeddings(good.embeddings[:0]),
        "too long": encode_embeddings(np.zeros((4096, good.embeddings.shape[1]), np.float32)),
        "no tensor": base64.b64encode(b"no tensor").decode(),
        "no base64": "?",
    }
    told = {}
    for name, embeds in raw.items():
        request = {"model": runtime.model, "prompt_embeds": embeds, "max_tokens": 1, "temperature": 0.0}
        try:
            CompletionServer(server.url).complete(request)
            told[name] = "answered"
        except RequestRejected:
            told[name] = "refused"
        except EngineError as error:
            told[name] = str(error)[:200]
    return told


def killed_in_the_middle(server: VllmServer, runtime: VllmRuntime, good: PromptEmbeddings) -> bool:
    """Is a death of the engine told as an `EngineError`, in the middle of a reply and after it?"""
    tokens = runtime.generate(good, SamplingParams(max_tokens=500, min_tokens=500))
    next(tokens)
    server.kill()
    failures = 0
    for rest in (tokens, runtime.generate(good, SamplingParams())):
        try:
            list(rest)
        except EngineError as error:
            print(f"  {error}")
            failures += 1
    return failures == 2


@dataclass(frozen=True)
class Case:
    """Prompts, how to continue them, and what the reference wrote."""

    prompts: list[PromptEmbeddings]
    how: SamplingParams
    reference: Arm
    at_once: int = 1


def cases(graft: Graft, eager: EagerRuntime) -> dict[str, Case]:
    """What both engines write. The reference goes first, for an idle vLLM still keeps a core busy."""
    asked, greedy = prompts(graft), SamplingParams(max_tokens=TOKENS, min_tokens=TOKENS)
    few, constrained = asked[::5], replace(greedy, allowed_tokens=some_only)
    reference = Arm.of(eager, asked, greedy)
    return {
        "one by one": Case(asked, greedy, reference),
        "eight at a time": Case(asked, greedy, reference, at_once=8),
        "some tokens only": Case(few, constrained, Arm.of(eager, few, constrained)),
    }


def compared(made: dict[str, Case], runtime: VllmRuntime, eager: EagerRuntime, console: Console) -> Results:
    """For each case, how many texts are equal and how long they took."""
    table = Table("greedy, float32", "equal texts", "distinct", "eager, s", "vLLM, s", title="eager and vLLM")
    results: Results = {}
    for name, case in made.items():
        ours, theirs = case.reference, Arm.of(runtime, case.prompts, case.how, case.at_once)
        equal, seconds = ours.equal(theirs), (round(ours.seconds, 1), round(theirs.seconds, 1))
        table.add_row(name, f"{equal}/{len(case.prompts)}", str(ours.distinct), *map(str, seconds))
        results[name] = {"equal": equal, "of": len(case.prompts), "distinct": ours.distinct}
        results[name] |= {"eager_s": seconds[0], "vllm_s": seconds[1]}
        for n, texts in enumerate(zip(ours.texts, theirs.texts, strict=True)):
            if texts[0] != texts[1]:
                console.print(f"{name}, prompt {n}: {first_difference(eager, case.prompts[n], texts)}")
    console.print(table)
    return results


def broken(server: VllmServer, runtime: VllmRuntime, good: Case, console: Console) -> Results:
    """What malformed prompts and a killed engine lead to."""
    refused, malformed = refused_unsent(server, runtime, good.prompts[0])
    console.print(f"malformed prompts refused by the client, none sent: {refused}/{malformed}")
    past = past_the_client(server, runtime, good.prompts[0])
    again = Arm.of(runtime, good.prompts[:3], good.how)
    alive = server.healthy() and again.texts == good.reference.texts[:3]
    console.print(f"past the client: {past}; the engine answers as before: {alive}")
    told = killed_in_the_middle(server, runtime, good.prompts[0])
    console.print(f"its death is told as an error: {told}")
    return {"refused": refused, "malformed": malformed, "past": past, "alive": alive, "death_told": told}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--engine", type=Path, required=True, help="python of an environment with vLLM")
    engine = parser.parse_args().engine.absolute()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the server is stopped too
    console = Console()
    graft = made_graft()
    with tempfile.TemporaryDirectory() as folder:
        export_graft(graft, Path(folder) / "decoder")
        console.print("the reference writes…")
        eager = EagerRuntime(graft.base)
        made = cases(graft, eager)
        console.print("vLLM starts…")
        with VllmServer(engine, Path(folder) / "decoder", Path(folder) / "log") as server:
            runtime = VllmRuntime.connect(server.url, graft.base)
            console.print("vLLM writes…")
            texts = compared(made, runtime, eager, console)
            failures = broken(server, runtime, made["one by one"], console)
    print(json.dumps({"engine_vllm": {"tokens": TOKENS, **texts, **failures}}))
    same = all(one["equal"] == one["of"] for one in texts.values())
    safe = failures["refused"] == failures["malformed"] and failures["alive"] and failures["death_told"]
    return 0 if same and safe else 1


if __name__ == "__main__":
    sys.exit(main())
