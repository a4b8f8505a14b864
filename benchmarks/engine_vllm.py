"""Does vLLM generate the same text as the reference engine?

    make engine-test
    python benchmarks/engine_vllm.py --engine .venv-engine/bin/python

A graft of SmolLM2-135M with a random connector over random item vectors is exported and served in float32 on
loopback. 50 prompts of words and 1 to 10 items are continued by 32 tokens, greedily, by both engines: one by
one, eight concurrently, and ten of them with restricted tokens at some positions. Then malformed prompts go
through the client, which must not send them, and directly to the engine, to see how it reacts; last, the
engine is killed in the middle of a reply. Exits with 1 if any text differs, a malformed prompt is sent, or a
failure is not an `EngineError`. Prints a table and ends in one JSON line.
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
from bowerbird.graft.runtimes.completions import CompletionServer, RequestRejected, encode_embeddings
from bowerbird.graft.runtimes.eager import EagerRuntime
from bowerbird.graft.runtimes.vllm import VllmRuntime
from vllm_server import VllmServer

Results = dict[str, Any]
TOKENS, DIM, ITEMS = 32, 64, 500
SENTENCES = (
    *(
        "The shop has these items in stock:",
        "Here is what a customer bought last week.",
        "I need a warm lamp.",
    ),
    *("Which of them would suit a small kitchen?", "They all come from the same workshop in the north."),
    *("It should not cost more than 60.", "Somebody asked for something in dark green, made of wool."),
    *(
        "A sofa, a rug and two chairs stand in the room.",
        "Tell me about the first one, in a sentence or two.",
    ),
)


def make_graft() -> Graft:
    torch.manual_seed(0)
    base = Base.load("smollm2-135m")
    vectors = np.random.default_rng(0).normal(size=(ITEMS, DIM)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return Graft(base, Connector(DIM, base.hidden, float(base.embedding_table.norm(dim=1).median())), vectors)


def prompts(graft: Graft) -> list[PromptEmbeddings]:
    """Build 30 distinct prompts; 10 with one long prefix; 10 with its words but other items, which an engine
    that compares only words would take for the same prefix."""
    rng = np.random.default_rng(1)

    def mix(items: int, sentences: int) -> list[str | int]:
        segments: list[str | int] = [f"{sentence} " for sentence in rng.choice(SENTENCES, sentences)]
        for item in rng.integers(0, ITEMS, items).tolist():
            segments.insert(int(rng.integers(0, len(segments) + 1)), item)
        return segments

    def with_other_items(segments: Sequence[str | int]) -> list[str | int]:
        return [
            sentence if isinstance(sentence, str) else int(rng.integers(0, ITEMS)) for sentence in segments
        ]

    distinct = [mix(1 + n % 10, 1 + n // 4) for n in range(30)]
    beginning = mix(6, 24)
    same_prefix = [[*beginning, *mix(1 + n % 4, 1)] for n in range(10)]
    same_words = [[*with_other_items(beginning), *mix(1 + n % 4, 1)] for n in range(10)]
    return [graft.embed_prompt(sentence) for sentence in [*distinct, *same_prefix, *same_words]]


def restrict_tokens(generated: list[int]) -> Sequence[int] | None:
    """Restrict tokens as `allowed_tokens` may: a few at some positions, a single one at others, else
    all."""
    return {3: range(300, 900), 4: range(1000, 1010), 9: [30]}.get(len(generated) % 11)


@dataclass(frozen=True)
class EngineOutput:
    """Texts of one engine for all prompts, and the seconds that it took."""

    texts: list[list[int]]
    seconds: float

    @classmethod
    def generate(
        cls,
        runtime: Runtime,
        prompts_: Sequence[PromptEmbeddings],
        sampling: SamplingParams,
        concurrency: int = 1,
    ) -> EngineOutput:
        start = time.perf_counter()
        with ThreadPoolExecutor(concurrency) as pool:
            texts = list(pool.map(lambda prompt: list(runtime.generate(prompt, sampling)), prompts_))
        return cls(texts, time.perf_counter() - start)

    @property
    def distinct(self) -> int:
        """Number of different texts: with few, equality would mean little."""
        return len(set(map(tuple, self.texts)))

    def count_equal(self, other_output: EngineOutput) -> int:
        return sum(
            own_text == other_text
            for own_text, other_text in zip(self.texts, other_output.texts, strict=True)
        )


def first_difference(
    eager: EagerRuntime, prompt: PromptEmbeddings, texts: tuple[list[int], list[int]]
) -> str:
    """Describe where two texts diverge, and the gap of the reference's logits there for the two tokens."""
    common = next(
        (n for n, (a, b) in enumerate(zip(*texts, strict=False)) if a != b), len(min(texts, key=len))
    )
    if common == len(min(texts, key=len)):
        return f"at token {common} one text ends"
    ids = np.array(texts[0][:common], np.int64)
    rows = eager.base.embedding_table[torch.from_numpy(ids)].float().numpy()
    longer_prompt = PromptEmbeddings(
        np.concatenate([prompt.token_keys, ids]), np.concatenate([prompt.embeddings, rows])
    )
    logits = eager.prefill(longer_prompt)[1].float()
    reference_token, engine_token = texts[0][common], texts[1][common]
    gap = float(logits[reference_token] - logits[engine_token])
    logit = float(logits[reference_token])
    return f"at token {common}: {reference_token} or {engine_token}, logits {logit:.4f}, {gap:.2g} apart"


def count_rejected(server: VllmServer, runtime: VllmRuntime, good: PromptEmbeddings) -> tuple[int, int]:
    """Count malformed prompts that the client rejects, and all of them; 0 if any reached the server."""
    check_failures = good.embeddings.copy()
    check_failures[-1, 3] = np.inf
    malformed = [
        replace(good, embeddings=good.embeddings[:, :-1]),
        replace(good, embeddings=good.embeddings[None]),
        replace(good, embeddings=good.embeddings.astype(np.float16)),
        replace(good, embeddings=check_failures),
        replace(good, embeddings=good.embeddings[:-1]),
        PromptEmbeddings(good.token_keys[:0], good.embeddings[:0]),
        PromptEmbeddings(np.zeros(2048, np.int64), np.zeros((2048, good.embeddings.shape[1]), np.float32)),
    ]
    count_before, n_rejected = server.count_completions(), 0
    for prompt in malformed:
        try:
            list(runtime.generate(prompt, SamplingParams(max_tokens=1)))
        except InputError:
            n_rejected += 1
    return (n_rejected if server.count_completions() == count_before else 0), len(malformed)


def send_malformed(server: VllmServer, runtime: VllmRuntime, good: PromptEmbeddings) -> dict[str, str]:
    """Send malformed prompts directly to the engine: `rejected`, `answered`, or its error."""
    check_failures = good.embeddings.copy()
    check_failures[-1, 3] = np.nan
    raw = {
        "another width": encode_embeddings(good.embeddings[:, :-1]),
        "one dimension": encode_embeddings(good.embeddings[0]),
        "integers": encode_embeddings(good.token_keys),
        "not finite": encode_embeddings(check_failures),
        "empty": encode_embeddings(good.embeddings[:0]),
        "too long": encode_embeddings(np.zeros((4096, good.embeddings.shape[1]), np.float32)),
        "no tensor": base64.b64encode(b"no tensor").decode(),
        "no base64": "?",
    }
    results = {}
    for name, embeds in raw.items():
        request = {"model": runtime.model, "prompt_embeds": embeds, "max_tokens": 1, "temperature": 0.0}
        try:
            CompletionServer(server.url).complete(request)
            results[name] = "answered"
        except RequestRejected:
            results[name] = "rejected"
        except EngineError as error:
            results[name] = str(error)[:200]
    return results


def check_death_is_reported(server: VllmServer, runtime: VllmRuntime, good: PromptEmbeddings) -> bool:
    """Check that a killed engine is reported as an `EngineError`, in the middle of a reply and after it."""
    tokens = runtime.generate(good, SamplingParams(max_tokens=500, min_tokens=500))
    next(tokens)
    server.kill()
    failures = 0
    for remaining_tokens in (tokens, runtime.generate(good, SamplingParams())):
        try:
            list(remaining_tokens)
        except EngineError as error:
            print(f"  {error}")
            failures += 1
    return failures == 2


@dataclass(frozen=True)
class Case:
    """Prompts, sampling parameters, and the reference's output."""

    prompts: list[PromptEmbeddings]
    sampling: SamplingParams
    reference: EngineOutput
    concurrency: int = 1


def make_cases(graft: Graft, eager: EagerRuntime) -> dict[str, Case]:
    """Run the reference on all cases, before vLLM starts: an idle vLLM still keeps a core busy."""
    all_prompts, greedy = prompts(graft), SamplingParams(max_tokens=TOKENS, min_tokens=TOKENS)
    some_prompts, constrained = all_prompts[::5], replace(greedy, allowed_tokens=restrict_tokens)
    reference = EngineOutput.generate(eager, all_prompts, greedy)
    return {
        "one by one": Case(all_prompts, greedy, reference),
        "eight at a time": Case(all_prompts, greedy, reference, concurrency=8),
        "some tokens only": Case(
            some_prompts, constrained, EngineOutput.generate(eager, some_prompts, constrained)
        ),
    }


def compare_engines(
    cases: dict[str, Case], runtime: VllmRuntime, eager: EagerRuntime, console: Console
) -> Results:
    """Compare the engines on each case: number of equal texts, and seconds."""
    table = Table("greedy, float32", "equal texts", "distinct", "eager, s", "vLLM, s", title="eager and vLLM")
    results: Results = {}
    for name, case in cases.items():
        reference_output, engine_output = (
            case.reference,
            EngineOutput.generate(runtime, case.prompts, case.sampling, case.concurrency),
        )
        n_equal, seconds = (
            reference_output.count_equal(engine_output),
            (round(reference_output.seconds, 1), round(engine_output.seconds, 1)),
        )
        table.add_row(
            name, f"{n_equal}/{len(case.prompts)}", str(reference_output.distinct), *map(str, seconds)
        )
        results[name] = {"equal": n_equal, "of": len(case.prompts), "distinct": reference_output.distinct}
        results[name] |= {"eager_s": seconds[0], "vllm_s": seconds[1]}
        for n, texts in enumerate(zip(reference_output.texts, engine_output.texts, strict=True)):
            if texts[0] != texts[1]:
                console.print(f"{name}, prompt {n}: {first_difference(eager, case.prompts[n], texts)}")
    console.print(table)
    return results


def check_failures(server: VllmServer, runtime: VllmRuntime, good: Case, console: Console) -> Results:
    """Check the handling of malformed prompts and of a killed engine."""
    n_rejected, n_malformed = count_rejected(server, runtime, good.prompts[0])
    console.print(f"malformed prompts rejected by the client, none sent: {n_rejected}/{n_malformed}")
    results_without_client = send_malformed(server, runtime, good.prompts[0])
    repeated = EngineOutput.generate(runtime, good.prompts[:3], good.sampling)
    is_alive = server.healthy() and repeated.texts == good.reference.texts[:3]
    console.print(f"without the client: {results_without_client}; the engine answers as before: {is_alive}")
    is_death_reported = check_death_is_reported(server, runtime, good.prompts[0])
    console.print(f"its death is reported as an error: {is_death_reported}")
    return {
        "rejected": n_rejected,
        "malformed": n_malformed,
        "without_client": results_without_client,
        "alive": is_alive,
        "death_reported": is_death_reported,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--engine", type=Path, required=True, help="python of an environment with vLLM")
    engine = parser.parse_args().engine.absolute()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the server is stopped too
    console = Console()
    graft = make_graft()
    with tempfile.TemporaryDirectory() as folder:
        export_graft(graft, Path(folder) / "decoder")
        console.print("the reference generates…")
        eager = EagerRuntime(graft.base)
        cases = make_cases(graft, eager)
        console.print("vLLM starts…")
        with VllmServer(engine, Path(folder) / "decoder", Path(folder) / "log") as server:
            runtime = VllmRuntime.connect(server.url, graft.base)
            console.print("vLLM generates…")
            texts = compare_engines(cases, runtime, eager, console)
            failures = check_failures(server, runtime, cases["one by one"], console)
    print(json.dumps({"engine_vllm": {"tokens": TOKENS, **texts, **failures}}))
    all_equal = all(case_result["equal"] == case_result["of"] for case_result in texts.values())
    all_safe = (
        failures["rejected"] == failures["malformed"] and failures["alive"] and failures["death_reported"]
    )
    return 0 if all_equal and all_safe else 1


if __name__ == "__main__":
    sys.exit(main())
