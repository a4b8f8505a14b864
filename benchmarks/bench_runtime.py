"""How fast does the graft's language model generate, embedded in this process?

    OMP_WAIT_POLICY=PASSIVE python benchmarks/bench_runtime.py [--prompts 8]

SmolLM2-135M, one reply at a time: a prompt of 150 embeddings, half of them not a token's vector, then 64
greedy tokens. Arms:

- `generate`: `transformers.generate`, float32, eager attention: the reference;
- `torch`: `EagerRuntime`, the same model;
- `float32`, `bfloat16`, `int8`: `OpenVinoRuntime`.

All arms alternate in every round, each round with another prompt; ratios are medians of the rounds' own
ratios to the reference (above 1: faster), since the load of a shared machine changes; in brackets the
quartiles. Agreement with the reference: replies with all 64 tokens equal (`equal`), and single tokens equal
given the reference's tokens before it (`teacher-forced`). Prints a table and ends in one JSON line.
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
    """`transformers.generate` as a runtime: the straightforward implementation."""

    def __init__(self, base: Base) -> None:
        self.base = base

    def generate(self, prompt: PromptEmbeddings, sampling: SamplingParams) -> Iterator[int]:
        """Generate greedy tokens with their times."""
        timed_tokens: list[tuple[float, int]] = []

        class Listener:
            def put(self, value: torch.Tensor) -> None:
                if value.numel() == 1:
                    timed_tokens.append((time.perf_counter(), int(value)))

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
        self.times = [moment for moment, _ in timed_tokens]
        return iter([token for _, token in timed_tokens])

    def close(self) -> None:
        """Nothing to release."""


def random_prompt(base: Base, seed: int) -> PromptEmbeddings:
    """Draw random tokens, each second one replaced by a vector of tokens' length in a random direction."""
    rng = np.random.default_rng(seed)
    token_ids = rng.integers(1000, len(base.embedding_table), LENGTH)
    embedded = base.embed_tokens(token_ids).numpy().copy()
    random = rng.normal(size=embedded[1::2].shape).astype(np.float32)
    length = float(base.embedding_table.norm(dim=1).median())
    embedded[1::2] = random / np.linalg.norm(random, axis=1, keepdims=True) * length
    token_ids[1::2] = -1 - seed * LENGTH - np.arange(len(token_ids[1::2]))
    return PromptEmbeddings(token_ids, embedded)


def open_runtime(arm: str, base: Base) -> Runtime:
    if arm == REFERENCE:
        return Generate(base)
    return EagerRuntime(base) if arm == "torch" else OpenVinoRuntime(base, Precision(arm))


def time_reply(runtime: Runtime, prompt: PromptEmbeddings) -> tuple[Timing, list[int]]:
    start = time.perf_counter()
    tokens, moments = [], []
    for token in runtime.generate(prompt, SamplingParams(max_tokens=REPLY, min_tokens=REPLY)):
        tokens.append(token)
        moments.append(time.perf_counter())
    if isinstance(runtime, Generate):
        moments = runtime.times
    return Timing(moments[0] - start, (REPLY - 1) / (moments[-1] - moments[0])), tokens


def agreement(runtime: Runtime, base: Base, prompt: PromptEmbeddings, reply: list[int]) -> float:
    """Measure the share of every fourth token of a reply that an arm generates too, given the tokens before
    it."""
    is_same = []
    for n in range(0, REPLY, 4):
        reply_before = np.array(reply[:n], np.int64)
        longer_prompt = PromptEmbeddings(
            np.concatenate([prompt.token_keys, reply_before]),
            np.concatenate([prompt.embeddings, base.embed_tokens(reply_before).numpy()]),
        )
        is_same.append(
            list(runtime.generate(longer_prompt, SamplingParams(max_tokens=1, min_tokens=1))) == [reply[n]]
        )
    return float(np.mean(is_same))


def measure(base: Base, prompts: int) -> dict[str, dict[str, float]]:
    runtimes = {arm: open_runtime(arm, base) for arm in ARMS}
    for runtime in runtimes.values():
        time_reply(runtime, random_prompt(base, 1000))
    times: dict[str, list[Timing]] = {arm: [] for arm in ARMS}
    equal: dict[str, list[float]] = {arm: [] for arm in ARMS}
    agreements: dict[str, list[float]] = {arm: [] for arm in ARMS}
    for seed in range(prompts):
        prompt = random_prompt(base, seed)
        reference_reply: list[int] = []
        for arm, runtime in runtimes.items():
            timing, tokens = time_reply(runtime, prompt)
            reference_reply = reference_reply or tokens
            times[arm].append(timing)
            equal[arm].append(tokens == reference_reply)
            equal_text = f"{sum(a == b for a, b in zip(tokens, reference_reply, strict=True))}/{REPLY} equal"
            print(
                f"{seed} {arm}: {timing.first:.2f} s, {timing.rate:.1f} tokens/s, {equal_text}",
                file=sys.stderr,
            )
        for arm, runtime in runtimes.items():
            if arm != REFERENCE:
                agreements[arm].append(agreement(runtime, base, prompt, reference_reply))
    return {
        arm: summarise(times[arm], times[REFERENCE])
        | {
            "equal": sum(equal[arm]),
            "teacher_forced": float(np.mean(agreements[arm])) if agreements[arm] else 1.0,
        }
        for arm in ARMS
    }


def summarise(timings: list[Timing], reference: list[Timing]) -> dict[str, float]:
    """Compute medians, quartiles, and medians of paired ratios (above 1: faster than the reference)."""
    first, rate = (np.array([getattr(timing, name) for timing in timings]) for name in ("first", "rate"))
    first_ratio = np.array([timing.first for timing in reference]) / first
    rate_ratio = rate / np.array([timing.rate for timing in reference])
    values_of = {"first": first, "rate": rate, "first_ratio": first_ratio, "rate_ratio": rate_ratio}
    return {
        f"{name}{suffix}": round(float(np.percentile(values, percent)), 3)
        for name, values in values_of.items()
        for suffix, percent in (("", 50), ("_q1", 25), ("_q3", 75))
    }


def memory(arm: str) -> float:
    """Measure the peak memory in MiB of a process that opens one arm and generates one reply."""
    completed = subprocess.run(
        [sys.executable, __file__, "--memory", arm], capture_output=True, text=True, check=True
    )
    return float(completed.stdout.split()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description="How fast does the graft's language model generate?")
    parser.add_argument("--prompts", type=int, default=8, help="rounds, each with another prompt")
    parser.add_argument("--memory", choices=ARMS, help="only this arm's peak memory")
    args = parser.parse_args()
    if args.memory:
        base = Base.load("smollm2-135m")
        time_reply(open_runtime(args.memory, base), random_prompt(base, 0))
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10)
        return
    # Measured first, while this process is small: a new process's peak starts at its parent's size.
    peaks = {arm: round(memory(arm)) for arm in ARMS}
    arms = measure(Base.load("smollm2-135m"), args.prompts)
    for arm in arms:
        arms[arm]["memory"] = peaks[arm]
    show(arms, args.prompts)
    print(json.dumps({"bench": "runtime", "prompts": args.prompts, "arms": arms}))


def show(arms: dict[str, dict[str, float]], prompts: int) -> None:
    table = Table("arm", "first token, s", "ratio", "tokens/s", "ratio", "equal", "teacher-forced", "MiB")
    for arm, row in arms.items():
        cells = [
            f"{row[n]:.2f} [{row[n + '_q1']:.2f}, {row[n + '_q3']:.2f}]"
            for n in ("first", "first_ratio", "rate", "rate_ratio")
        ]
        table.add_row(
            arm, *cells, f"{row['equal']}/{prompts}", f"{row['teacher_forced']:.3f}", f"{row['memory']:.0f}"
        )
    Console(width=150).print(table)


if __name__ == "__main__":
    main()
