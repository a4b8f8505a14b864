"""Stored item vectors, read on demand.

A million vectors of 256 float32 are 1 GB; stored as float16 (the default) they take half of that, as int8 a
quarter, and with a memory map only the pages that are read are in memory. A vector has length 1, so int8
needs no stored scale: each row is stretched until its largest number is 127, and normalising it to length 1
reverses that. One scale per row rather than per dimension, so that a new item never exceeds a range that was
set by older ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bowerbird.data.arrays import BoolArray, FloatArray, IntArray, RealArray, StoredArray

BLOCK = 16_384  # rows converted to float32 at a time: 16 MB at 256 dimensions


class VectorRows:
    """N vectors of D dimensions, returned as float32 of length 1; zeros where an item has none."""

    def __init__(self, stored: StoredArray, row_of: IntArray | None = None) -> None:
        """`stored` (M, D) float16, int8 or float32 of any length; `row_of` (N,): each item's row, -1 for
        none.

        Without `row_of` row k is item k's.
        """
        self.stored = stored
        self._array = np.asarray(stored)  # the same memory: small reads through np.memmap are slow
        self.row_of = row_of

    @classmethod
    def open(cls, path: Path) -> VectorRows:
        """Map the vectors of a `.npy` file. Raises `OSError` or `ValueError` if it is broken."""
        return cls(np.load(path, mmap_mode="r"))

    def __len__(self) -> int:
        return len(self.stored) if self.row_of is None else len(self.row_of)

    @property
    def dim(self) -> int:
        """Width of a row."""
        return int(self.stored.shape[1])

    def __getitem__(self, positions: IntArray | int) -> FloatArray:
        """Read the vectors of positions, any shape (…,) of integers -> (…, D) float32."""
        if self.row_of is None:
            return normalize_rows(self._array[positions])
        stored_rows = self.row_of[positions]
        rows = normalize_rows(self._array[stored_rows])
        rows[stored_rows < 0] = 0.0
        return rows

    def blocks(self) -> Iterator[tuple[int, FloatArray]]:
        """Yield all vectors in order, as (first position, (at most `BLOCK`, D) float32)."""
        for start in range(0, len(self), BLOCK):
            yield start, self[np.arange(start, min(start + BLOCK, len(self)))]

    @cached_property
    def has_vector(self) -> BoolArray:
        """Which items have a vector, (N,) bool."""
        is_nonzero = [
            self.stored[start : start + BLOCK].any(axis=1) for start in range(0, len(self.stored), BLOCK)
        ]
        stored_nonzero = np.concatenate(is_nonzero) if is_nonzero else np.zeros(0, bool)
        return stored_nonzero if self.row_of is None else (self.row_of >= 0) & stored_nonzero[self.row_of]

    def dense(self) -> FloatArray:
        """Read all vectors into memory, (N, D) float32."""
        return np.concatenate([np.zeros((0, self.dim), np.float32)] + [block for _, block in self.blocks()])


def quantize_int8(rows: RealArray) -> NDArray[np.int8]:
    """Stretch each row until its largest number is ±127, and round: (N, D) -> (N, D) int8.

    >>> quantize_int8(np.array([[0.6, -0.8], [0.0, 0.0]])).tolist()
    [[95, -127], [0, 0]]
    """
    rows = rows.astype(np.float32)
    largest = np.abs(rows).max(axis=-1, keepdims=True, initial=0.0)
    stretched = np.divide(rows * np.float32(127), largest, out=np.zeros_like(rows), where=largest > 0)
    rounded: NDArray[np.int8] = np.rint(stretched).astype(np.int8)
    return rounded


def normalize_rows(rows: StoredArray) -> FloatArray:
    """Scale rows to length 1 as float32, (…, D) -> (…, D); a row of zeros stays as it is.

    >>> normalize_rows(np.array([[3.0, 4.0], [0.0, 0.0]])).tolist()
    [[0.6000000238418579, 0.800000011920929], [0.0, 0.0]]
    """
    rows = rows.astype(np.float32)
    lengths = np.linalg.norm(rows, axis=-1, keepdims=True)
    scaled: FloatArray = np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 1e-12)
    return scaled
