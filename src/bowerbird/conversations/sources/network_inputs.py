"""Contexts as the arrays that the context network reads: named items and bags of words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from bowerbird.conversations.contexts import ConversationContext, Mention
from bowerbird.conversations.sources.arrays import last_mentions
from bowerbird.conversations.text_index import WordIndex
from bowerbird.data.arrays import IntArray
from bowerbird.data.dialogues import Role

MAX_MENTIONS = 12
"""Named items that are read, the most recent ones."""
N_MENTION_KINDS = 12  # 2 roles × 3 sentiments × certain or not
WORDS_PER_BAG = (60, 150, 150)
"""Words that are read of: the user's last turn, the user's earlier turns, the assistant's turns."""
N_BAGS = len(WORDS_PER_BAG)

Bag = tuple[torch.Tensor, torch.Tensor]
"""Word numbers of all contexts one after the other, and where each context's begin."""


@dataclass(frozen=True, slots=True)
class NetworkInputs:
    """N contexts, M mentions each, the most recent first."""

    items: IntArray
    """(N, M) positions; -1 where there is no mention."""
    kinds: IntArray
    """(N, M) role, sentiment and certainty as one number."""
    bags: tuple[list[list[int]], ...]
    """For each bag the word numbers of each context."""

    @classmethod
    def of(cls, contexts: Sequence[ConversationContext], words: WordIndex) -> NetworkInputs:
        items = np.full((len(contexts), MAX_MENTIONS), -1, np.int64)
        kinds = np.zeros((len(contexts), MAX_MENTIONS), np.int64)
        bags: tuple[list[list[int]], ...] = ([], [], [])
        for row, context in enumerate(contexts):
            for column, mention in enumerate(last_mentions(context)[:MAX_MENTIONS]):
                items[row, column], kinds[row, column] = mention.item, _kind(mention)
            for bag, text, limit in zip(bags, _texts(context), WORDS_PER_BAG, strict=True):
                bag.append(words.numbers(text)[-limit:])
        return cls(items, kinds, bags)

    def batch(self, rows: IntArray) -> tuple[torch.Tensor, torch.Tensor, list[Bag]]:
        """Tensors of some contexts: items (B, M), kinds (B, M), and the bags."""
        bags = [pack_bag([bag[row] for row in rows.tolist()]) for bag in self.bags]
        return torch.from_numpy(self.items[rows]), torch.from_numpy(self.kinds[rows]), bags


def pack_bag(numbers: Sequence[Sequence[int]]) -> Bag:
    """Lists of word numbers in the form that `EmbeddingBag` reads."""
    starts = np.cumsum([0, *map(len, numbers)])[:-1]
    flat = [number for each in numbers for number in each]
    return torch.tensor(flat, dtype=torch.long), torch.tensor(starts, dtype=torch.long)


def _kind(mention: Mention) -> int:
    is_assistant = int(mention.role is Role.ASSISTANT)
    return is_assistant * 3 + int(mention.sentiment) + 1 + (0 if mention.is_certain else 6)


def _texts(context: ConversationContext) -> tuple[str, str, str]:
    user = [turn.text for turn in context.turns if turn.role is Role.USER]
    assistant = [turn.text for turn in context.turns if turn.role is Role.ASSISTANT]
    # The end of what was said before weighs more than its beginning.
    return " ".join(user[-1:]), " ".join(user[:-1])[-1500:], " ".join(assistant)[-1500:]
