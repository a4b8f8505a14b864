"""Render conversations for the request head: token ids, with soft tokens at the items that are named.

Attention is causal, so a dialogue is encoded once for all the points at which a recommendation is wanted: the
state after the header of an assistant's turn is that of the conversation up to there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from bowerbird.conversations.contexts import ContextTurn, ConversationContext, Mention
from bowerbird.data.dialogues import Role
from bowerbird.graft.base import Base
from bowerbird.graft.head.config import ItemInput
from bowerbird.graft.prompt import RenderedPrompt, SoftItem, strip_control_tokens

_TASTE_HEADER = "A person's taste:"
_HEADERS = {Role.USER: "\nUser:", Role.ASSISTANT: "\nAssistant:"}


@dataclass(frozen=True)
class Span:
    """Tokens `start` to `end` (exclusive) that represent a turn or a named item."""

    start: int
    end: int


@dataclass(frozen=True)
class RenderedConversation:
    """A conversation's tokens, and where its turns and named items are among them."""

    prompt: RenderedPrompt
    turns: tuple[Span, ...]
    """Each turn with its header."""
    roles: tuple[Role, ...]
    """Who speaks in each turn."""
    header_ends: tuple[int, ...]
    """Last token of each turn's header, then of the header of the reply that is wanted."""
    mentions: tuple[tuple[Span, Mention], ...]
    """In the order of the text; empty spans where a name was cut out."""
    taste: Span = Span(0, 0)
    """The soft tokens of the user's taste; empty without one."""

    def __len__(self) -> int:
        return len(self.prompt)

    def end_at(self, turn: int, max_tokens: int) -> RenderedConversation:
        """The last `max_tokens` tokens before the content of a turn; spans that begin earlier are cut."""
        end = self.header_ends[turn] + 1
        start = max(0, end - max_tokens)

        def shift(span: Span) -> Span:
            return Span(max(0, span.start - start), max(0, span.end - start))

        return RenderedConversation(
            replace(self.prompt, ids=self.prompt.ids[start:end], slots=self.prompt.slots[start:end]),
            tuple(shift(span) for span in self.turns[:turn]),
            self.roles[:turn],
            tuple(max(0, header_end - start) for header_end in self.header_ends[: turn + 1]),
            tuple((shift(span), mention) for span, mention in self.mentions if mention.turn < turn),
            shift(self.taste),
        )


class ConversationRenderer:
    """Renders conversations as tokens of a base model."""

    def __init__(
        self, base: Base, item_input: ItemInput, tokens_per_item: int, titles: Sequence[str]
    ) -> None:
        """`titles` (items,) name the items of sequences without text."""
        self._base, self._item_input = base, item_input
        self._tokens_per_item, self._titles = tokens_per_item, titles
        self._headers = {role: base.tokenize(header) for role, header in _HEADERS.items()}

    def render(self, context: ConversationContext, taste: SoftItem | None = None) -> RenderedConversation:
        """Render the user's taste, all turns of a context, and the header of the reply."""
        tokens = _Tokens(self._base.placeholder_id)
        taste_span = Span(0, 0) if taste is None else self._add_taste(tokens, taste)
        mentions: list[tuple[Span, Mention]] = []
        spans, header_ends = [], []
        turns = context.turns or _turns_of_sequence(context.mentions)
        for number, turn in enumerate(turns):
            start = len(tokens.ids)
            tokens.add_text(self._headers[turn.role])
            header_ends.append(len(tokens.ids) - 1)
            in_turn = [mention for mention in context.mentions if mention.turn == number]
            for segment in _split(turn.text, in_turn):
                if isinstance(segment, str):
                    tokens.add_text(self._base.tokenize(strip_control_tokens(self._base, segment)))
                else:
                    mentions.append((self._add_item(tokens, turn.text, segment), segment))
            spans.append(Span(start, len(tokens.ids)))
        tokens.add_text(self._headers[Role.ASSISTANT])
        header_ends.append(len(tokens.ids) - 1)
        roles = tuple(turn.role for turn in turns)
        return RenderedConversation(
            tokens.as_prompt(), tuple(spans), roles, tuple(header_ends), tuple(mentions), taste_span
        )

    def _add_taste(self, tokens: _Tokens, taste: SoftItem) -> Span:
        tokens.add_text(self._base.tokenize(_TASTE_HEADER))
        start = len(tokens.ids)
        tokens.add_item(taste, self._tokens_per_item)
        return Span(start, len(tokens.ids))

    def _add_item(self, tokens: _Tokens, text: str, mention: Mention) -> Span:
        start = len(tokens.ids)
        if self._item_input is ItemInput.SOFT_TOKENS:
            tokens.add_item(mention.item, self._tokens_per_item)
        elif self._item_input is ItemInput.TITLES:
            name = text[mention.start : mention.end] or self._titles[mention.item]
            tokens.add_text(self._base.tokenize(strip_control_tokens(self._base, " " + name)))
        return Span(start, len(tokens.ids))


class _Tokens:
    """Token ids and slots of a prompt under construction."""

    def __init__(self, placeholder_id: int) -> None:
        self._placeholder_id = placeholder_id
        self.ids: list[int] = []
        self._slots: list[int] = []
        self._items: list[int | SoftItem] = []

    def add_text(self, ids: Sequence[int]) -> None:
        """Add text to the prompt."""
        self.ids += ids
        self._slots += [-1] * len(ids)

    def add_item(self, item: int | SoftItem, n_tokens: int) -> None:
        """Add an item to the prompt."""
        first = len(self._items) * n_tokens
        self.ids += [self._placeholder_id] * n_tokens
        self._slots += range(first, first + n_tokens)
        self._items.append(item)

    def as_prompt(self) -> RenderedPrompt:
        """Give what was added as a prompt."""
        return RenderedPrompt(
            np.array(self.ids, np.int64), np.array(self._slots, np.int64), tuple(self._items)
        )


def _split(text: str, mentions: Sequence[Mention]) -> Iterator[str | Mention]:
    """A turn's text without the names, and the items in their places; blanks beside a name are dropped."""
    end = 0
    for mention in sorted(mentions, key=lambda each: each.start):
        if before := text[end : mention.start].rstrip():
            yield before if end or before[0].isspace() else " " + before
        yield mention
        end = max(end, mention.end)
    if rest := text[end:].rstrip():
        yield rest if end else " " + rest


def _turns_of_sequence(mentions: Sequence[Mention]) -> list[ContextTurn]:
    """The turns of a sequence without text: who named items in each."""
    roles = {mention.turn: mention.role for mention in mentions}
    return [ContextTurn(roles.get(turn, Role.USER), "") for turn in range(max(roles, default=-1) + 1)]
