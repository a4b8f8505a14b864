"""The reference engine: the Hugging Face model itself, on torch.

Prompts that begin alike (a system prompt, a person's taste, a growing conversation) share what was computed
for their common beginning: the keys and values of the last few prompts are kept, and a new one pays only for
what differs. A fork copies the keys and values of its places, some 50 KB a token for SmolLM2: little beside
computing them.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor
from transformers import DynamicCache

from bowerbird.graft.base import Base
from bowerbird.graft.runtime import SamplingParams, PromptEmbeddings, checked, common_prefix_length
from bowerbird.graft.runtimes.sampling import Sampler


class EagerRuntime:
    """Runs a base on torch, one reply at a time for each thread; safe to use from several."""

    def __init__(self, base: Base, kept_prompts: int = 4) -> None:
        self.base = base
        self._kept: deque[tuple[np.ndarray, DynamicCache]] = deque(maxlen=kept_prompts)
        self._lock = threading.Lock()

    def write(self, prompt: PromptEmbeddings, how: SamplingParams) -> Iterator[int]:
        """See `Runtime`."""
        cache, logits = self.read(prompt)
        return self._write(cache, logits, len(prompt), how)

    @torch.no_grad()
    def read(self, prompt: PromptEmbeddings) -> tuple[DynamicCache, Tensor]:
        """Keys and values of a prompt, and the logits (vocabulary,) after it."""
        checked(prompt, self.base.limits)
        cache, start = self._longest_common(prompt.places)
        embedded = torch.from_numpy(prompt.embedded[start:])
        output = self.base.model(
            inputs_embeds=embedded[None].to(self.base.table.dtype),
            past_key_values=cache,
            use_cache=True,
            position_ids=torch.arange(start, len(prompt))[None],
            logits_to_keep=1,
        )
        with self._lock:
            self._kept.append((prompt.places, fork(cache, len(prompt))))
        return cache, output.logits[0, -1]

    def close(self) -> None:
        """Forget the kept prompts."""
        self._kept.clear()

    def _longest_common(self, places: np.ndarray) -> tuple[DynamicCache, int]:
        """A fork of the kept prompt that begins most alike, and how many of its places are used."""
        best, length = None, 0
        with self._lock:
            for kept, cache in self._kept:
                common = common_prefix_length(kept, places)
                if common > length:
                    best, length = cache, common
        return (DynamicCache(), 0) if best is None else (fork(best, length), length)

    @torch.no_grad()
    def _write(self, cache: DynamicCache, logits: Tensor, start: int, how: SamplingParams) -> Iterator[int]:
        picker = Sampler(self.base, how)
        for place in range(start, self.base.longest):
            token = picker.pick(logits)
            if token is None:
                return
            yield token
            if len(picker.written) == how.max_tokens:  # nobody will ask for the logits after the last
                return
            output = self.base.model(
                input_ids=torch.tensor([[token]]),
                past_key_values=cache,
                use_cache=True,
                position_ids=torch.tensor([[place]]),
            )
            logits = output.logits[0, -1]


def fork(cache: DynamicCache, length: int) -> DynamicCache:
    """A cache of the first `length` places; writing to it leaves `cache` as it is."""
    copy = DynamicCache()
    for number, layer in enumerate(cache.layers):
        copy.update(layer.keys[:, :, :length], layer.values[:, :, :length], number)
    return copy
