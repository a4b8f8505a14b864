"""A graft's language model on a vLLM server: prompts are sent as embeddings, token ids come back.

The server loads the folder that `bowerbird graft export` writes and is started with `--enable-prompt-embeds`.
The connector, the items and the tokenizer stay on the client, so one server works for every catalogue that is
grafted into its model.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch

from bowerbird.data.arrays import FloatArray
from bowerbird.endpoint.connection import TimeLimits
from bowerbird.errors import EngineError, InputError
from bowerbird.graft.base import Base
from bowerbird.graft.runtime import ModelLimits, PromptEmbeddings, SamplingParams, check_prompt
from bowerbird.graft.runtimes.completions import CompletionServer, encode_embeddings
from bowerbird.graft.runtimes.vllm_verification import ServerVerification

NEUTRAL_SAMPLING = {
    "top_p": 1.0,
    "top_k": 0,
    "min_p": 0.0,
    "repetition_penalty": 1.0,
    "presence_penalty": 0.0,
    "frequency_penalty": 0.0,
}
"""Sent with every request: otherwise the server would use defaults from the model's folder, and a penalty
next to prompt embeddings kills the engine (vllm-project/vllm#57719)."""
FORBIDDEN_BIAS = -100.0
"""The lowest bias that servers accept. It excludes a token unless its logit is 100 above all others."""


@dataclass(frozen=True)
class VllmRuntime:
    """Generates on a server; see `connect`. Safe to use from several threads; the server batches their
    requests.

    Greedy text equals the eager engine's, except for ties within the arithmetic's precision. Sampled text has
    the same distribution but uses the server's random generator, so a seed gives a different text.
    """

    server: CompletionServer
    base: Base
    model: str
    """The model's name on the server."""
    limits: ModelLimits

    @classmethod
    def connect(cls, url: str, base: Base, limits: TimeLimits | None = None) -> VllmRuntime:
        """Connect to the vLLM server at `url`, such as `http://127.0.0.1:8000`; `limits` of each request.

        Raises `EngineError` if no server answers, it serves another model than `base`, serves LoRA adapters,
        does not accept embeddings, or mixes up prompts that differ in their embeddings. The model is verified
        before any embedding is sent: one of the wrong width crashed older engines.
        """
        server = CompletionServer(url, limits)
        models = server.models()
        if not models or "max_model_len" not in models[0]:
            raise EngineError(f"{url} is not a vLLM server: it does not report its model's context length")
        context_length = min(base.context_length, int(models[0]["max_model_len"]))
        runtime = cls(server, base, str(models[0]["id"]), replace(base.limits, context_length=context_length))
        ServerVerification(server, base, runtime.limits, runtime.base_request).run(models)
        return runtime

    def generate(self, prompt: PromptEmbeddings, sampling: SamplingParams) -> Iterator[int]:
        """See `Runtime`. Raises `EngineError`, at the first token or later, if the server fails."""
        check_prompt(prompt, self.limits)
        sampling = replace(
            sampling, max_tokens=min(sampling.max_tokens, self.limits.context_length - len(prompt))
        )
        return self._generate(prompt.embeddings, sampling)

    def close(self) -> None:
        """Close the connections to the server."""
        self.server.close()

    # -- generation ---------------------------------------------------------------------------------------

    def _generate(self, embeddings: FloatArray, sampling: SamplingParams) -> Iterator[int]:
        """Generate, applying `sampling.allowed_tokens` on the client, since it can't be sent to the server.

        While it allows all tokens, the server's stream continues; when it restricts them, the stream is
        closed and the server is asked for one token among the allowed ids.
        """
        generated: list[int] = []
        allowed_ids = sampling.allowed_tokens(generated) if sampling.allowed_tokens else None
        while len(generated) < sampling.max_tokens:
            with closing(self._request_tokens(embeddings, sampling, generated, allowed_ids)) as tokens:
                for token in tokens:
                    if token in self.base.end_ids:
                        return
                    generated.append(token)
                    yield token
                    previous_ids = allowed_ids
                    allowed_ids = sampling.allowed_tokens(generated) if sampling.allowed_tokens else None
                    if previous_ids is not None or allowed_ids is not None:
                        break
                else:
                    if len(generated) < sampling.max_tokens:
                        raise EngineError(f"{self.server.url} ended a reply early: check the engine's log")

    def _request_tokens(
        self,
        embeddings: FloatArray,
        sampling: SamplingParams,
        generated: list[int],
        allowed_ids: Sequence[int] | None,
    ) -> Generator[int, None, None]:
        """Stream the tokens after a prompt (T, hidden) and the `generated` ones: all, or one of
        `allowed_ids`."""
        candidates = (
            None
            if allowed_ids is None
            else self._filter_allowed(allowed_ids, is_too_early=len(generated) < sampling.min_tokens)
        )
        if candidates is not None and len(candidates) == 1:  # no choice: no request needed
            yield candidates[0]
            return
        request = self._build_request(
            np.concatenate([embeddings, self._embed_tokens(generated)]), sampling, len(generated)
        )
        if candidates is not None:
            del request["logit_bias"]
            request |= {"allowed_token_ids": candidates, "max_tokens": 1, "min_tokens": 0}
        yield from self.server.stream(request)

    def _filter_allowed(self, allowed_ids: Sequence[int], is_too_early: bool) -> list[int]:
        """Those of `allowed_ids` that may be generated; end tokens may not while `is_too_early`."""
        candidates = sorted(
            {int(token) for token in allowed_ids}
            - self.base.forbidden_ids
            - (self.base.end_ids if is_too_early else set())
        )
        if not candidates:
            raise InputError("none of the allowed next tokens can be generated")
        return candidates

    def _build_request(
        self, embeddings: FloatArray, sampling: SamplingParams, n_generated: int
    ) -> dict[str, Any]:
        n_remaining = sampling.max_tokens - n_generated
        return {
            **self.base_request,
            "prompt_embeds": encode_embeddings(embeddings),
            "max_tokens": n_remaining,
            "min_tokens": min(max(sampling.min_tokens - n_generated, 0), n_remaining),
            "stop_token_ids": sorted(self.base.end_ids),
            "logit_bias": {str(token): FORBIDDEN_BIAS for token in sorted(self.base.forbidden_ids)},
            "temperature": max(sampling.temperature, 0.0),
            # A continued reply must not repeat the same random numbers.
            "seed": (sampling.seed + n_generated) % 2**63,
        }

    @cached_property
    def base_request(self) -> dict[str, Any]:
        """Fields of every request. `ignore_eos`: end tokens are exactly the base's, passed as stop tokens."""
        return {"model": self.model, "ignore_eos": True, **NEUTRAL_SAMPLING}

    def _embed_tokens(self, ids: Sequence[int]) -> FloatArray:
        """Embeddings of tokens, (ids, hidden) float32."""
        rows: FloatArray = self.base.embedding_table[torch.tensor(ids, dtype=torch.int64)].float().numpy()
        return rows
