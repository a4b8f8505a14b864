"""The reference engine: the Hugging Face model itself, on torch.

Prefix caching: the keys and values of the last few prompts are kept, and a new prompt that shares a prefix
with one of them (a system prompt, a user's taste, a growing conversation) is only computed from where it
differs. Forking a cache copies the keys and values of the prefix, about 50 KB per token for SmolLM2: cheap
compared with computing them.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator

import torch
from torch import Tensor
from transformers import DynamicCache

from bowerbird.data.arrays import IntArray
from bowerbird.graft.base import Base
from bowerbird.graft.runtime import PromptEmbeddings, SamplingParams, check_prompt, common_prefix_length
from bowerbird.graft.runtimes.sampling import Sampler


class EagerRuntime:
    """Runs a base model on torch; safe to use from several threads, one reply at a time in each."""

    def __init__(self, base: Base, n_cached_prompts: int = 4) -> None:
        self.base = base
        self._cached_prompts: deque[tuple[IntArray, DynamicCache]] = deque(maxlen=n_cached_prompts)
        self._lock = threading.Lock()

    def generate(self, prompt: PromptEmbeddings, sampling: SamplingParams) -> Iterator[int]:
        """See `Runtime`."""
        cache, logits = self.prefill(prompt)
        return self._generate(cache, logits, len(prompt), sampling)

    @torch.no_grad()
    def prefill(self, prompt: PromptEmbeddings) -> tuple[DynamicCache, Tensor]:
        """Compute a prompt's keys and values, and the logits (vocabulary,) after it."""
        check_prompt(prompt, self.base.limits)
        cache, start = self._fork_common_prefix(prompt.token_keys)
        embeddings = torch.from_numpy(prompt.embeddings[start:])
        output = self.base.model(
            inputs_embeds=embeddings[None].to(self.base.embedding_table.dtype),
            past_key_values=cache,
            use_cache=True,
            position_ids=torch.arange(start, len(prompt))[None],
            logits_to_keep=1,
        )
        with self._lock:
            self._cached_prompts.append((prompt.token_keys, fork(cache, len(prompt))))
        return cache, output.logits[0, -1]

    def close(self) -> None:
        """Drop the cached prompts."""
        self._cached_prompts.clear()

    def _fork_common_prefix(self, token_keys: IntArray) -> tuple[DynamicCache, int]:
        """Fork the cached prompt with the longest common prefix; also returns the prefix's length."""
        best_cache, length = None, 0
        with self._lock:
            for cached_keys, cache in self._cached_prompts:
                n_common = common_prefix_length(cached_keys, token_keys)
                if n_common > length:
                    best_cache, length = cache, n_common
        return (DynamicCache(), 0) if best_cache is None else (fork(best_cache, length), length)

    @torch.no_grad()
    def _generate(
        self, cache: DynamicCache, logits: Tensor, start: int, sampling: SamplingParams
    ) -> Iterator[int]:
        sampler = Sampler(self.base, sampling)
        for position in range(start, self.base.context_length):
            token = sampler.sample(logits)
            if token is None:
                return
            yield token
            if (
                len(sampler.generated) == sampling.max_tokens
            ):  # the logits after the last token are not needed
                return
            output = self.base.model(
                input_ids=torch.tensor([[token]]),
                past_key_values=cache,
                use_cache=True,
                position_ids=torch.tensor([[position]]),
            )
            logits = output.logits[0, -1]


def fork(cache: DynamicCache, length: int) -> DynamicCache:
    """Copy the first `length` positions of a cache; later changes to the copy don't affect `cache`."""
    forked = DynamicCache()
    for number, layer in enumerate(cache.layers):
        forked.update(layer.keys[:, :, :length], layer.values[:, :, :length], number)
    return forked
