"""A set of ids that takes 16 bytes for each, however long they are: a catalogue may have millions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from bowerbird.data.arrays import BoolArray
from bowerbird.data.logs.local.known_ids import NONE, KnownIds, split_digests
from bowerbird.data.logs.rows import digest_each

MAX_RECENT = 100_000
"""Ids that are held in a hash set before they are merged into the sorted ones."""


class IdSet:
    """Ids by their digests: sorted arrays, and a small hash set of those that came last."""

    def __init__(self, ids: Iterable[str] = ()) -> None:
        self._sorted: KnownIds = NONE
        self._recent: set[bytes] = set()
        self.add(list(ids))

    def __len__(self) -> int:
        return len(self._sorted) + len(self._recent)

    def contains(self, ids: Sequence[str]) -> BoolArray:
        """Whether each of n ids is in the set, (n,) bool."""
        return self._contain(_digests_of(ids))

    def add(self, ids: Sequence[str]) -> BoolArray:
        """Add n ids; returns whether each was new, (n,) bool: of equal ones only the first."""
        digests = _digests_of(ids)
        is_new = ~self._contain(digests)
        for row in np.flatnonzero(is_new).tolist():
            is_new[row] = digests[row] not in self._recent
            self._recent.add(digests[row])
        if len(self._recent) > MAX_RECENT:
            self._sorted = self._sorted.merged(KnownIds.of(*split_digests(self._recent)))
            self._recent = set()
        return is_new

    def _contain(self, digests: Sequence[bytes]) -> BoolArray:
        in_recent = np.fromiter((digest in self._recent for digest in digests), bool, len(digests))
        return in_recent | (self._sorted.positions_of(*split_digests(digests)) >= 0)


def _digests_of(ids: Sequence[str]) -> list[bytes]:
    return list(digest_each(each.encode() for each in ids))
