"""Near copies of held-out dialogues, which published collections hold under other ids: they would leak."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from bowerbird.conversations.contexts import DialogueExample

MIN_SHARED = 3
"""Items that two dialogues share at least to be near copies."""
MIN_JACCARD = 0.6


def without_near_copies(
    training: Sequence[DialogueExample], held_out: Sequence[DialogueExample]
) -> list[DialogueExample]:
    """Leave out the training examples of dialogues that name nearly the same items as a held-out one."""
    items_of, held_out_items = _items_by_dialogue(training), _items_by_dialogue(held_out)
    dialogues_with: dict[int, list[str]] = defaultdict(list)
    for dialogue_id, items in items_of.items():
        for item in items:
            dialogues_with[item].append(dialogue_id)
    copies: set[str] = set()
    for items in held_out_items.values():
        shared = Counter(dialogue_id for item in items for dialogue_id in dialogues_with[item])
        copies |= {
            dialogue_id
            for dialogue_id, n in shared.items()
            if n >= MIN_SHARED and n >= MIN_JACCARD * len(items | items_of[dialogue_id])
        }
    return [example for example in training if example.dialogue_id not in copies]


def _items_by_dialogue(examples: Sequence[DialogueExample]) -> dict[str, set[int]]:
    items: dict[str, set[int]] = defaultdict(set)
    for example in examples:
        items[example.dialogue_id].update(mention.item for mention in example.context.mentions)
        items[example.dialogue_id].update(example.targets)
    return items
