"""Which event ids are in a set of imported events, without holding them in memory.

The digests lie sorted in a file that is mapped: the first halves as one array, then the second. Asking is a
binary search that touches some 27 places of a hundred million (1.6 GB on disk); what stays in memory is the
kernel's to decide.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pyarrow as pa

from bowerbird.data.durable import flush_folder
from bowerbird.data.logs.rows import digest_of

_AT_ONCE = 1 << 20  # digests of a file in memory at a time while it is written anew


class KnownIds:
    """A sorted set of digests: `high` and `low`, (N,) uint64 each, ordered by both."""

    def __init__(self, high: np.ndarray, low: np.ndarray) -> None:
        self.high, self.low = high, low

    @classmethod
    def of(cls, high: np.ndarray, low: np.ndarray) -> KnownIds:
        order = np.lexsort((low, high))
        return cls(high[order], low[order])

    @classmethod
    def mapped(cls, path: Path) -> KnownIds:
        """Those of a file. Raises FileNotFoundError."""
        count = path.stat().st_size // 16
        if not count:
            return NONE
        halves = np.memmap(path, np.uint64, mode="r", shape=(2, count))
        return cls(np.asarray(halves[0]), np.asarray(halves[1]))  # plain views of the mapping

    def save(self, path: Path) -> None:
        """Write the file whole: it is there when this returns, or the one before is. Raises OSError."""
        self.save_changed(path, plus=NONE, minus=NONE)

    def save_changed(self, path: Path, plus: KnownIds, minus: KnownIds) -> None:
        """Save these with some more and without others; of these themselves only a part is in memory."""
        places, gone = np.searchsorted(self.high, plus.high), np.sort(self.place_of(minus.high, minus.low))
        beside = path.with_name(f".{path.name}")
        try:
            with beside.open("wb") as file:
                for ours, more in ((self.high, plus.high), (self.low, plus.low)):
                    for start in range(0, len(ours) + 1, _AT_ONCE):
                        end = start + _AT_ONCE
                        here = slice(*np.searchsorted(places, [start, end]))
                        kept = np.ones(len(ours[start:end]), bool)
                        kept[gone[slice(*np.searchsorted(gone, [start, end]))] - start] = False
                        # A number goes before the first of ours that is not smaller; that one may go.
                        before = np.concatenate([[0], np.cumsum(kept)])[places[here] - start]
                        np.insert(ours[start:end][kept], before, more[here]).tofile(file)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(path)
            flush_folder(path.parent)
        finally:
            beside.unlink(missing_ok=True)

    def __len__(self) -> int:
        return len(self.high)

    def place_of(self, high: np.ndarray, low: np.ndarray) -> np.ndarray:
        """Where each of M digests lies, (M,) int64; -1 where it is none of ours."""
        place = np.searchsorted(self.high, high)
        inside = np.minimum(place, max(len(self) - 1, 0))
        if not len(self):
            return np.full(len(high), -1)
        found = (self.high[inside] == high) & (self.low[inside] == low)
        # Equal first halves beside each other: once in 3,000 logs of a hundred million events.
        for row in np.flatnonzero((self.high[inside] == high) & ~found):
            run = slice(place[row], np.searchsorted(self.high, high[row], "right"))
            hits = np.flatnonzero(self.low[run] == low[row])
            if len(hits):
                inside[row], found[row] = place[row] + hits[0], True
        return np.where(found, inside, -1)

    def merged(self, other: KnownIds) -> KnownIds:
        return KnownIds.of(np.concatenate([self.high, other.high]), np.concatenate([self.low, other.low]))


NONE = KnownIds(np.zeros(0, np.uint64), np.zeros(0, np.uint64))


def halves_of(digests: Iterable[bytes]) -> tuple[np.ndarray, np.ndarray]:
    """The two halves of M digests, (M,) uint64 each."""
    both = np.frombuffer(b"".join(digests), np.uint64).reshape(-1, 2)
    return both[:, 0].copy(), both[:, 1].copy()


def halves_of_ids(ids: pa.ChunkedArray) -> tuple[np.ndarray, np.ndarray]:
    """The digests' halves of a column of event ids; only a chunk of texts is in memory at a time."""
    parts = [halves_of(digest_of(one) for one in chunk.to_pylist()) for chunk in ids.chunks if len(chunk)]
    if not parts:
        return np.zeros(0, np.uint64), np.zeros(0, np.uint64)
    return np.concatenate([high for high, _ in parts]), np.concatenate([low for _, low in parts])


def first_of_each(high: np.ndarray, low: np.ndarray) -> np.ndarray:
    """Of M digests which are the first of their kind, (M,) bool."""
    order = np.lexsort((low, high))  # stable: of equal ones the first stays first
    repeated = (high[order][1:] == high[order][:-1]) & (low[order][1:] == low[order][:-1])
    first = np.ones(len(high), bool)
    first[order[1:][repeated]] = False
    return first
