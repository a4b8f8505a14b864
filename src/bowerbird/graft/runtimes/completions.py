"""Client for vLLM's OpenAI-compatible completions endpoint; it returns token ids, not text."""

from __future__ import annotations

import base64
import io
from collections.abc import Generator, Mapping
from contextlib import closing
from typing import Any

import torch

from bowerbird.data.arrays import FloatArray
from bowerbird.endpoint.connection import JsonConnection, TimeLimits
from bowerbird.endpoint.connection import RequestRejected as RequestRejected
from bowerbird.errors import EngineError


class CompletionServer:
    """An HTTP server's `/v1/models` and `/v1/completions`. Safe to use from several threads."""

    def __init__(self, url: str, limits: TimeLimits | None = None) -> None:
        """`url` such as `http://127.0.0.1:8000`; raises `InputError` for anything else."""
        self.url = url.rstrip("/").removesuffix("/v1")
        self._connection = JsonConnection(self.url, limits=limits)

    def models(self) -> list[Mapping[str, Any]]:
        """List the served models: `id`, `max_model_len` and more. Raises `EngineError`."""
        models = self._connection.get("/v1/models").get("data")
        return models if isinstance(models, list) else []

    def complete(self, request: Mapping[str, Any]) -> list[list[int]]:
        """Generate token ids for each of a request's prompts. Raises `RequestRejected`, `EngineError`."""
        answer = self._connection.post("/v1/completions", {**request, "return_token_ids": True})
        choices = sorted(answer.get("choices", []), key=lambda choice: int(choice["index"]))
        return [self._ids(choice) for choice in choices]

    def stream(self, request: Mapping[str, Any]) -> Generator[int, None, None]:
        """Stream token ids, including end tokens. Closing the iterator stops the generation on the server.

        Raises `RequestRejected` or `EngineError`, both at the first token or later.
        """
        body = {**request, "return_token_ids": True, "stream": True}
        with closing(self._connection.stream("/v1/completions", body)) as events:
            for event in events:
                for choice in event.get("choices", []):
                    yield from self._ids(choice)

    def close(self) -> None:
        """Close the connections."""
        self._connection.close()

    def _ids(self, choice: Mapping[str, Any]) -> list[int]:
        if choice.get("token_ids") is None:
            raise EngineError(
                f"{self.url} returned no token ids: a vLLM server that supports return_token_ids is required"
            )
        return [int(token) for token in choice["token_ids"]]


def encode_embeddings(embeddings: FloatArray) -> str:
    """Encode embeddings (T, hidden) float32 for vLLM: a saved tensor in base64."""
    buffer = io.BytesIO()
    torch.save(torch.from_numpy(embeddings), buffer)
    return base64.b64encode(buffer.getvalue()).decode()
