"""How fast does the graft's language model write, embedded in this process?

    OMP_WAIT_POLICY=PASSIVE python benchmarks/bench_runtime.py [--prompts 8]

SmolLM2-135M, one reply at a time: a prompt of 150 embeddings, half of them no token's vector, then 64 greedy
tokens. Arms:

- `generate`: `transformers.generate`, float32, eager attention: the reference;
- `torch`: our `EagerRuntime`, the same model;
- `float32`, `bfloat16`, `int8`: our `OpenVinoRuntime`.

All arms alternate in every round, each round with another prompt; ratios are medians of the rounds' own
ratios to the reference (above 1: faster), since a shared machine is another machine a minute later; in
brackets the quartiles. Agreement with the reference: replies with all 64 tokens equal (`equal`), and single
tokens equal where the reference's tokens before it are given (`taught`).
Prints a table and ends in one JSON line.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from bowerbird.graft.base import Base
from bowerbird.graft.runtime import PromptEmbeddings, Runtime, SamplingParams
from bowerbird.graft.runtimes.eager import EagerRuntime
from bowerbird.graft.runtimes.openvino import OpenVinoRuntime
from bowerbird.graft.runtimes.openvino_conversion import Precision

LENGTH, REPLY = 150, 64
REFERENCE = "generate"
ARMS = (REFERENCE, "torch", *Precision)


@dataclass(frozen=True)
class Timing:
    first: float
    """Seconds to the first token."""
    rate: float
    """Tokens a second after it."""


class Generate:
    """`transformers.generate` as a runtime: what everybody would write first."""

    def __init__(self, base: Base) -> None:
        self.base = base

    def generate(self, prompt: PromptEmbeddings, sampling: SamplingParams) -> Iterator[int]:
        """Greedy tokens; each is handed on as `generate` finds it."""
        found: list[tuple[float, int]] = []

        class Listener:
            def put(self, value: torch.Tensor) -> None:
                if value.numel() == 1:
                    found.append((time.perf_counter(), int(value)))

            def end(self) -> None:
                pass

        self.base.model.set_attn_implementation("eager")
        embedded = torch.from_numpy(prompt.embeddings)[None]
        with torch.no_grad():
            self.base.model.generate(
                inputs_embeds=embedded,
                attention_mask=torch.ones(embedded.shape[:2], dtype=torch.long),
                do_sample=False,
                min_new_tokens=sampling.max_tokens,
                max_new_tokens=sampling.max_tokens,
                suppress_tokens=sorted(self.base.forbidden_ids),
                streamer=Listener(),
                use_cache=True,
            )
        self.base.model.set_attn_implementation("sdpa")
        self.times = [moment for moment, _ in found]
        return iter([token for _, token in found])

    def close(self) -> None:
        """Nothing is held."""


def made(base: Base, seed: int) -> PromptEmbeddings:
    """Random words, each second one replaced by a vector of words' length in a random direction."""
    rng = np.random.default_rng(seed)
    places = rng.integers(1000, len(base.embedding_table), LENGTH)
    embedded = base.embed_tokens(places).numpy().copy()
    random = rng.normal(size=embedded[1::2].shape).astype(np.float32)
    length = float(base.embedding_table.norm(dim=1).median())
    embedded[1::2] = random / np.linalg.norm(random, axis=1, keepdims=True) * length
    places[1::2] = -1 - seed * LENGTH - np.arange(len(places[1::2]))
    return PromptEmbeddings(places, embedded)


def opened(arm: str, base: Base) -> Runtime:
    if arm == REFERENCE:
        return Generate(base)
    return EagerRuntime(base) if arm == "torch" else OpenVinoRuntime(base, Precision(arm))


def timed(runtime: Runtime, prompt: PromptEmbeddings) -> tuple[Timing, list[int]]:
    start = time.perf_counter()
    tokens, moments = [], []
    for token in runtime.generate(prompt, SamplingParams(max_tokens=REPLY, min_tokens=REPLY)):
        tokens.append(token)
        moments.append(time.perf_counter())
    if isinstance(runtime, Generate):
        moments = runtime.times
    return Timing(moments[0] - start, (REPLY - 1) / (moments[-1] - moments[0])), tokens


def followed(runtime: Runtime, base: Base, prompt: PromptEmbeddings, reply: list[int]) -> float:
    """Share of every fourth of a reply's tokens that an arm writes too, given all tokens before it."""
    same = []
    for n in range(0, REPLY, 4):
        before = np.array(reply[:n], np.int64)
        longer = PromptEmbeddings(
            np.concatenate([prompt.token_keys, before]),
            np.concatenate([prompt.embeddings, base.embed_tokens(before).numpy()]),
        )
        same.append(list(runtime.generate(longer, SamplingParams(max_tokens=1, min_tokens=1))) == [reply[n]])
    return float(np.mean(same))


def measured(base: Base, prompts: int) -> dict[str, dict[str, float]]:
    runtimes = {arm: opened(arm, base) for arm in ARMS}
    for runtime in runtimes.values():
        timed(runtime, made(base, 1000))
    times: dict[str, list[Timing]] = {arm: [] for arm in ARMS}
    equal: dict[str, list[float]] = {arm: [] for arm in ARMS}
    taught: dict[str, list[float]] = {arm: [] for arm in ARMS}
    for seed in range(prompts):
        prompt = made(base, seed)
        wanted: list[int] = []
        for arm, runtime in runtimes.items():
            timing, tokens = timed(runtime, prompt)
            wanted = wanted or tokens
            times[arm].append(timing)
            equal[arm].append(tokens == wanted)
            same = f"{sum(a == b for a, b in zip(tokens, wanted, strict=True))}/{REPLY} equal"
            print(f"{seed} {arm}: {timing.first:.2f} s, {timing.rate:.1f} tokens/s, {same}", file=sys.stderr)
        for arm, runtime in runtimes.items():
            if arm != REFERENCE:
                taught[arm].append(followed(runtime, base, prompt, wanted))
    return {
        arm: summary(times[arm], times[REFERENCE])
        | {"equal": sum(equal[arm]), "taught": float(np.mean(taught[arm])) if taught[arm] else 1.0}
        for arm in ARMS
    }


def summary(own: list[Timing], reference: list[Timing]) -> dict[str, float]:
    """Medians, quartiles, and medians of paired ratios (above 1: faster than the reference)."""
    first, rate = (np.array([getattr(one, name) for one in own]) for name in ("first", "rate"))
    first_ratio = np.array([one.first for one in reference]) / first
    rate_ratio = rate / np.array([one.rate for one in reference])
    said = {"first": first, "rate": rate, "first_ratio": first_ratio, "rate_ratio": rate_ratio}
    return {
        f"{name}{suffix}": round(float(np.percentile(values, percent)), 3)
        for name, values in said.items()
        for suffix, percent in (("", 50), ("_q1", 25), ("_q3", 75))
    }


def memory(arm: str) -> float:
    """Peak memory in MiB of a process that opens one arm and writes one reply."""
    done = subprocess.run(
        [sys.executable, __file__, "--memory", arm], capture_output=True, text=True, check=True
    )
    return float(done.stdout.split()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description="How fast does the graft's language model write?")
    parser.add_argument("--prompts", type=int, default=8, help="rounds, each with another prompt")
    parser.add_argument("--memory", choices=ARMS, help="only this arm's peak memory")
    asked = parser.parse_args()
    if asked.memory:
        base = Base.load("smollm2-135m")
        timed(opened(asked.memory, base), made(base, 0))
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10)
        return
    # First, while this process is small: a new process's peak begins at its parent's size.
    peaks = {arm: round(memory(arm)) for arm in ARMS}
    arms = measured(Base.load("smollm2-135m"), asked.prompts)
    for arm in arms:
        arms[arm]["memory"] = peaks[arm]
    show(arms, asked.prompts)
    print(json.dumps({"bench": "runtime", "prompts": asked.prompts, "arms": arms}))


def show(arms: dict[str, dict[str, float]], prompts: int) -> None:
    table = Table("arm", "first token, s", "ratio", "tokens/s", "ratio", "equal", "taught", "MiB")
    for arm, one in arms.items():
        cells = [
            f"{one[n]:.2f} [{one[n + '_q1']:.2f}, {one[n + '_q3']:.2f}]"
            for n in ("first", "first_ratio", "rate", "rate_ratio")
        ]
        table.add_row(
            arm, *cells, f"{one['equal']}/{prompts}", f"{one['taught']:.3f}", f"{one['memory']:.0f}"
        )
    Console(width=150).print(table)


if __name__ == "__main__":
    main()
