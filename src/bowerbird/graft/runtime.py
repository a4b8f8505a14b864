"""What every engine that runs a graft's language model must do: read embeddings, write token ids.

No engine is imported here, nor torch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from bowerbird.errors import InputError

TokenConstraint = Callable[[list[int]], Sequence[int] | None]
"""Given the ids written so far, the ids that may come next; None allows all."""


@dataclass(frozen=True)
class SamplingParams:
    """How to write: greedily at temperature 0, else sampled with a seed."""

    max_tokens: int = 64
    min_tokens: int = 0
    """So many tokens are written before the text may end."""
    temperature: float = 0.0
    seed: int = 0
    stop: tuple[str, ...] = ()
    """Texts that end the reply; they are not part of it."""
    allowed: TokenConstraint | None = None


@dataclass(frozen=True)
class PromptEmbeddings:
    """A prompt as an engine reads it.

    `places` (T,) int64 name what stands where: a token's id, or below 0 a soft token. Where two prompts have
    equal places their embeddings are equal, so what was computed for a common beginning can be shared.
    `embedded` (T, hidden) float32.
    """

    places: np.ndarray
    embedded: np.ndarray

    def __len__(self) -> int:
        return len(self.places)


@dataclass(frozen=True)
class ModelLimits:
    """What a language model can read: its name, the width of its embeddings, the tokens that it holds."""

    name: str
    hidden: int
    longest: int


def checked(prompt: PromptEmbeddings, limits: ModelLimits) -> PromptEmbeddings:
    """The prompt, if an engine can read it: a malformed one must never reach an engine.

    Raises `InputError` for a wrong shape or type, an empty or too long prompt, or values that are not finite.
    """
    places, embedded = prompt.places, prompt.embedded
    if embedded.dtype != np.float32 or places.dtype != np.int64:
        raise InputError(
            f"a prompt is float32 embeddings at int64 places, not {embedded.dtype} at {places.dtype}"
        )
    if embedded.ndim != 2 or embedded.shape[1] != limits.hidden or places.shape != embedded.shape[:1]:
        raise InputError(
            f"{limits.name} reads embeddings of shape (tokens, {limits.hidden}) at as many places, "
            f"not {embedded.shape} at {places.shape}"
        )
    if len(prompt) == 0:
        raise InputError("the prompt is empty: give at least one word or item")
    if len(prompt) >= limits.longest:
        raise InputError(
            f"the prompt has {len(prompt)} tokens, {limits.name} holds {limits.longest}: shorten it"
        )
    if not np.isfinite(embedded).all():
        rows = np.flatnonzero(~np.isfinite(embedded).all(1))
        raise InputError(f"the embedding at place {rows[0]} of the prompt is not finite: look at its vector")
    return prompt


class Runtime(Protocol):
    """An engine with a language model in it; safe to use from several threads."""

    def write(self, prompt: PromptEmbeddings, how: SamplingParams) -> Iterator[int]:
        """Token ids after the prompt, one by one as they come, until an end token or `max_tokens`.

        End tokens are not among them; `how.stop` is text, and the caller's to look for.
        Raises `InputError` at once, not at the first token, for a prompt that can't be read.
        """
        ...

    def close(self) -> None:
        """Give back what the engine holds."""
        ...


def common_prefix_length(kept: np.ndarray, places: np.ndarray) -> int:
    """How many places two prompts have in common at their beginnings; the last is always read anew, since
    its logits are wanted.

    >>> longest_common(np.array([5, 6, -3, 8]), np.array([5, 6, -3, 8]))
    3
    >>> longest_common(np.array([5, 6]), np.array([5, 7, 6]))
    1
    """
    n = min(len(kept), len(places) - 1)
    differs = np.flatnonzero(kept[:n] != places[:n])
    return int(differs[0]) if len(differs) else n
