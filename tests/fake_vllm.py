"""A local server with vLLM's HTTP API over a small model; it has its faults where a test wants them."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import torch

from bowerbird.graft.base import Base

CONTEXT_LENGTH = 48


@dataclass
class FakeEngine:
    """vLLM's request handling over one model; tests enable its faults."""

    base: Base
    context_length: int = CONTEXT_LENGTH
    accepts_embeddings: bool = True
    """Started with --enable-prompt-embeds."""
    dies_after: int | None = None
    """Tokens of a stream that are sent before the connection is cut."""
    aborts: bool = False
    """Its streams end properly after one token, as when a request is aborted."""
    returns_token_ids: bool = True
    adapters: tuple[str, ...] = ()
    """LoRA adapters that it serves."""
    cache_key: Callable[[torch.Tensor], Any] | None = None
    """What its prefix cache takes embedded prompts to be the same by."""
    cached: dict[Any, torch.Tensor] = field(default_factory=dict)
    requests: list[dict[str, Any]] = field(default_factory=list)
    """Bodies of the completion requests."""

    def prompts(self, request: dict[str, Any]) -> list[torch.Tensor]:
        """Embedded prompts, (T, hidden) each. Raises `ValueError` with the reason for a rejection."""
        if "prompt_embeds" not in request:
            ids = torch.tensor(request["prompt"])
            if int(ids.max()) >= len(self.base.embedding_table):
                raise ValueError(f"Token id {int(ids.max())} is out of vocabulary")
            return [self.base.embedding_table[token_ids] for token_ids in ids]
        if not self.accepts_embeddings:
            raise ValueError("You must set `--enable-prompt-embeds` to input `prompt_embeds`.")
        saved = base64.b64decode(request["prompt_embeds"], validate=True)
        prompt: torch.Tensor = torch.load(io.BytesIO(saved), weights_only=True)
        if prompt.shape[1] != self.base.hidden:
            raise ValueError(f"hidden_size {prompt.shape[1]} does not match {self.base.hidden}")
        return [self.cached.setdefault(self.cache_key(prompt), prompt) if self.cache_key else prompt]

    @torch.no_grad()
    def generate(self, prompt: torch.Tensor, request: dict[str, Any]) -> Iterator[int]:
        """Generate token ids by vLLM's rules: greedy, including the stop token."""
        if len(prompt) + request["max_tokens"] > self.context_length:
            raise ValueError("This model's maximum context length is exceeded")
        stops = request.get("stop_token_ids", [])
        for n in range(request["max_tokens"]):
            logits = self.base.model(inputs_embeds=prompt[None]).logits[0, -1]
            for token, bias in request.get("logit_bias", {}).items():
                logits[int(token)] += bias
            if n < request.get("min_tokens", 0):
                logits[stops] = -torch.inf
            if "allowed_token_ids" in request:
                mask = torch.full_like(logits, -torch.inf)
                mask[request["allowed_token_ids"]] = 0
                logits = logits + mask
            token = int(logits.argmax())
            yield token
            if token in stops:
                return
            prompt = torch.cat([prompt, self.base.embedding_table[token][None]])


def make_handler(engine: FakeEngine) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            models = [{"id": "/models/tiny", "max_model_len": engine.context_length}]
            models += [{"id": name, "parent": "/models/tiny"} for name in engine.adapters]
            self.answer(200, {"data": models})

        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            engine.requests.append(request)
            try:
                replies = [engine.generate(prompt, request) for prompt in engine.prompts(request)]
                if request.get("stream"):
                    self.stream(replies[0])
                else:
                    self.answer(200, {"choices": [self.choice(n, list(r)) for n, r in enumerate(replies)]})
            except ValueError as error:
                self.answer(400, {"error": {"message": str(error), "code": 400}})

        def choice(self, index: int, ids: list[int]) -> dict[str, Any]:
            return {"index": index, "text": "", "token_ids": ids if engine.returns_token_ids else None}

        def stream(self, reply: Iterator[int]) -> None:
            first = [next(reply)]  # vLLM rejects a request before streaming starts
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.end_headers()
            for n, token in enumerate([*first, *reply]):
                if n == engine.dies_after:
                    return
                self.wfile.write(f"data: {json.dumps({'choices': [self.choice(0, [token])]})}\n\n".encode())
                if engine.aborts:
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


@contextlib.contextmanager
def fake_vllm(engine: FakeEngine, port: int = 0) -> Iterator[str]:
    """Serve an engine on a loopback port, by default a free one, while the block runs; its address."""
    server = ThreadingHTTPServer(("127.0.0.1", port), make_handler(engine))
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
