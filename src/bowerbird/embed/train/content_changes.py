"""What has changed since a version of the vectors: items, likes, words, and the holdout."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from bowerbird.data.arrays import BoolArray, IntArray, KeyArray
from bowerbird.data.interactions import Interactions
from bowerbird.data.splits import Holdout
from bowerbird.embed.encode.feature_cache import KEY_BYTES
from bowerbird.embed.encode.features import ItemFeatures
from bowerbird.embed.encode.reductions import LsaEncoder
from bowerbird.embed.train.neighbours import InteractionSequences
from bowerbird.embed.train.validation import HashSplit
from bowerbird.embed.update_report import ItemCounts

Number = TypeVar("Number", bound=np.number[Any])


@dataclass(frozen=True)
class ItemChanges:
    """Relates the N current items to those of the previous version."""

    source: IntArray  # (N,) int64, row in the previous version; -1 for new items
    unchanged: BoolArray  # (N,) bool, in the previous version with the same content
    removed: int
    """Number of items of the previous version that are gone."""

    @classmethod
    def of(
        cls,
        ids: Sequence[str],
        content_keys: KeyArray,
        previous_ids: Sequence[str],
        previous_content_keys: KeyArray,
    ) -> ItemChanges:
        row_of_id = {item_id: row for row, item_id in enumerate(previous_ids)}
        source = np.array([row_of_id.get(item_id, -1) for item_id in ids], np.int64)
        is_old = source >= 0
        unchanged = is_old.copy()
        unchanged[is_old] = previous_content_keys[source[is_old]] == content_keys[is_old]
        return cls(source, unchanged, len(previous_ids) - int(is_old.sum()))

    def reorder(self, rows: NDArray[Number]) -> NDArray[Number]:
        """Reorder rows of the previous version as the current items, (M, D) -> (N, D); zeros for new ones."""
        reordered = np.zeros((len(self.source), rows.shape[1]), rows.dtype)
        is_old = self.source >= 0
        reordered[is_old] = rows[self.source[is_old]]
        return reordered

    @property
    def counts(self) -> ItemCounts:
        """Numbers of new, changed and removed items."""
        new = int((self.source < 0).sum())
        return ItemCounts(new, int((~self.unchanged).sum()) - new, self.removed)


def compute_content_keys(item_words: Sequence[set[str]], features: ItemFeatures) -> KeyArray:
    """Hash the words and features of each item, (items,) `S16`."""
    keys = np.zeros(len(item_words), f"S{KEY_BYTES}")
    for row, words in enumerate(item_words):
        digest = hashlib.blake2b("\n".join(sorted(words)).encode(), digest_size=KEY_BYTES)
        digest.update(np.ascontiguousarray(features.image[row]).tobytes())
        digest.update(np.ascontiguousarray(features.text[row]).tobytes())
        keys[row] = digest.digest()
    return keys


def hash_likes(sequences: InteractionSequences, split: HashSplit) -> str:
    """Hash all likes that may be trained on to 128 bits, independently of the order of the catalogue."""
    digest = hashlib.blake2b(digest_size=16)
    starts = np.flatnonzero(np.diff(sequences.owner, prepend=-1))
    # Split numbers depend on ids alone, so they identify items whatever their positions.
    for array in (split.items[sequences.items], sequences.at, starts):
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def update_holdout(previous: Holdout, events: Interactions) -> Holdout:
    """The holdout of an update, which holds out no user and no event that was trained on before.

    Users are held out by their ids, so the share stays the same. The moment moves on with the log, as in a
    full training, and never back. A version that was trained on everything stays so.
    """
    if previous == Holdout(None, 0.0):
        return previous
    current = Holdout.default(events, user_share=previous.user_share)
    moments = [holdout.until for holdout in (previous, current) if holdout.until is not None]
    return Holdout(max(moments, default=None), previous.user_share)


def unknown_word_share(item_words: Sequence[set[str]], lsa: LsaEncoder) -> float | None:
    """Share of the words of some items that the word encoder does not know; None if there are no words."""
    total = sum(map(len, item_words))
    unknown = sum(word not in lsa.column_of for words in item_words for word in words)
    return round(unknown / total, 4) if total else None
