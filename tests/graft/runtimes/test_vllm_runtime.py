"""The vLLM client against a server of our own that speaks its wire format and computes with a tiny model."""

from __future__ import annotations

import base64
import io
import json
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bowerbird.errors import EngineError, InputError
from bowerbird.graft.base import Base
from bowerbird.graft.runtime import SamplingParams, PromptEmbeddings
from bowerbird.graft.runtimes.eager import EagerRuntime
from bowerbird.graft.runtimes.vllm import VllmRuntime, encode_embeddings

LONGEST = 48


@dataclass
class Engine:
    """What vLLM does with a request, over one model; tests switch its faults on."""

    base: Base
    embeds: bool = True
    """Started with --enable-prompt-embeds."""
    dies_after: int | None = None
    """So many tokens of a stream are sent before the connection is cut."""
    gives_up: bool = False
    """Its streams end in good order after one token, as when a request is aborted."""
    tells_ids: bool = True
    requests: list[dict[str, Any]] = field(default_factory=list)
    """Bodies of the completions asked for."""

    def prompts(self, request: dict[str, Any]) -> list[torch.Tensor]:
        """Embedded prompts, (T, hidden) each. Raises `ValueError` with the reason for a refusal."""
        if "prompt_embeds" not in request:
            ids = torch.tensor(request["prompt"])
            if int(ids.max()) >= len(self.base.embedding_table):
                raise ValueError(f"Token id {int(ids.max())} is out of vocabulary")
            return [self.base.embedding_table[one] for one in ids]
        if not self.embeds:
            raise ValueError("You must set `--enable-prompt-embeds` to input `prompt_embeds`.")
        saved = base64.b64decode(request["prompt_embeds"], validate=True)
        prompt: torch.Tensor = torch.load(io.BytesIO(saved), weights_only=True)
        if prompt.shape[1] != self.base.hidden:
            raise ValueError(f"hidden_size {prompt.shape[1]} does not match {self.base.hidden}")
        return [prompt]

    @torch.no_grad()
    def written(self, prompt: torch.Tensor, request: dict[str, Any]) -> Iterator[int]:
        """Token ids after a prompt by vLLM's rules: greedy, the stop token included."""
        if len(prompt) + request["max_tokens"] > LONGEST:
            raise ValueError("This model's maximum context length is exceeded")
        stops = request.get("stop_token_ids", [])
        for n in range(request["max_tokens"]):
            logits = self.base.model(inputs_embeds=prompt[None]).logits[0, -1]
            for token, bias in request.get("logit_bias", {}).items():
                logits[int(token)] += bias
            if n < request.get("min_tokens", 0):
                logits[stops] = -torch.inf
            if "allowed_token_ids" in request:
                only = torch.full_like(logits, -torch.inf)
                only[request["allowed_token_ids"]] = 0
                logits = logits + only
            token = int(logits.argmax())
            yield token
            if token in stops:
                return
            prompt = torch.cat([prompt, self.base.embedding_table[token][None]])


def handler(engine: Engine) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.answer(200, {"data": [{"id": "/models/tiny", "max_model_len": LONGEST}]})

        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            engine.requests.append(request)
            try:
                replies = [engine.written(prompt, request) for prompt in engine.prompts(request)]
                if request.get("stream"):
                    self.stream(replies[0])
                else:
                    self.answer(200, {"choices": [self.choice(n, list(r)) for n, r in enumerate(replies)]})
            except ValueError as error:
                self.answer(400, {"error": {"message": str(error), "code": 400}})

        def choice(self, index: int, ids: list[int]) -> dict[str, Any]:
            return {"index": index, "text": "", "token_ids": ids if engine.tells_ids else None}

        def stream(self, reply: Iterator[int]) -> None:
            first = [next(reply)]  # vLLM refuses before it begins to stream
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.end_headers()
            for n, token in enumerate([*first, *reply]):
                if n == engine.dies_after:
                    return
                self.wfile.write(f"data: {json.dumps({'choices': [self.choice(0, [token])]})}\n\n".encode())
                if engine.gives_up:
                    break
            self.wfile.write(b"data: [DONE]\n\n")

        def answer(self, status: int, body: dict[str, Any]) -> None:
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    return Handler


@pytest.fixture(scope="module")
def base(tiny_base: Path) -> Base:
    torch.set_num_threads(1)
    return Base.load(str(tiny_base))


@pytest.fixture
def serve() -> Iterator[Callable[[Engine], str]]:
    """Starts a server of an engine on a free port of loopback; gives its address."""
    servers: list[ThreadingHTTPServer] = []

    def start(engine: Engine) -> str:
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler(engine))
        servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def prompt_of(base: Base, seed: int, length: int = 9, items: int = 3) -> PromptEmbeddings:
    """Random words with soft tokens among them."""
    rng = np.random.default_rng(seed)
    places = rng.integers(0, len(base.embedding_table), length)
    places[rng.permutation(length)[:items]] = -1 - rng.integers(0, 100, items)
    embedded = base.embedding_table[torch.from_numpy(np.maximum(places, 0))].numpy().copy()
    embedded[places < 0] = rng.normal(size=(items, base.hidden)).astype(np.float32)
    return PromptEmbeddings(places, embedded)


def some_only(written: list[int]) -> list[int] | None:
    """All tokens at most places; at some a few, at others a single one."""
    return {2: [7, 9, 11, 30], 3: [8, 3], 6: [12]}.get(len(written) % 8)


@pytest.mark.parametrize(
    "how",
    [
        SamplingParams(max_tokens=12),
        SamplingParams(max_tokens=30, min_tokens=30),
        SamplingParams(max_tokens=4, min_tokens=9),
        SamplingParams(max_tokens=20, min_tokens=20, allowed=some_only),
        SamplingParams(max_tokens=20, allowed=lambda written: [2, 9] if len(written) > 4 else None),
        SamplingParams(max_tokens=1000),
        SamplingParams(max_tokens=0),
    ],
    ids=[
        "plain",
        "long",
        "more than may be",
        "some only",
        "an end among few",
        "as long as it goes",
        "nothing",
    ],
)
def test_the_same_ids_as_the_eager_engine(
    base: Base, serve: Callable[[Engine], str], how: SamplingParams
) -> None:
    engine = Engine(base)
    runtime = VllmRuntime.connect(serve(engine), base)
    eager = EagerRuntime(base)
    for seed in range(6):
        prompt = prompt_of(base, seed)
        # The server holds fewer tokens than the base could.
        most = replace(how, max_tokens=min(how.max_tokens, LONGEST - len(prompt)))
        assert list(runtime.generate(prompt, how)) == list(eager.write(prompt, most))


def test_a_free_reply_is_one_request_and_a_forced_token_none(
    base: Base, serve: Callable[[Engine], str]
) -> None:
    engine = Engine(base)
    runtime = VllmRuntime.connect(serve(engine), base)
    engine.requests.clear()
    list(runtime.generate(prompt_of(base, 0), SamplingParams(max_tokens=10, min_tokens=10)))
    assert len(engine.requests) == 1
    forced = SamplingParams(max_tokens=5, allowed=lambda written: [7 + len(written)])
    assert list(runtime.generate(prompt_of(base, 0), forced)) == [7, 8, 9, 10, 11]
    assert len(engine.requests) == 1


def test_every_request_overrides_the_defaults_of_the_served_folder(
    base: Base, serve: Callable[[Engine], str]
) -> None:
    engine = Engine(base)
    runtime = VllmRuntime.connect(serve(engine), base)
    list(runtime.generate(prompt_of(base, 0), SamplingParams(max_tokens=2, temperature=0.5, seed=-3)))
    said = engine.requests[-1]
    assert said["temperature"] == 0.5 and 0 <= said["seed"] < 2**63
    assert (said["top_p"], said["top_k"], said["min_p"], said["repetition_penalty"]) == (1, 0, 0, 1)
    assert said["model"] == "/models/tiny" and said["ignore_eos"] is True
    assert {int(token) for token in said["logit_bias"]} == base.forbidden_ids


def malformed(base: Base) -> dict[str, PromptEmbeddings]:
    good = prompt_of(base, 0)
    broken = good.embeddings.copy()
    broken[4, 1] = np.nan
    return {
        "shape": PromptEmbeddings(good.token_keys, good.embeddings[:, :-1]),
        "float64": PromptEmbeddings(good.token_keys, good.embeddings.astype(np.float64)),
        "not finite": PromptEmbeddings(good.token_keys, broken),
        "empty": PromptEmbeddings(good.token_keys[:0], good.embeddings[:0]),
        "has 48 tokens": prompt_of(base, 0, length=LONGEST),
        "at as many places": PromptEmbeddings(good.token_keys[:3], good.embeddings),
    }


def test_malformed_prompts_are_refused_before_anything_is_sent(
    base: Base, serve: Callable[[Engine], str]
) -> None:
    engine = Engine(base)
    runtime = VllmRuntime.connect(serve(engine), base)
    engine.requests.clear()
    for reason, prompt in malformed(base).items():
        with pytest.raises(InputError, match=reason):
            runtime.generate(prompt, SamplingParams())
    with pytest.raises(InputError, match="none can be written"):
        list(runtime.generate(prompt_of(base, 0), SamplingParams(allowed=lambda _: [base.placeholder_id])))
    assert engine.requests == []


def test_no_server(base: Base) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        with pytest.raises(EngineError, match="no server answers"):
            VllmRuntime.connect(f"http://127.0.0.1:{free.getsockname()[1]}", base)
    with pytest.raises(InputError, match="no server's address"):
        VllmRuntime.connect("localhost:8000", base)


def other_base(base: Base, hidden: int = 32, words: int | None = None) -> Base:
    """A base of the same layout with other weights."""
    config = type(base.model.config)(
        **{**base.model.config.to_dict(), "hidden_size": hidden, "vocab_size": words or len(base.embedding_table)}
    )
    torch.manual_seed(1)
    return Base.from_model("other", type(base.model)(config), base.tokenizer)


def test_another_model_is_refused_before_it_gets_an_embedding(
    base: Base, serve: Callable[[Engine], str]
) -> None:
    for other in (other_base(base), other_base(base, hidden=64), other_base(base, words=20)):
        engine = Engine(other)
        with pytest.raises(EngineError, match="serves /models/tiny, which is not"):
            VllmRuntime.connect(serve(engine), base)
        assert not any("prompt_embeds" in request for request in engine.requests)


def test_a_server_started_without_prompt_embeddings(base: Base, serve: Callable[[Engine], str]) -> None:
    with pytest.raises(EngineError, match="start it with --enable-prompt-embeds"):
        VllmRuntime.connect(serve(Engine(base, embeds=False)), base)


def test_a_server_that_returns_no_token_ids(base: Base, serve: Callable[[Engine], str]) -> None:
    with pytest.raises(EngineError, match="returns no token ids"):
        VllmRuntime.connect(serve(Engine(base, tells_ids=False)), base)


def test_a_server_that_dies_in_the_middle(base: Base, serve: Callable[[Engine], str]) -> None:
    engine = Engine(base)
    runtime = VllmRuntime.connect(serve(engine), base)
    how = SamplingParams(max_tokens=10, min_tokens=10)
    whole = list(runtime.generate(prompt_of(base, 0), how))
    engine.dies_after = 3
    told: list[int] = []
    with pytest.raises(EngineError, match="in the middle of a reply"):
        told.extend(runtime.generate(prompt_of(base, 0), how))
    assert told == whole[:3]
    engine.dies_after, engine.gives_up = None, True
    with pytest.raises(EngineError, match="gave up a reply"):
        list(runtime.generate(prompt_of(base, 0), how))
    engine.gives_up = False
    assert list(runtime.generate(prompt_of(base, 0), how)) == whole


def test_an_embedding_crosses_the_wire_bit_by_bit() -> None:
    embedded = np.random.default_rng(0).normal(size=(5, 7)).astype(np.float32)[1:]
    back = torch.load(io.BytesIO(base64.b64decode(encode_embeddings(embedded))), weights_only=True)
    assert np.array_equal(back.numpy(), embedded)
