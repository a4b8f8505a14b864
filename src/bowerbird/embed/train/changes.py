"""What has changed since a version of the vectors: items, likes, words, and who may be learned from."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bowerbird.data.interactions import Interactions
from bowerbird.data.splits import Holdout
from bowerbird.embed.encode.feature_cache import KEY_BYTES
from bowerbird.embed.encode.features import ItemFeatures
from bowerbird.embed.encode.modalities import Words
from bowerbird.embed.train.neighbours import Strings
from bowerbird.embed.train.validation import Lots


@dataclass(frozen=True)
class ItemChanges:
    """Where today's N items stand in a version before."""

    source: np.ndarray  # (N,) int64, row in the version before; -1 for new items
    same: np.ndarray  # (N,) bool, known there with the same content
    removed: int
    """Items of the version before that are gone."""

    @classmethod
    def of(
        cls, ids: Sequence[str], contents: np.ndarray, ids_before: Sequence[str], contents_before: np.ndarray
    ) -> ItemChanges:
        row_of = {item_id: row for row, item_id in enumerate(ids_before)}
        source = np.array([row_of.get(item_id, -1) for item_id in ids], np.int64)
        known = source >= 0
        same = known.copy()
        same[known] = contents_before[source[known]] == contents[known]
        return cls(source, same, len(ids_before) - int(known.sum()))

    def carried(self, rows: np.ndarray) -> np.ndarray:
        """Rows of the version before in today's order, (M, D) -> (N, D); zeros for new items."""
        found = np.zeros((len(self.source), rows.shape[1]), rows.dtype)
        known = self.source >= 0
        found[known] = rows[self.source[known]]
        return found

    @property
    def counts(self) -> dict[str, int]:
        new = int((self.source < 0).sum())
        return {"new": new, "changed": int((~self.same).sum()) - new, "removed": self.removed}


def contents_of(said: Sequence[set[str]], features: ItemFeatures) -> np.ndarray:
    """A key of all that an item shows and tells, (items,) `S16`: another content, another key."""
    keys = np.zeros(len(said), f"S{KEY_BYTES}")
    for row, words in enumerate(said):
        digest = hashlib.blake2b("\n".join(sorted(words)).encode(), digest_size=KEY_BYTES)
        digest.update(np.ascontiguousarray(features.image[row]).tobytes())
        digest.update(np.ascontiguousarray(features.text[row]).tobytes())
        keys[row] = digest.digest()
    return keys


def likes_key(strings: Strings, lots: Lots) -> str:
    """128 bits that change with anything that is learned from likes, whatever the order of the catalogue."""
    digest = hashlib.blake2b(digest_size=16)
    starts = np.flatnonzero(np.diff(strings.owner, prepend=-1))
    for array in (lots.items[strings.items], strings.at, starts):
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def holdout_after(before: Holdout, events: Interactions) -> Holdout:
    """The holdout of an update, under which nobody and no event that was learned from before is held out.

    People are held out by their ids, so the share stays what it was. The moment moves on with the log, as
    that of a full training does, and never back. A version that learned from everything stays one.
    """
    if before == Holdout(None, 0.0):
        return before
    today = Holdout.default(events, user_share=before.user_share)
    moments = [one for one in (before.until, today.until) if one is not None]
    return Holdout(max(moments, default=None), before.user_share)


def unseen_share(said: Sequence[set[str]], words: Words) -> float | None:
    """Share of the words of some items that the sides' maps do not know; None without a word."""
    total = sum(map(len, said))
    unseen = sum(word not in words.place for one in said for word in one)
    return round(unseen / total, 4) if total else None
