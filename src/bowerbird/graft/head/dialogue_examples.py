"""Training examples of the request head: the store's dialogues, read as they are when they are answered."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bowerbird.conversations.contexts import ContextBuilder, DialogueExample
from bowerbird.conversations.linking import ItemLinker, find_everyday_words
from bowerbird.data.dialogues import Dialogue, read_dialogues
from bowerbird.data.items import Catalogue
from bowerbird.data.snapshot import StoreSnapshot


def read_dialogue_examples(snapshot: StoreSnapshot) -> list[DialogueExample]:
    """Examples of a snapshot's dialogues; none where it has no dialogues."""
    version = snapshot.version("dialogues")
    if version is None:
        return []
    dialogues, catalogue = read_dialogues(version.path), snapshot.catalogue
    words = find_everyday_words(turn.text for dialogue in dialogues for turn in dialogue.turns if turn.text)
    linker = ItemLinker(read_titles(catalogue), count_mentions(dialogues, catalogue.position), words)
    return ContextBuilder(linker, catalogue.position).examples(dialogues)


def read_titles(catalogue: Catalogue) -> list[str]:
    """Titles of all items, in the order of their positions."""
    return [catalogue.item(position).title for position in range(len(catalogue))]


def count_mentions(dialogues: Sequence[Dialogue], position: dict[str, int]) -> NDArray[np.float32]:
    """How often each item is named, (items,)."""
    counts = np.zeros(len(position), np.float32)
    for dialogue in dialogues:
        for turn in dialogue.turns:
            for item_id in turn.mentioned:
                if item_id in position:
                    counts[position[item_id]] += 1
    return counts
