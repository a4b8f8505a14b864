"""Scores items by the conversation itself, with the recommender from conversations and its request head.

It reads the user's last messages on the topic, the items on screen, and what the user liked last: always a
few, so that a turn costs the same however long the conversation has been.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from bowerbird.assist.request import Shown
from bowerbird.data.arrays import FloatArray
from bowerbird.data.dialogues import Role
from bowerbird.data.items import Catalogue

if TYPE_CHECKING:
    from bowerbird.conversations.contexts import ConversationContext
    from bowerbird.conversations.ranker import ConversationRanker

MAX_LENGTH = 200  # characters of a message
MAX_SHOWN = 2
"""Items on screen that are read."""
MAX_LIKED_NAMED = 2
"""Items liked by the user that are read by name."""
DEPTH = 8.0
"""Scores this far below the best one, in nats, count as 0."""


class ConversationScorer:
    """Scores a catalogue's items for a conversation."""

    def __init__(self, ranker: ConversationRanker, catalogue: Catalogue) -> None:
        """`catalogue` holds the items that are scored; the ranker has them all."""
        self._ranker = ranker
        self._rows = np.array([ranker.catalogue.position[item_id] for item_id in catalogue.ids], np.int64)

    def scores(
        self, messages: Sequence[str], on_screen: Sequence[Shown] = (), liked: Sequence[Shown] = ()
    ) -> FloatArray:
        """Score all items, (items,) float32 from 0 to 1: how near each comes to the best one.

        `liked` are items that the user liked before, the newest last: their taste.
        """
        return self.scale(self._ranker.fused([self.read(messages, on_screen, liked)])[0])

    def scale(self, fused: FloatArray) -> FloatArray:
        """Bring the ranker's log-scores of its items to 0 to 1, in the order of the catalogue."""
        own = fused[self._rows]
        scaled: FloatArray = np.maximum(own - own.max(), -DEPTH) / DEPTH + 1
        return scaled.astype(np.float32)

    def read(
        self, messages: Sequence[str], on_screen: Sequence[Shown], liked: Sequence[Shown]
    ) -> ConversationContext:
        """The conversation as the ranker reads it: liked items, the user's messages, the last list.

        The newest of the liked items are named, all of them are the user's taste.
        """
        from bowerbird.conversations.contexts import ContextTurn

        turns = [ContextTurn(Role.USER, text[:MAX_LENGTH]) for text in messages]
        context = self._ranker.contexts.context(turns)
        if len(messages) > 1 and on_screen:
            context = self._insert(context, len(turns) - 1, Role.ASSISTANT, on_screen[:MAX_SHOWN])
        if not liked:
            return context
        taste = tuple(self._ranker.catalogue.position[item.item_id] for item in liked)
        return replace(self._insert(context, 0, Role.USER, liked[-MAX_LIKED_NAMED:]), liked=taste)

    def _insert(
        self, context: ConversationContext, at: int, role: Role, items: Sequence[Shown]
    ) -> ConversationContext:
        """The context with a turn before turn `at` that names items."""
        from bowerbird.conversations.contexts import ContextTurn, Mention, Sentiment

        text, mentions = "", []
        for item in items:
            text += ", " * bool(text)
            position = self._ranker.catalogue.position[item.item_id]
            start, text = len(text), text + item.title
            mentions.append(Mention(position, at, role, Sentiment.NEUTRAL, True, start, len(text)))
        before = [each for each in context.mentions if each.turn < at]
        after = [replace(each, turn=each.turn + 1) for each in context.mentions if each.turn >= at]
        turns = (*context.turns[:at], ContextTurn(role, text), *context.turns[at:])
        return replace(context, turns=turns, mentions=(*before, *mentions, *after))
