"""What a recommender reads of a conversation: its turns so far, and the items named in them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from bowerbird.conversations.linking import ItemLinker
from bowerbird.conversations.sentiment import sentiment_at
from bowerbird.data.dialogues import Dialogue, DialogueTurn, Role


class Sentiment(IntEnum):
    """How the speaker feels about an item."""

    DISLIKED = -1
    NEUTRAL = 0
    LIKED = 1


@dataclass(frozen=True, slots=True)
class Mention:
    """An item named in a turn."""

    item: int
    """Position in the catalogue."""
    turn: int
    """Number of the turn, from 0."""
    role: Role
    sentiment: Sentiment
    is_certain: bool = True
    """Whether the text can hardly mean anything else; others do not leave the item out of the answer."""
    start: int = 0
    """Where the name begins in the turn's text, in characters; 0 and `end` 0 in sequences without text."""
    end: int = 0


@dataclass(frozen=True, slots=True)
class ContextTurn:
    """What one side said."""

    role: Role
    text: str


@dataclass(frozen=True, slots=True)
class ConversationContext:
    """A conversation up to the point where a recommendation is wanted."""

    turns: tuple[ContextTurn, ...]
    mentions: tuple[Mention, ...]
    """In the order of the text; an item that is named twice comes twice."""
    liked: tuple[int, ...] = ()
    """Items that the user liked before the conversation, the oldest first: their taste."""

    @property
    def mentioned_items(self) -> NDArray[np.int64]:
        """Items that were certainly named, (k,) without repetitions: not recommended again."""
        return np.unique(np.array([each.item for each in self.mentions if each.is_certain], np.int64))


@dataclass(frozen=True, slots=True)
class DialogueExample:
    """A context and what the assistant recommended next."""

    dialogue_id: str
    context: ConversationContext
    targets: tuple[int, ...]
    """Recommended items (positions) that were not named before."""
    repeated: tuple[int, ...] = ()
    """Recommended items that were named before."""


class ContextBuilder:
    """Makes contexts and examples; of dialogues with text it reads the text only, as when it answers."""

    def __init__(self, linker: ItemLinker, position: dict[str, int]) -> None:
        """`position` of each item id; the linker's positions are the same."""
        self._linker, self._position = linker, position

    def context(self, turns: Sequence[ContextTurn]) -> ConversationContext:
        """The context of a conversation as given."""
        mentions = [
            mention
            for number, turn in enumerate(turns)
            for mention in self._linked(number, turn.role, turn.text)
        ]
        return ConversationContext(tuple(turns), tuple(mentions))

    def examples(self, dialogues: Iterable[Dialogue], with_named: bool = False) -> list[DialogueExample]:
        """One example for each assistant turn that recommends an item that was not named before.

        `with_named`: also for those that recommend named items only; these have no targets.
        """
        examples = (example for dialogue in dialogues for example in self._examples_of(dialogue))
        return [example for example in examples if with_named or example.targets]

    def _examples_of(self, dialogue: Dialogue) -> list[DialogueExample]:
        examples: list[DialogueExample] = []
        mentions: list[Mention] = []
        mentioned: set[int] = set()
        turns = tuple(ContextTurn(turn.role, turn.text) for turn in dialogue.turns)
        liked = tuple(self._positions(dialogue.liked_before))
        for number, turn in enumerate(dialogue.turns):
            recommended = dict.fromkeys(self._positions(turn.recommended))
            if turn.role is Role.ASSISTANT and recommended:
                so_far = turns[:number] if dialogue.has_text else ()
                context = ConversationContext(so_far, tuple(mentions), liked)
                targets = tuple(item for item in recommended if item not in mentioned)
                repeated = tuple(item for item in recommended if item in mentioned)
                examples.append(DialogueExample(dialogue.dialogue_id, context, targets, repeated))
            new = self._mentions(number, turn, dialogue.has_text)
            mentions += new
            mentioned |= {each.item for each in new if each.is_certain} | set(self._positions(turn.mentioned))
        return examples

    def _mentions(self, number: int, turn: DialogueTurn, has_text: bool) -> list[Mention]:
        if has_text:
            return self._linked(number, turn.role, turn.text)
        return [
            Mention(item, number, turn.role, _labelled(turn, item_id))
            for item_id in turn.mentioned
            for item in self._positions((item_id,))
        ]

    def _linked(self, number: int, role: Role, text: str) -> list[Mention]:
        links = self._linker.link(text) if text else []
        return [
            Mention(
                link.item,
                number,
                role,
                Sentiment(sentiment_at(text, link.start, link.end)),
                link.is_certain,
                link.start,
                link.end,
            )
            for link in links
        ]

    def _positions(self, item_ids: Sequence[str]) -> list[int]:
        return [self._position[item_id] for item_id in item_ids if item_id in self._position]


def _labelled(turn: DialogueTurn, item_id: str) -> Sentiment:
    if item_id in turn.disliked:
        return Sentiment.DISLIKED
    return Sentiment.LIKED if item_id in turn.liked else Sentiment.NEUTRAL
