"""Rows of one size in one block of memory, read by columns.

All that belongs to a row lies together: an update of one among a million rows waits for one place of memory
instead of one for each column. A file of them opens by memory map, copied on writing.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

Columns = Mapping[str, tuple[type[np.generic], int]]
"""What a row consists of: of each column its type and how many of it."""
ALIGNED = 8  # bytes


def row_bytes(columns: Columns) -> int:
    """Bytes of one row."""
    return sum(_bytes(*column) for column in columns.values())


class PackedRows:
    """R rows, all zeros at first."""

    def __init__(self, columns: Columns, rows: int) -> None:
        self._columns = columns
        self._block = np.zeros((rows, row_bytes(columns)), np.uint8)

    def __len__(self) -> int:
        return len(self._block)

    def __getitem__(self, name: str) -> np.ndarray:
        """A column as a view, (R, many); (R,) where there is one of it in a row."""
        start = 0
        for other, (kind, many) in self._columns.items():
            if other == name:
                width = np.dtype(kind).itemsize * many
                column = self._block[:, start : start + width].view(kind)
                return column[:, 0] if many == 1 else column
            start += _bytes(kind, many)
        raise KeyError(name)

    def grow(self, least: int) -> None:
        """Make room for at least so many rows, in memory. Views of before stay with the rows of before."""
        if len(self) < least:
            larger = np.zeros((least, self._block.shape[1]), np.uint8)
            larger[: len(self)] = self._block
            self._block = larger

    def clear(self, row: int) -> None:
        """All zeros again."""
        self._block[row] = 0

    def save(self, path: Path, rows: int) -> None:
        """Write the first rows. Raises `OSError` where they can't be written."""
        np.save(path, self._block[:rows])

    @classmethod
    def opened(cls, columns: Columns, path: Path, rows: int) -> PackedRows:
        """What `save` wrote, by memory map. Raises `OSError` or `ValueError` where it is broken."""
        found = cls(columns, 0)
        block = np.load(path, mmap_mode="c" if rows else None)
        if block.shape != (rows, row_bytes(columns)) or block.dtype != np.uint8:
            raise ValueError(f"{path} is of another layout")
        found._block = np.asarray(block)  # the same memory: a map's own indexing is slow in small pieces
        return found


def _bytes(kind: type[np.generic], many: int) -> int:
    return -(-np.dtype(kind).itemsize * many // ALIGNED) * ALIGNED
