"""Prompts that mix text and items: a list of texts, item positions and other vectors.

Text can never turn into an item: items' positions are known by construction, not found by a placeholder's id,
and the tokenizer's control tokens are removed from user text before it enters a chat.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from bowerbird.choices import MAX_TOKENS_PER_ITEM
from bowerbird.data.arrays import FloatArray, IntArray
from bowerbird.errors import InputError
from bowerbird.graft.base import Base
from bowerbird.graft.connector import TokenKind


@dataclass(frozen=True, eq=False)
class SoftItem:
    """A vector in item space, (dim,), and its kind: a user's taste, an interest, a picture…"""

    kind: TokenKind
    vector: FloatArray


PromptSegment = str | int | SoftItem
"""Text, an item's position in the catalogue, or another vector."""
Prompt = Sequence[PromptSegment]
Turn = tuple[str, Prompt]
"""A role (`user`, `assistant`) and the message."""

_OBJECT = "\ufffc"  # OBJECT REPLACEMENT CHARACTER: stands for an item while the chat template is applied


@dataclass(frozen=True)
class RenderedPrompt:
    """A prompt as token ids, (T,) int64; `slots` (T,) is the index of the soft token at a position, else -1.

    The k soft tokens of `soft_items[n]` have the indices n·k … n·k + k - 1.
    """

    ids: IntArray
    slots: IntArray
    soft_items: tuple[int | SoftItem, ...]

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def token_keys(self) -> IntArray:
        """A key for each position, (T,) int64: token ids (at least 0), or a negative key of the soft
        token."""
        if not self.soft_items:
            return self.ids
        tokens = int(self.slots.max() + 1) // len(self.soft_items)
        soft_keys = np.array(
            [_cache_key(soft_item) + j for soft_item in self.soft_items for j in range(tokens)], np.int64
        )
        return np.where(self.slots >= 0, soft_keys[self.slots], self.ids)

    def concat(self, ids: Sequence[int]) -> RenderedPrompt:
        """Return a copy with text token ids appended."""
        text_ids = np.array(ids, np.int64)
        return RenderedPrompt(
            np.concatenate([self.ids, text_ids]),
            np.concatenate([self.slots, np.full(len(text_ids), -1)]),
            self.soft_items,
        )


def _cache_key(soft_item: int | SoftItem) -> int:
    """A negative key for a soft item's first soft token; its further tokens have the following numbers."""
    if not isinstance(soft_item, SoftItem):
        return -(int(soft_item) + 1) * MAX_TOKENS_PER_ITEM
    digest = hashlib.blake2b(bytes([soft_item.kind]) + soft_item.vector.tobytes(), digest_size=7).digest()
    # Below any item's key: 56 bits of hash, spaced by the number of soft tokens that an item can have.
    return -(int.from_bytes(digest, "big") + 2**40) * MAX_TOKENS_PER_ITEM


def render(base: Base, prompt: Prompt, n_items: int, dim: int, tokens: int = 1) -> RenderedPrompt:
    """Convert a prompt to token ids and slots, `tokens` slots per soft item.

    Raises `InputError` for positions outside the `n_items` of the catalogue, and for vectors that are not
    finite or not (dim,).
    """
    ids: list[int] = []
    slots: list[int] = []
    soft_items: list[int | SoftItem] = []
    for segment in _merge_texts(prompt):
        if isinstance(segment, str):
            token_ids = base.tokenize(segment)
            ids += token_ids
            slots += [-1] * len(token_ids)
            continue
        _check(segment, n_items, dim)
        ids += [base.placeholder_id] * tokens
        slots += range(len(soft_items) * tokens, (len(soft_items) + 1) * tokens)
        soft_items.append(segment)
    if not ids:
        raise InputError("the prompt is empty: give at least one word or item")
    return RenderedPrompt(np.array(ids, np.int64), np.array(slots, np.int64), tuple(soft_items))


def _check(soft_item: int | SoftItem, n_items: int, dim: int) -> None:
    if not isinstance(soft_item, SoftItem):
        if not 0 <= soft_item < n_items:
            raise InputError(
                f"the prompt contains item position {soft_item}, the catalogue has {n_items} items"
            )
    elif soft_item.vector.shape != (dim,) or not np.isfinite(soft_item.vector).all():
        raise InputError(
            f"a {soft_item.kind.name.lower()} in the prompt must be a finite vector of shape ({dim},), "
            f"not {soft_item.vector.shape}"
        )


def stack_soft_vectors(soft_items: Sequence[int | SoftItem], matrix: FloatArray) -> tuple[Tensor, Tensor]:
    """Stack the vectors (n, dim) float32 and kinds (n,) int64 of a prompt's soft items."""
    rows = [
        soft_item.vector if isinstance(soft_item, SoftItem) else matrix[soft_item] for soft_item in soft_items
    ]
    kinds = [
        soft_item.kind if isinstance(soft_item, SoftItem) else TokenKind.ITEM for soft_item in soft_items
    ]
    stacked = np.stack(rows).astype(np.float32) if rows else np.zeros((0, matrix.shape[1]), np.float32)
    return torch.from_numpy(stacked), torch.tensor([int(kind) for kind in kinds], dtype=torch.int64)


def insert_soft_tokens(base: Base, rendered: RenderedPrompt, soft_tokens: Tensor) -> Tensor:
    """Input embeddings (T, hidden): text from the embedding table, `soft_tokens` (n · k, hidden) at the
    slots."""
    embeddings = base.embed_tokens(rendered.ids)
    slots = torch.from_numpy(rendered.slots)
    embeddings[slots >= 0] = soft_tokens[slots[slots >= 0]]
    return embeddings


def build_chat_prompt(base: Base, system: str, turns: Sequence[Turn]) -> list[PromptSegment]:
    """Render a conversation in the model's chat format, ending where the assistant's reply begins."""
    soft_items: list[int | SoftItem] = []
    messages = [{"role": "system", "content": strip_control_tokens(base, system)}] if system else []
    for role, message in turns:
        content = ""
        for segment in message:
            if isinstance(segment, str):
                content += strip_control_tokens(base, segment)
            else:
                content += _OBJECT
                soft_items.append(segment)
        messages.append({"role": role, "content": content})
    if base.tokenizer.chat_template:
        text: str = base.tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    else:
        text = "".join(f"{message['role']}: {message['content']}\n" for message in messages) + "assistant:"
    text_parts = text.split(_OBJECT)
    prompt: list[PromptSegment] = [text_parts[0]]
    for soft_item, segment in zip(soft_items, text_parts[1:], strict=True):
        prompt += [soft_item, segment]
    return [segment for segment in prompt if segment != ""]


def strip_control_tokens(base: Base, text: str) -> str:
    """Remove the tokenizer's control tokens, so that user text can't end the system's turn (prompt
    injection).

    Removing one may create another (`<|im_<|im_end|>end|>`), so it is repeated until nothing changes.
    """
    control = sorted({_OBJECT, *base.tokenizer.all_special_tokens}, key=len, reverse=True)
    while True:
        cleaned = text
        for token in control:
            cleaned = cleaned.replace(token, "")
        if cleaned == text:
            return cleaned
        text = cleaned


def _merge_texts(prompt: Prompt) -> list[PromptSegment]:
    """Join neighbouring texts, so that the way a text was split never changes its tokens."""
    merged: list[PromptSegment] = []
    for segment in prompt:
        if isinstance(segment, str) and merged and isinstance(merged[-1], str):
            merged[-1] += segment
        elif not isinstance(segment, str):
            merged.append(segment if isinstance(segment, SoftItem) else int(segment))
        elif segment:
            merged.append(segment)
    return merged
