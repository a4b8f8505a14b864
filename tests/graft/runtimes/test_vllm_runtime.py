"""The vLLM client against a local server that implements its HTTP API with a tiny model."""

from __future__ import annotations

import base64
import contextlib
import io
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bowerbird.endpoint.connection import TimeLimits
from bowerbird.errors import EngineError, InputError
from bowerbird.graft.base import Base
from bowerbird.graft.runtime import PromptEmbeddings, SamplingParams
from bowerbird.graft.runtimes.completions import encode_embeddings
from bowerbird.graft.runtimes.eager import EagerRuntime
from bowerbird.graft.runtimes.reconnecting import ReconnectingRuntime
from bowerbird.graft.runtimes.vllm import VllmRuntime
from fake_vllm import CONTEXT_LENGTH, FakeEngine, fake_vllm


@pytest.fixture(scope="module")
def base(tiny_base: Path) -> Base:
    torch.set_num_threads(1)
    return Base.load(str(tiny_base))


@pytest.fixture
def serve() -> Iterator[Callable[[FakeEngine], str]]:
    """Starts a server for an engine on a free loopback port and returns its address."""
    with contextlib.ExitStack() as stack:
        yield lambda engine: stack.enter_context(fake_vllm(engine))


def make_prompt(base: Base, seed: int, length: int = 9, items: int = 3) -> PromptEmbeddings:
    """Random words with soft tokens among them."""
    rng = np.random.default_rng(seed)
    token_keys = rng.integers(0, len(base.embedding_table), length)
    token_keys[rng.permutation(length)[:items]] = -1 - rng.integers(0, 100, items)
    embeddings = base.embedding_table[torch.from_numpy(np.maximum(token_keys, 0))].numpy().copy()
    embeddings[token_keys < 0] = rng.normal(size=(items, base.hidden)).astype(np.float32)
    return PromptEmbeddings(token_keys, embeddings)


def allow_few(generate: list[int]) -> list[int] | None:
    """Allow all tokens at most positions, a few at some, and a single one at others."""
    return {2: [7, 9, 11, 30], 3: [8, 3], 6: [12]}.get(len(generate) % 8)


@pytest.mark.parametrize(
    "sampling",
    [
        SamplingParams(max_tokens=12),
        SamplingParams(max_tokens=30, min_tokens=30),
        SamplingParams(max_tokens=4, min_tokens=9),
        SamplingParams(max_tokens=20, min_tokens=20, allowed_tokens=allow_few),
        SamplingParams(
            max_tokens=20, allowed_tokens=lambda generated: [2, 9] if len(generated) > 4 else None
        ),
        SamplingParams(max_tokens=1000),
        SamplingParams(max_tokens=0),
    ],
    ids=[
        "plain",
        "long",
        "minimum above maximum",
        "few allowed",
        "end token allowed",
        "up to the context length",
        "nothing",
    ],
)
def test_the_same_ids_as_the_eager_engine(
    base: Base, serve: Callable[[FakeEngine], str], sampling: SamplingParams
) -> None:
    engine = FakeEngine(base)
    runtime = VllmRuntime.connect(serve(engine), base)
    eager = EagerRuntime(base)
    for seed in range(6):
        prompt = make_prompt(base, seed)
        # The server's context is shorter than the base model's.
        limited = replace(sampling, max_tokens=min(sampling.max_tokens, CONTEXT_LENGTH - len(prompt)))
        assert list(runtime.generate(prompt, sampling)) == list(eager.generate(prompt, limited))


def test_a_server_that_starts_late_or_again_is_used_when_it_answers(base: Base) -> None:
    prompt, sampling = make_prompt(base, 0), SamplingParams(max_tokens=5, min_tokens=5)
    expected = list(EagerRuntime(base).generate(prompt, sampling))
    with fake_vllm(FakeEngine(base)) as url:
        port = int(url.rsplit(":", 1)[1])
    runtime = ReconnectingRuntime(url, base, TimeLimits(silence_s=20, answer_s=20), pause_s=0)
    for _ in range(2):
        with pytest.raises(EngineError, match="no server answers"):
            list(runtime.generate(prompt, sampling))
        with fake_vllm(FakeEngine(base), port):
            assert list(runtime.generate(prompt, sampling)) == expected


def test_a_server_that_is_down_is_left_alone_for_a_while(base: Base) -> None:
    with fake_vllm(FakeEngine(base)) as url:
        pass
    runtime = ReconnectingRuntime(url, base, TimeLimits(), pause_s=60)
    prompt, sampling = make_prompt(base, 0), SamplingParams(max_tokens=5)
    for message in ("no server answers", "failed a moment ago"):
        with pytest.raises(EngineError, match=message):
            list(runtime.generate(prompt, sampling))
    with pytest.raises(InputError):
        runtime.generate(malformed_prompts(base)["empty"], sampling)


def test_an_unconstrained_reply_is_one_request_and_a_forced_token_none(
    base: Base, serve: Callable[[FakeEngine], str]
) -> None:
    engine = FakeEngine(base)
    runtime = VllmRuntime.connect(serve(engine), base)
    engine.requests.clear()
    list(runtime.generate(make_prompt(base, 0), SamplingParams(max_tokens=10, min_tokens=10)))
    assert len(engine.requests) == 1
    forced = SamplingParams(max_tokens=5, allowed_tokens=lambda generated: [7 + len(generated)])
    assert list(runtime.generate(make_prompt(base, 0), forced)) == [7, 8, 9, 10, 11]
    assert len(engine.requests) == 1


def test_every_request_overrides_the_defaults_of_the_served_folder(
    base: Base, serve: Callable[[FakeEngine], str]
) -> None:
    engine = FakeEngine(base)
    runtime = VllmRuntime.connect(serve(engine), base)
    list(runtime.generate(make_prompt(base, 0), SamplingParams(max_tokens=2, temperature=0.5, seed=-3)))
    request = engine.requests[-1]
    assert request["temperature"] == 0.5 and 0 <= request["seed"] < 2**63
    assert (request["top_p"], request["top_k"], request["min_p"], request["repetition_penalty"]) == (
        1,
        0,
        0,
        1,
    )
    assert request["model"] == "/models/tiny" and request["ignore_eos"] is True
    assert {int(token) for token in request["logit_bias"]} == base.forbidden_ids


def malformed_prompts(base: Base) -> dict[str, PromptEmbeddings]:
    valid = make_prompt(base, 0)
    with_nan = valid.embeddings.copy()
    with_nan[4, 1] = np.nan
    return {
        "shape": PromptEmbeddings(valid.token_keys, valid.embeddings[:, :-1]),
        "float64": PromptEmbeddings(valid.token_keys, valid.embeddings.astype(np.float64)),
        "not finite": PromptEmbeddings(valid.token_keys, with_nan),
        "empty": PromptEmbeddings(valid.token_keys[:0], valid.embeddings[:0]),
        "has 48 tokens": make_prompt(base, 0, length=CONTEXT_LENGTH),
        "one key per token": PromptEmbeddings(valid.token_keys[:3], valid.embeddings),
    }


def test_malformed_prompts_are_rejected_before_anything_is_sent(
    base: Base, serve: Callable[[FakeEngine], str]
) -> None:
    engine = FakeEngine(base)
    runtime = VllmRuntime.connect(serve(engine), base)
    engine.requests.clear()
    for reason, prompt in malformed_prompts(base).items():
        with pytest.raises(InputError, match=reason):
            runtime.generate(prompt, SamplingParams())
    with pytest.raises(InputError, match="none of the allowed"):
        list(
            runtime.generate(
                make_prompt(base, 0), SamplingParams(allowed_tokens=lambda _: [base.placeholder_id])
            )
        )
    assert engine.requests == []


def test_no_server(base: Base) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        with pytest.raises(EngineError, match="no server answers"):
            VllmRuntime.connect(f"http://127.0.0.1:{free.getsockname()[1]}", base)
    with pytest.raises(InputError, match="not an HTTP address"):
        VllmRuntime.connect("localhost:8000", base)


def other_base(base: Base, hidden: int = 32, words: int | None = None) -> Base:
    """A base of the same layout with other weights."""
    config = type(base.model.config)(
        **{
            **base.model.config.to_dict(),
            "hidden_size": hidden,
            "vocab_size": words or len(base.embedding_table),
        }
    )
    torch.manual_seed(1)
    return Base.from_model("other", type(base.model)(config), base.tokenizer)


def test_another_model_is_rejected_before_it_gets_an_embedding(
    base: Base, serve: Callable[[FakeEngine], str]
) -> None:
    for other in (other_base(base), other_base(base, hidden=64), other_base(base, words=20)):
        engine = FakeEngine(other)
        with pytest.raises(EngineError, match="serves /models/tiny, which is not"):
            VllmRuntime.connect(serve(engine), base)
        assert not any("prompt_embeds" in request for request in engine.requests)


def test_a_server_started_without_prompt_embeddings(base: Base, serve: Callable[[FakeEngine], str]) -> None:
    with pytest.raises(EngineError, match="start it with --enable-prompt-embeds"):
        VllmRuntime.connect(serve(FakeEngine(base, accepts_embeddings=False)), base)


@pytest.mark.parametrize(
    "cache_key",
    [len, lambda prompt: (len(prompt), prompt[:8].sum().item())],
    ids=["by length", "by the first block"],
)
def test_a_prefix_cache_that_mixes_up_prompts_is_rejected(
    base: Base, serve: Callable[[FakeEngine], str], cache_key: Callable[[torch.Tensor], Any]
) -> None:
    with pytest.raises(EngineError, match="mixes up prompts that differ"):
        VllmRuntime.connect(serve(FakeEngine(base, cache_key=cache_key)), base)


def test_a_prefix_cache_by_content_is_accepted(base: Base, serve: Callable[[FakeEngine], str]) -> None:
    engine = FakeEngine(base, cache_key=lambda prompt: prompt.numpy().tobytes())
    runtime, eager = VllmRuntime.connect(serve(engine), base), EagerRuntime(base)
    sampling = SamplingParams(max_tokens=6, min_tokens=6)
    base_prompt = make_prompt(base, 0)
    texts = []
    for seed in (1, 2, 1, 3):  # the same words, other items
        other = base_prompt.embeddings.copy()
        items = base_prompt.token_keys < 0
        other[items] = np.random.default_rng(seed).normal(size=(items.sum(), base.hidden))
        prompt = PromptEmbeddings(np.where(items, -seed, base_prompt.token_keys), other)
        texts.append(list(runtime.generate(prompt, sampling)))
        assert texts[-1] == list(eager.generate(prompt, sampling))
    assert texts[0] == texts[2] and len(set(map(tuple, texts))) == 3


def test_a_server_with_adapters_is_rejected(base: Base, serve: Callable[[FakeEngine], str]) -> None:
    with pytest.raises(EngineError, match="serves LoRA adapters"):
        VllmRuntime.connect(serve(FakeEngine(base, adapters=("mine",))), base)


def test_no_penalty_reaches_the_engine(base: Base, serve: Callable[[FakeEngine], str]) -> None:
    engine = FakeEngine(base)
    list(VllmRuntime.connect(serve(engine), base).generate(make_prompt(base, 0), SamplingParams(2)))
    for request in engine.requests:
        penalties = [request[f"{name}_penalty"] for name in ("repetition", "presence", "frequency")]
        assert penalties == [1.0, 0.0, 0.0]


def test_a_server_that_returns_no_token_ids(base: Base, serve: Callable[[FakeEngine], str]) -> None:
    with pytest.raises(EngineError, match="returned no token ids"):
        VllmRuntime.connect(serve(FakeEngine(base, returns_token_ids=False)), base)


def test_a_server_that_dies_in_the_middle(base: Base, serve: Callable[[FakeEngine], str]) -> None:
    engine = FakeEngine(base)
    runtime = VllmRuntime.connect(serve(engine), base)
    sampling = SamplingParams(max_tokens=10, min_tokens=10)
    complete = list(runtime.generate(make_prompt(base, 0), sampling))
    engine.dies_after = 3
    received: list[int] = []
    with pytest.raises(EngineError, match="in the middle of a reply"):
        received.extend(runtime.generate(make_prompt(base, 0), sampling))
    assert received == complete[:3]
    engine.dies_after, engine.aborts = None, True
    with pytest.raises(EngineError, match="ended a reply early"):
        list(runtime.generate(make_prompt(base, 0), sampling))
    engine.aborts = False
    assert list(runtime.generate(make_prompt(base, 0), sampling)) == complete


def test_embeddings_are_transferred_exactly() -> None:
    embeddings = np.random.default_rng(0).normal(size=(5, 7)).astype(np.float32)[1:]
    decoded = torch.load(io.BytesIO(base64.b64decode(encode_embeddings(embeddings))), weights_only=True)
    assert np.array_equal(decoded.numpy(), embeddings)
