"""Item vectors as they lie on disk, read where they are needed.

A million vectors of 256 float32 are 1 GB; kept as float16 (the default) they are half of that, as int8 a
quarter, and, read by memory map, only the pages that answers touch are in memory. A vector has length 1, so
int8 needs no scale beside it: each row is stretched until its largest number is 127, and its own length,
which is known to be 1, brings it back. A scale for each row, because then a new item never falls
outside of a range that older ones set, as it could with a scale for each dimension.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

import numpy as np

BLOCK = 16_384  # rows widened to float32 at once: 16 MB at 256 dimensions


class Rows:
    """N vectors of D dimensions, answered as float32 of length 1; zeros where an item has none."""

    def __init__(self, kept: np.ndarray, places: np.ndarray | None = None) -> None:
        """`kept` (M, D) float16, int8 or float32 of any length; `places` (N,): whose row is which, -1 none.

        Without `places` row k is item k's.
        """
        self.kept = kept
        self._plain = np.asarray(kept)  # the same memory: a memory map's own indexing is slow in small pieces
        self.places = places

    @classmethod
    def opened(cls, path: Path) -> Rows:
        """Vectors of a `.npy` file, by memory map. Raises `OSError` or `ValueError` where it is broken."""
        return cls(np.load(path, mmap_mode="r"))

    def __len__(self) -> int:
        return len(self.kept) if self.places is None else len(self.places)

    @property
    def dim(self) -> int:
        return int(self.kept.shape[1])

    def __getitem__(self, positions: np.ndarray | int) -> np.ndarray:
        """Vectors of some positions, any shape (…,) of integers -> (…, D) float32."""
        if self.places is None:
            return unit(self._plain[positions])
        places = self.places[positions]
        rows = unit(self._plain[places])
        rows[places < 0] = 0.0
        return rows

    def blocks(self) -> Iterator[tuple[int, np.ndarray]]:
        """All vectors in order, as (first position, (at most `BLOCK`, D) float32)."""
        for start in range(0, len(self), BLOCK):
            yield start, self[np.arange(start, min(start + BLOCK, len(self)))]

    @cached_property
    def known(self) -> np.ndarray:
        """Which items have a vector, (N,) bool."""
        parts = [self.kept[start : start + BLOCK].any(axis=1) for start in range(0, len(self.kept), BLOCK)]
        known = np.concatenate(parts) if parts else np.zeros(0, bool)
        return known if self.places is None else (self.places >= 0) & known[self.places]

    def dense(self) -> np.ndarray:
        """All of them in memory, (N, D) float32."""
        return np.concatenate([np.zeros((0, self.dim), np.float32)] + [block for _, block in self.blocks()])


def int8_of(rows: np.ndarray) -> np.ndarray:
    """Each row stretched until its largest number is ±127 and rounded, (N, D) -> (N, D) int8.

    >>> int8_of(np.array([[0.6, -0.8], [0.0, 0.0]])).tolist()
    [[95, -127], [0, 0]]
    """
    rows = rows.astype(np.float32)
    largest = np.abs(rows).max(axis=-1, keepdims=True, initial=0.0)
    scaled = np.divide(rows * np.float32(127), largest, out=np.zeros_like(rows), where=largest > 0)
    rounded: np.ndarray = np.rint(scaled).astype(np.int8)
    return rounded


def unit(rows: np.ndarray) -> np.ndarray:
    """Rows scaled to length 1 as float32, (…, D) -> (…, D); a row of zeros stays as it is.

    >>> unit(np.array([[3.0, 4.0], [0.0, 0.0]])).tolist()
    [[0.6000000238418579, 0.800000011920929], [0.0, 0.0]]
    """
    rows = rows.astype(np.float32)
    lengths = np.linalg.norm(rows, axis=-1, keepdims=True)
    scaled: np.ndarray = np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 1e-12)
    return scaled
