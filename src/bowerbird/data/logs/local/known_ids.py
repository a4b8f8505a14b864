"""The set of imported event ids, without holding it in memory.

The digests are stored sorted in a memory-mapped file: the first halves as one array, then the second halves.
A lookup is a binary search that touches some 27 of a hundred million entries (1.6 GB on disk); the kernel
decides which pages stay in memory.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from bowerbird.data.arrays import BoolArray, IntArray
from bowerbird.data.files.durable import flush_folder
from bowerbird.data.logs.rows import digest_each

HalfDigests = NDArray[np.uint64]
"""First or second halves of digests."""
_BLOCK = 1 << 20  # digests of a file in memory at a time while it is rewritten


class KnownIds:
    """A sorted set of digests: `high` and `low`, (N,) uint64 each, ordered by both."""

    def __init__(self, high: HalfDigests, low: HalfDigests) -> None:
        self.high, self.low = high, low

    @classmethod
    def of(cls, high: HalfDigests, low: HalfDigests) -> KnownIds:
        """Sort the halves of N digests, (N,) uint64 each."""
        order = _order_of(high, low)
        return cls(high[order], low[order])

    @classmethod
    def open_mapped(cls, path: Path) -> KnownIds:
        """Open a file of digests as a memory mapping. Raises FileNotFoundError."""
        count = path.stat().st_size // 16
        if not count:
            return NONE
        halves = np.memmap(path, np.uint64, mode="r", shape=(2, count))
        return cls(np.asarray(halves[0]), np.asarray(halves[1]))  # plain views of the mapping

    def save(self, path: Path) -> None:
        """Write a file atomically: afterwards there is the new file or, on an OSError, the old one."""
        self.save_changed(path, plus=NONE, minus=NONE)

    def save_changed(self, path: Path, plus: KnownIds, minus: KnownIds) -> None:
        """Save the union with `plus`, without `minus`; reads and writes in blocks."""
        insert_at, removed = (
            np.searchsorted(self.high, plus.high),
            np.sort(self.positions_of(minus.high, minus.low)),
        )
        temporary = path.with_name(f".{path.name}")
        try:
            with temporary.open("wb") as file:
                for own_half, added_half in ((self.high, plus.high), (self.low, plus.low)):
                    for start in range(0, len(own_half) + 1, _BLOCK):
                        end = start + _BLOCK
                        added_rows = slice(*np.searchsorted(insert_at, [start, end]))
                        is_retained = np.ones(len(own_half[start:end]), bool)
                        is_retained[removed[slice(*np.searchsorted(removed, [start, end]))] - start] = False
                        # Insert each digest before the first stored one that is not smaller; that one may be
                        # removed.
                        rows_before = np.concatenate([[0], np.cumsum(is_retained)])[
                            insert_at[added_rows] - start
                        ]
                        np.insert(
                            own_half[start:end][is_retained], rows_before, added_half[added_rows]
                        ).tofile(file)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
            flush_folder(path.parent)
        finally:
            temporary.unlink(missing_ok=True)

    def __len__(self) -> int:
        return len(self.high)

    def positions_of(self, high: HalfDigests, low: HalfDigests) -> IntArray:
        """Position of each of M digests, (M,) int64; -1 where it is not in the set."""
        start = np.searchsorted(self.high, high)
        position = np.minimum(start, max(len(self) - 1, 0))
        if not len(self):
            return np.full(len(high), -1)
        is_present = (self.high[position] == high) & (self.low[position] == low)
        # Runs of equal first halves: expected once in 3,000 logs of a hundred million events.
        for row in np.flatnonzero((self.high[position] == high) & ~is_present):
            run = slice(start[row], np.searchsorted(self.high, high[row], "right"))
            hits = np.flatnonzero(self.low[run] == low[row])
            if len(hits):
                position[row], is_present[row] = start[row] + hits[0], True
        return np.where(is_present, position, -1)

    def merged(self, other: KnownIds) -> KnownIds:
        """The union with another set."""
        return KnownIds.of(np.concatenate([self.high, other.high]), np.concatenate([self.low, other.low]))


NONE = KnownIds(np.zeros(0, np.uint64), np.zeros(0, np.uint64))


def split_digests(digests: Iterable[bytes]) -> tuple[HalfDigests, HalfDigests]:
    """The two halves of M digests, (M,) uint64 each."""
    halves = np.frombuffer(b"".join(digests), np.uint64).reshape(-1, 2)
    return halves[:, 0].copy(), halves[:, 1].copy()


def split_id_digests(ids: pa.ChunkedArray) -> tuple[HalfDigests, HalfDigests]:
    """The two halves of the digests of M event ids, (M,) uint64 each, computed chunk by chunk."""
    chunks = [
        split_digests(digest_each(chunk.cast(pa.binary()).to_pylist())) for chunk in ids.chunks if len(chunk)
    ]
    if not chunks:
        return np.zeros(0, np.uint64), np.zeros(0, np.uint64)
    return np.concatenate([high for high, _ in chunks]), np.concatenate([low for _, low in chunks])


def is_first_occurrence(high: HalfDigests, low: HalfDigests) -> BoolArray:
    """Whether each of M digests is the first occurrence of its value, (M,) bool."""
    order = _order_of(high, low)
    repeated = (high[order][1:] == high[order][:-1]) & (low[order][1:] == low[order][:-1])
    is_first = np.ones(len(high), bool)
    is_first[order[1:][repeated]] = False
    return is_first


def _order_of(high: HalfDigests, low: HalfDigests) -> IntArray:
    """The order of M digests, (M,): equal ones stay in theirs."""
    order = np.argsort(high)
    in_order = high[order]
    if (in_order[1:] == in_order[:-1]).any():  # hardly ever, but for ids that come twice
        order = np.lexsort((low, high))  # six times as slow
    return order
