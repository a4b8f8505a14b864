"""Which conversations share a pass through the language model, and which passes go through it at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bowerbird.conversations.contexts import ConversationContext
from bowerbird.graft.head.rendering import RenderedConversation

BATCH_TOKENS = 2048
"""Tokens, padding included, that go through the language model at once."""


@dataclass(frozen=True)
class EncoderPass:
    """One sequence for the language model, and the contexts (index, number of turns) read from it."""

    rendered: RenderedConversation
    cuts: list[tuple[int, int]]


def count_turns(context: ConversationContext) -> int:
    """Turns of a context, also of one without text."""
    return len(context.turns) or max((mention.turn + 1 for mention in context.mentions), default=0)


def group_continuations(contexts: Sequence[ConversationContext]) -> Iterator[list[int]]:
    """Indices of neighbouring contexts of which each continues the one before."""
    group: list[int] = []
    for index, context in enumerate(contexts):
        if group and not _continues(context, contexts[group[-1]]):
            yield group
            group = []
        group.append(index)
    if group:
        yield group


def _continues(later: ConversationContext, earlier: ConversationContext) -> bool:
    return (
        bool(later.turns) == bool(earlier.turns)
        and later.turns[: len(earlier.turns)] == earlier.turns
        and later.mentions[: len(earlier.mentions)] == earlier.mentions
        and later.liked == earlier.liked
    )


def batch_passes(passes: Sequence[EncoderPass]) -> Iterator[list[EncoderPass]]:
    """Passes in batches of at most `BATCH_TOKENS`; `passes` are sorted by length."""
    batch: list[EncoderPass] = []
    for one_pass in passes:  # the newest is the longest
        if batch and (len(batch) + 1) * len(one_pass.rendered) > BATCH_TOKENS:
            yield batch
            batch = []
        batch.append(one_pass)
    if batch:
        yield batch
