"""Reading a prompt once, and writing token by token.

Prompts that begin alike (a system prompt, a conversation that grows) share what was computed for their common
beginning: the keys and values of the last few prompts are kept, and a new prompt pays only for what differs.
A fork copies the keys and values of its places, some 50 KB a token for SmolLM2: little beside computing them.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers import DynamicCache

from bowerbird.errors import InputError
from bowerbird.graft.base import Base
from bowerbird.graft.prompt import Rendered

Allowed = Callable[[list[int]], Sequence[int] | None]
"""Given the ids written so far, the ids that may come next; None allows all."""


@dataclass(frozen=True)
class Decoding:
    """How to write: greedily at temperature 0, else sampled with a seed."""

    max_tokens: int = 64
    min_tokens: int = 0
    """So many tokens are written before the text may end."""
    temperature: float = 0.0
    seed: int = 0
    stop: tuple[str, ...] = ()
    """Texts that end the reply; they are not part of it."""
    allowed: Allowed | None = None


class Decoder:
    """A frozen model that reads embeddings and writes text; safe to use from several threads."""

    def __init__(self, base: Base, kept_prompts: int = 4) -> None:
        self.base = base
        self._kept: deque[tuple[np.ndarray, DynamicCache]] = deque(maxlen=kept_prompts)
        self._lock = threading.Lock()
        special = set(base.tokenizer.all_special_ids) | {base.item_id, base.recommend_id}
        self._never = torch.tensor(sorted(special - base.ends), dtype=torch.int64)

    @torch.no_grad()
    def read(self, rendered: Rendered, embedded: Tensor) -> tuple[DynamicCache, Tensor]:
        """Keys and values of a prompt, (T, hidden) embeddings, and the logits (vocabulary,) after it."""
        if len(rendered) >= self.base.longest:
            raise InputError(
                f"the prompt has {len(rendered)} tokens, {self.base.name} holds {self.base.longest}: "
                "shorten it"
            )
        # What stands at each place: token ids are at least 0, items are below.
        places = np.where(rendered.items >= 0, -1 - rendered.items, rendered.ids)
        cache, start = self._longest_common(places)
        output = self.base.model(
            inputs_embeds=embedded[None, start:],
            past_key_values=cache,
            use_cache=True,
            position_ids=torch.arange(start, len(places))[None],
            logits_to_keep=1,
        )
        with self._lock:
            self._kept.append((places, fork(cache, len(places))))
        return cache, output.logits[0, -1]

    def _longest_common(self, places: np.ndarray) -> tuple[DynamicCache, int]:
        """A fork of the kept prompt that begins most alike, and how many of its places are used.

        The last place is always read anew: its logits are wanted.
        """
        best, length = None, 0
        with self._lock:
            for kept, cache in self._kept:
                n = min(len(kept), len(places) - 1)
                differs = np.flatnonzero(kept[:n] != places[:n])
                common = int(differs[0]) if len(differs) else n
                if common > length:
                    best, length = cache, common
        if best is None:
            return DynamicCache(), 0
        return fork(best, length), length

    @torch.no_grad()
    def write(self, cache: DynamicCache, logits: Tensor, start: int, how: Decoding) -> Iterator[int]:
        """Token ids after a prompt of `start` tokens, one by one, until an end token or `max_tokens`."""
        chance = torch.Generator().manual_seed(how.seed)
        written: list[int] = []
        for place in range(start, min(start + how.max_tokens, self.base.longest)):
            token = self._pick(logits, written, how, chance)
            if token in self.base.ends:
                return
            written.append(token)
            yield token
            if len(written) == how.max_tokens:
                return
            output = self.base.model(
                input_ids=torch.tensor([[token]]),
                past_key_values=cache,
                use_cache=True,
                position_ids=torch.tensor([[place]]),
            )
            logits = output.logits[0, -1]

    def _pick(self, logits: Tensor, written: list[int], how: Decoding, chance: torch.Generator) -> int:
        logits = logits.float().clone()
        logits[self._never] = -torch.inf
        if len(written) < how.min_tokens:
            logits[sorted(self.base.ends)] = -torch.inf
        ids = how.allowed(written) if how.allowed else None
        if ids is not None:
            only = torch.full_like(logits, -torch.inf)
            only[list(ids)] = logits[list(ids)]
            logits = only
        if how.temperature <= 0:
            return int(logits.argmax())
        chances = torch.softmax(logits / how.temperature, dim=-1)
        return int(torch.multinomial(chances, 1, generator=chance))

    def text(self, tokens: Iterator[int], stop: Sequence[str]) -> Iterator[str]:
        """Pieces of text as tokens come; unfinished characters and beginnings of stops are held back."""
        ids: list[int] = []
        told = 0
        for token in tokens:
            ids.append(token)
            text = self._decoded(ids)
            ends = [text.find(one) for one in stop if one in text]
            if ends:
                if min(ends) > told:
                    yield text[told : min(ends)]
                return
            safe = len(text) - held_back(text, stop)
            if safe > told:
                yield text[told:safe]
                told = safe
        rest = self._decoded(ids)[told:]
        if rest:
            yield rest

    def _decoded(self, ids: list[int]) -> str:
        text: str = self.base.tokenizer.decode(
            ids, skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        return text


def held_back(text: str, stop: Sequence[str]) -> int:
    """How many last characters may still change or begin a stop.

    >>> held_back("a lamp\\n", stop=["\\n\\n"]), held_back("caf\\ufffd", stop=[])
    (1, 1)
    """
    unfinished = len(text) - len(text.rstrip("\ufffd"))
    longest = max((n for one in stop for n in range(1, len(one)) if text.endswith(one[:n])), default=0)
    return max(unfinished, longest)


def fork(cache: DynamicCache, length: int) -> DynamicCache:
    """A cache of the first `length` places; writing to it leaves `cache` as it is."""
    copy = DynamicCache()
    for number, layer in enumerate(_layers(cache)):
        copy.update(layer.keys[:, :, :length], layer.values[:, :, :length], number)
    return copy


def _layers(cache: Any) -> list[Any]:
    layers: list[Any] = cache.layers
    return layers
