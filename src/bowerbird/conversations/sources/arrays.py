"""What sources share: arrays of a version's files, and the items of contexts as sparse rows."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from bowerbird.conversations.contexts import ConversationContext, Mention, Sentiment
from bowerbird.data.arrays import FloatArray
from bowerbird.errors import StoreError


def load_arrays(path: Path) -> Mapping[str, Any]:
    """Read the arrays of an `.npz` file. Raises `StoreError` where it is missing or broken."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except (OSError, ValueError, zipfile.BadZipFile, KeyError) as error:
        raise StoreError(f"{path} can't be read ({error}): run `bowerbird graft` again") from None


def pad_rows(array: FloatArray, n: int) -> FloatArray:
    """Append rows of zeros, for items that came after a training: (items, ...) to (n, ...)."""
    padding = [(0, n - len(array))] + [(0, 0)] * (array.ndim - 1)
    padded: FloatArray = np.pad(array, padding)
    return padded


def last_mentions(context: ConversationContext) -> list[Mention]:
    """The last mention of each item, the most recent first."""
    by_item: dict[int, Mention] = {}
    for mention in reversed(context.mentions):
        by_item.setdefault(mention.item, mention)
    return list(by_item.values())


def mention_rows(
    contexts: Sequence[ConversationContext], n_items: int, decay: float, dislike: float
) -> sparse.csr_matrix:
    """Weights of the named items, (contexts, items): 1 for the last one, `decay` less for each before it.

    A disliked item weighs `dislike` times as much.
    """
    rows, columns, weights = [], [], []
    for row, context in enumerate(contexts):
        for age, mention in enumerate(last_mentions(context)):
            rows.append(row)
            columns.append(mention.item)
            weights.append(decay**age * (dislike if mention.sentiment is Sentiment.DISLIKED else 1.0))
    shape = (len(contexts), n_items)
    return sparse.csr_matrix((np.array(weights, np.float32), (rows, columns)), shape)
