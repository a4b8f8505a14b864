"""Prompts in which items stand among words: a list of text pieces and item positions.

Text never turns into an item: an item's place is known by construction, not by looking for a marker's id, and
what people write is stripped of the tokenizer's control tokens before it enters a chat.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from bowerbird.errors import InputError
from bowerbird.graft.base import Base

Prompt = Sequence[str | int]
"""Text pieces, and integers that are items' positions in the catalogue."""
Turn = tuple[str, Prompt]
"""A role (`user`, `assistant`) and what was said."""

_PLACE = "\ufffc"  # OBJECT REPLACEMENT CHARACTER: an item's place while a chat template runs


@dataclass(frozen=True)
class Rendered:
    """A prompt as token ids, (T,) int64; `items` (T,) holds an item's position at its slot, else -1."""

    ids: np.ndarray
    items: np.ndarray

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def places(self) -> np.ndarray:
        """What stands at each place, (T,) int64: token ids are at least 0, items are below."""
        return np.where(self.items >= 0, -1 - self.items, self.ids)


def render(base: Base, prompt: Prompt, n_items: int) -> Rendered:
    """Token ids and item slots of a prompt: one slot an item. Raises `InputError` for unknown positions."""
    ids: list[int] = []
    items: list[int] = []
    for piece in _joined(prompt):
        if isinstance(piece, str):
            tokens = base.tokens(piece)
            ids += tokens
            items += [-1] * len(tokens)
        else:
            if not 0 <= piece < n_items:
                raise InputError(f"the prompt names item position {piece}, the catalogue has {n_items} items")
            ids.append(base.item_id)
            items.append(int(piece))
    if not ids:
        raise InputError("the prompt is empty: give at least one word or item")
    return Rendered(np.array(ids, np.int64), np.array(items, np.int64))


def embed(base: Base, rendered: Rendered, soft_tokens: Tensor) -> Tensor:
    """Input embeddings (T, hidden): words from the table, `soft_tokens` (slots, hidden) at the slots."""
    embedded = base.table[torch.from_numpy(rendered.ids)].clone()
    embedded[torch.from_numpy(rendered.items >= 0)] = soft_tokens.to(embedded.dtype)
    return embedded


def chat_prompt(base: Base, system: str, turns: Sequence[Turn]) -> list[str | int]:
    """A conversation in the model's own chat format, ending where the assistant speaks."""
    items: list[int] = []
    messages = [{"role": "system", "content": plain(base, system)}] if system else []
    for role, said in turns:
        content = ""
        for piece in said:
            if isinstance(piece, str):
                content += plain(base, piece)
            else:
                content += _PLACE
                items.append(int(piece))
        messages.append({"role": role, "content": content})
    if base.tokenizer.chat_template:
        text: str = base.tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    else:
        text = "".join(f"{one['role']}: {one['content']}\n" for one in messages) + "assistant:"
    pieces = text.split(_PLACE)
    prompt: list[str | int] = [pieces[0]]
    for item, piece in zip(items, pieces[1:], strict=True):
        prompt += [item, piece]
    return [piece for piece in prompt if piece != ""]


def plain(base: Base, text: str) -> str:
    """Text without the tokenizer's control tokens: nobody ends the system's turn by writing its end token.

    Taking one out may leave another (`<|im_<|im_end|>end|>`), so it is repeated until nothing changes.
    """
    control = sorted({_PLACE, *base.tokenizer.all_special_tokens}, key=len, reverse=True)
    while True:
        cleaned = text
        for token in control:
            cleaned = cleaned.replace(token, "")
        if cleaned == text:
            return cleaned
        text = cleaned


def _joined(prompt: Prompt) -> list[str | int]:
    """Neighbouring texts as one, so that how a text was cut never changes its tokens."""
    joined: list[str | int] = []
    for piece in prompt:
        if isinstance(piece, str) and joined and isinstance(joined[-1], str):
            joined[-1] += piece
        elif piece != "":
            joined.append(piece if isinstance(piece, str) else int(piece))
    return joined
