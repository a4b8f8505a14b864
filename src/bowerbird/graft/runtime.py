"""The contract of the engines that run a graft's language model: embeddings in, token ids out.

Neither engines nor torch are imported here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from bowerbird.data.arrays import FloatArray, IntArray
from bowerbird.errors import InputError

TokenConstraint = Callable[[list[int]], Sequence[int] | None]
"""Maps the ids generated so far to the ids allowed next; None allows all."""


@dataclass(frozen=True)
class SamplingParams:
    """How to generate: greedily at temperature 0, otherwise sampled with a seed."""

    max_tokens: int = 64
    min_tokens: int = 0
    """Tokens generated before the text may end."""
    temperature: float = 0.0
    seed: int = 0
    stop: tuple[str, ...] = ()
    """Texts that end the reply; they are not part of it."""
    allowed_tokens: TokenConstraint | None = None


@dataclass(frozen=True)
class PromptEmbeddings:
    """A prompt as input embeddings.

    `token_keys` (T,) int64 identify the tokens: a token id, or a negative key of a soft token. Equal keys
    mean equal embeddings, so the keys and values of a common prefix can be reused. `embeddings` (T, hidden)
    float32.
    """

    token_keys: IntArray
    embeddings: FloatArray

    def __len__(self) -> int:
        return len(self.token_keys)


@dataclass(frozen=True)
class ModelLimits:
    """A language model's name, embedding width and context length (tokens)."""

    name: str
    hidden: int
    context_length: int


def check_prompt(prompt: PromptEmbeddings, limits: ModelLimits) -> PromptEmbeddings:
    """Return the prompt if it is valid: a malformed one must never reach an engine.

    Raises `InputError` for a wrong shape or type, an empty or too long prompt, or values that are not finite.
    """
    token_keys, embeddings = prompt.token_keys, prompt.embeddings
    if embeddings.dtype != np.float32 or token_keys.dtype != np.int64:
        raise InputError(
            f"a prompt has float32 embeddings and int64 token keys, "
            f"not {embeddings.dtype} and {token_keys.dtype}"
        )
    if (
        embeddings.ndim != 2
        or embeddings.shape[1] != limits.hidden
        or token_keys.shape != embeddings.shape[:1]
    ):
        raise InputError(
            f"{limits.name} reads embeddings of shape (tokens, {limits.hidden}) and one key per token, "
            f"not {embeddings.shape} and {token_keys.shape}"
        )
    if len(prompt) == 0:
        raise InputError("the prompt is empty: give at least one word or item")
    if len(prompt) >= limits.context_length:
        raise InputError(
            f"the prompt has {len(prompt)} tokens, {limits.name} takes fewer than {limits.context_length}: "
            "shorten it"
        )
    if not np.isfinite(embeddings).all():
        rows = np.flatnonzero(~np.isfinite(embeddings).all(1))
        raise InputError(f"the embedding at position {rows[0]} of the prompt is not finite: check its vector")
    return prompt


class Runtime(Protocol):
    """An engine with a loaded language model; safe to use from several threads."""

    def generate(self, prompt: PromptEmbeddings, sampling: SamplingParams) -> Iterator[int]:
        """Stream token ids until an end token or `max_tokens`; end tokens are not included.

        `sampling.stop` is text and handled by the caller.
        Raises `InputError` for an invalid prompt, immediately and not at the first token.
        """
        ...

    def close(self) -> None:
        """Release the engine's resources."""
        ...


def common_prefix_length(cached: IntArray, token_keys: IntArray) -> int:
    """Length of the common prefix of two prompts' token keys, at most all but the last token of the new one.

    The last token is always computed again, since its logits are needed.

    >>> common_prefix_length(np.array([5, 6, -3, 8]), np.array([5, 6, -3, 8]))
    3
    >>> common_prefix_length(np.array([5, 6]), np.array([5, 7, 6]))
    1
    """
    n = min(len(cached), len(token_keys) - 1)
    differences = np.flatnonzero(cached[:n] != token_keys[:n])
    return int(differences[0]) if len(differences) else n
