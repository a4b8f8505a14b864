"""Prompts in which items stand among words: a list of texts, item positions and other vectors.

Text never turns into an item: an item's place is known by construction, not by looking for a marker's id, and
what people write is stripped of the tokenizer's control tokens before it enters a chat.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from bowerbird.errors import InputError
from bowerbird.graft.base import Base
from bowerbird.graft.connector import MOST_TOKENS, TokenKind


@dataclass(frozen=True, eq=False)
class SoftItem:
    """A vector in item space, (dim,), and what it stands for: a person's taste, an interest, a picture…"""

    kind: TokenKind
    vector: np.ndarray


PromptSegment = str | int | SoftItem
"""Text, an item's position in the catalogue, or another vector."""
Prompt = Sequence[PromptSegment]
Turn = tuple[str, Prompt]
"""A role (`user`, `assistant`) and what was said."""

_PLACE = "\ufffc"  # OBJECT REPLACEMENT CHARACTER: an item's place while a chat template runs


@dataclass(frozen=True)
class RenderedPrompt:
    """A prompt as token ids, (T,) int64; `slots` (T,) is the number of the soft token at a place, else -1.

    The k soft tokens of `things[n]` have the numbers n·k … n·k + k - 1.
    """

    ids: np.ndarray
    slots: np.ndarray
    things: tuple[int | SoftItem, ...]

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def places(self) -> np.ndarray:
        """What stands at each place, (T,) int64: token ids are at least 0, soft tokens are below."""
        if not self.things:
            return self.ids
        tokens = int(self.slots.max() + 1) // len(self.things)
        names = np.array([_name(thing) + j for thing in self.things for j in range(tokens)], np.int64)
        return np.where(self.slots >= 0, names[self.slots], self.ids)

    def followed_by(self, ids: Sequence[int]) -> RenderedPrompt:
        """The same with more words' tokens at the end."""
        more = np.array(ids, np.int64)
        return RenderedPrompt(
            np.concatenate([self.ids, more]),
            np.concatenate([self.slots, np.full(len(more), -1)]),
            self.things,
        )


def _name(thing: int | SoftItem) -> int:
    """A number below 0 for a thing's first soft token; those of its others follow it."""
    if not isinstance(thing, SoftItem):
        return -(int(thing) + 1) * MOST_TOKENS
    said = hashlib.blake2b(bytes([thing.kind]) + thing.vector.tobytes(), digest_size=7).digest()
    # Beyond any item's number: 56 bits of hash, in steps of as many as a thing has soft tokens.
    return -(int.from_bytes(said, "big") + 2**40) * MOST_TOKENS


def render(base: Base, prompt: Prompt, n_items: int, dim: int, tokens: int = 1) -> RenderedPrompt:
    """Token ids and slots of a prompt: `tokens` slots a thing.

    Raises `InputError` for positions outside the `n_items` of the catalogue, and for vectors that are not
    finite or not (dim,).
    """
    ids: list[int] = []
    slots: list[int] = []
    things: list[int | SoftItem] = []
    for piece in _joined(prompt):
        if isinstance(piece, str):
            words = base.tokens(piece)
            ids += words
            slots += [-1] * len(words)
            continue
        _check(piece, n_items, dim)
        ids += [base.item_id] * tokens
        slots += range(len(things) * tokens, (len(things) + 1) * tokens)
        things.append(piece)
    if not ids:
        raise InputError("the prompt is empty: give at least one word or item")
    return RenderedPrompt(np.array(ids, np.int64), np.array(slots, np.int64), tuple(things))


def _check(thing: int | SoftItem, n_items: int, dim: int) -> None:
    if not isinstance(thing, SoftItem):
        if not 0 <= thing < n_items:
            raise InputError(f"the prompt names item position {thing}, the catalogue has {n_items} items")
    elif thing.vector.shape != (dim,) or not np.isfinite(thing.vector).all():
        raise InputError(
            f"a {thing.kind.name.lower()} in the prompt must be a finite vector of shape ({dim},), "
            f"not {thing.vector.shape}"
        )


def vectors_of(things: Sequence[int | SoftItem], matrix: np.ndarray) -> tuple[Tensor, Tensor]:
    """Vectors (things, dim) float32 and kinds (things,) of what stands in a prompt."""
    rows = [thing.vector if isinstance(thing, SoftItem) else matrix[thing] for thing in things]
    kinds = [thing.kind if isinstance(thing, SoftItem) else TokenKind.ITEM for thing in things]
    stacked = np.stack(rows).astype(np.float32) if rows else np.zeros((0, matrix.shape[1]), np.float32)
    return torch.from_numpy(stacked), torch.tensor([int(kind) for kind in kinds], dtype=torch.int64)


def embed(base: Base, rendered: RenderedPrompt, soft_tokens: Tensor) -> Tensor:
    """Input embeddings (T, hidden): words from the table, `soft_tokens` (things · k, hidden) at the slots."""
    embedded = base.rows(rendered.ids)
    slots = torch.from_numpy(rendered.slots)
    embedded[slots >= 0] = soft_tokens[slots[slots >= 0]]
    return embedded


def chat_prompt(base: Base, system: str, turns: Sequence[Turn]) -> list[PromptSegment]:
    """A conversation in the model's own chat format, ending where the assistant speaks."""
    things: list[int | SoftItem] = []
    messages = [{"role": "system", "content": plain(base, system)}] if system else []
    for role, said in turns:
        content = ""
        for piece in said:
            if isinstance(piece, str):
                content += plain(base, piece)
            else:
                content += _PLACE
                things.append(piece)
        messages.append({"role": role, "content": content})
    if base.tokenizer.chat_template:
        text: str = base.tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    else:
        text = "".join(f"{one['role']}: {one['content']}\n" for one in messages) + "assistant:"
    pieces = text.split(_PLACE)
    prompt: list[PromptSegment] = [pieces[0]]
    for thing, piece in zip(things, pieces[1:], strict=True):
        prompt += [thing, piece]
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


def _joined(prompt: Prompt) -> list[PromptSegment]:
    """Neighbouring texts as one, so that how a text was cut never changes its tokens."""
    joined: list[PromptSegment] = []
    for piece in prompt:
        if isinstance(piece, str) and joined and isinstance(joined[-1], str):
            joined[-1] += piece
        elif not isinstance(piece, str):
            joined.append(piece if isinstance(piece, SoftItem) else int(piece))
        elif piece:
            joined.append(piece)
    return joined
