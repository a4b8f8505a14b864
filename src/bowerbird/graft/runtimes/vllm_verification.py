"""Checks of a vLLM server before it is used: the right weights, prompt embeddings handled correctly.

Each check is a request whose greedy answer must be the one of our own weights. docs/how-to/engines.md names
the faults of vLLM that they find.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from bowerbird.errors import EngineError
from bowerbird.graft.base import Base
from bowerbird.graft.runtime import ModelLimits
from bowerbird.graft.runtimes.completions import CompletionServer, RequestRejected, encode_embeddings

MAX_LOGIT_GAP = 0.5
"""Largest allowed gap (nats) between the logits of our best token and of the server's. SmolLM2-135M served in
bfloat16 stays within 0.09 of float32; weights perturbed by 2 % of their standard deviation give 0.8."""
PROBE_TOKENS = 300
"""Tokens of the prompts that check the prefix cache: more than two of its blocks, of at most 128 tokens."""
PROBE_ANSWER = 4
"""Tokens generated after each."""


@dataclass(frozen=True)
class ServerVerification:
    """The checks of one server that should serve `base`."""

    server: CompletionServer
    base: Base
    limits: ModelLimits
    request: Mapping[str, Any]
    """Fields of every request."""

    def run(self, models: Sequence[Mapping[str, Any]]) -> None:
        """Run all checks; `models` are those that the server lists.

        The model is verified before any embedding is sent: one of the wrong width crashed older engines.
        Raises `EngineError` with what to change.
        """
        if any(model.get("parent") for model in models):
            raise EngineError(
                f"{self.server.url} serves LoRA adapters, which crash vLLM next to prompt embeddings "
                "(vllm-project/vllm#51122): start it without --enable-lora; `bowerbird graft export` merges "
                "the graft's adapter into the weights"
            )
        self._check_model()
        self._check_embeddings()
        self._check_prefix_cache()

    def _check_model(self) -> None:
        """Check that the server's greedy continuations are (nearly) the best tokens of our own weights.

        The prompts are three sequences of ids spread over the vocabulary.
        """
        vocabulary_size = int(self.base.embedding_table.shape[0])
        prompts = (np.arange(1, 25) * vocabulary_size // 25).reshape(3, 8)
        request = {**self.request, "prompt": prompts.tolist(), "max_tokens": 8, "temperature": 0.0}
        wrong_model = EngineError(
            f"{self.server.url} serves {self.request['model']}, which is not {self.limits.name}: "
            "start it with the folder that `bowerbird graft export` wrote"
        )
        try:
            generated = self.server.complete(request)
        except RequestRejected as error:  # another vocabulary
            raise wrong_model from error
        if [len(ids) for ids in generated] != [8, 8, 8] or max(map(max, generated)) >= vocabulary_size:
            raise wrong_model
        if self._largest_gap(prompts, np.array(generated)) > MAX_LOGIT_GAP:
            raise wrong_model

    @torch.no_grad()
    def _largest_gap(self, prompts: NDArray[np.int64], generated: NDArray[np.int64]) -> float:
        """How far the logits of generated tokens (B, n) are below the best after prompts (B, T), in nats."""
        sequences = torch.from_numpy(np.concatenate([prompts, generated], axis=1))
        start = prompts.shape[1]
        logits = self.base.model(input_ids=sequences).logits[:, start - 1 : -1].float()  # (B, n, vocabulary)
        chosen = logits.gather(2, sequences[:, start:, None])[..., 0]
        return float((logits.amax(2) - chosen).max())

    def _check_embeddings(self) -> None:
        """Send one embedded token to check that the server accepts prompt embeddings."""
        try:
            self._complete_embedded([0], 1)
        except RequestRejected as error:
            raise EngineError(
                f"{self.server.url} does not accept embeddings ({error}): "
                "start it with --enable-prompt-embeds"
            ) from error

    def _check_prefix_cache(self) -> None:
        """Check that no prompt is answered from the cache of another one, with other embeddings.

        Embeddings have no token ids: a cache keyed by ids or by lengths takes one prompt for another
        (vllm-project/vllm#56655, #42119). Three prompts of one length are sent one after the other, the last
        with the first one's beginning; all must be continued as our own weights do.
        """
        length = min(PROBE_TOKENS, self.limits.context_length - PROBE_ANSWER - 1)
        ordinary = np.setdiff1d(np.arange(len(self.base.embedding_table)), sorted(self.base.forbidden_ids))
        prompts = np.random.default_rng(0).choice(ordinary, (3, length))
        prompts[2, : length // 2] = prompts[0, : length // 2]
        for prompt in prompts:
            generated = self._complete_embedded(prompt.tolist(), PROBE_ANSWER)
            if self._largest_gap(prompt[None], np.array([generated])) > MAX_LOGIT_GAP:
                raise EngineError(
                    f"{self.server.url} mixes up prompts that differ in their embeddings: start it with "
                    "--no-enable-prefix-caching and without an external key-value cache"
                )

    def _complete_embedded(self, ids: Sequence[int], max_tokens: int) -> list[int]:
        """Greedy continuation of embedded tokens."""
        embeds = encode_embeddings(self.base.embed_tokens(ids).numpy())
        request = {**self.request, "prompt_embeds": embeds, "max_tokens": max_tokens, "temperature": 0.0}
        (generated,) = self.server.complete(request)
        return generated
