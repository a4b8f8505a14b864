"""Rows of one size in one block of memory, read by columns.

All columns of a row lie next to each other: an update of one among a million rows waits for one place of
memory instead of one for each column. A file of them opens by memory map, copied on writing.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from bowerbird.data.arrays import IntegerArray

Columns = Mapping[str, tuple[type[np.integer[Any]], int]]
"""What a row consists of: for each column its type and its width, in values."""
ALIGNMENT = 8  # bytes


def row_bytes(columns: Columns) -> int:
    """Bytes of one row."""
    return sum(_padded_bytes(*column) for column in columns.values())


class PackedRows:
    """R rows, all zeros at first."""

    def __init__(self, columns: Columns, rows: int) -> None:
        self._columns = columns
        self._block = np.zeros((rows, row_bytes(columns)), np.uint8)

    def __len__(self) -> int:
        return len(self._block)

    def __getitem__(self, name: str) -> IntegerArray:
        """A column as a view, (R, width); (R,) where the width is 1."""
        start = 0
        for column_name, (dtype, width) in self._columns.items():
            if column_name == name:
                size = np.dtype(dtype).itemsize * width
                column: IntegerArray = self._block[:, start : start + size].view(dtype)
                return column[:, 0] if width == 1 else column
            start += _padded_bytes(dtype, width)
        raise KeyError(name)

    def grow(self, n_rows: int) -> None:
        """Make room for at least `n_rows` rows, in memory. Earlier views stay with the former block."""
        if len(self) < n_rows:
            larger = np.zeros((n_rows, self._block.shape[1]), np.uint8)
            larger[: len(self)] = self._block
            self._block = larger

    def clear(self, row: int) -> None:
        """Set a row to zeros again."""
        self._block[row] = 0

    def save(self, path: Path, rows: int) -> None:
        """Write the first rows. Raises `OSError` where they can't be written."""
        np.save(path, self._block[:rows])

    @classmethod
    def open(cls, columns: Columns, path: Path, rows: int) -> PackedRows:
        """Open what `save` wrote, by memory map. Raises `OSError` or `ValueError` where it is broken."""
        packed = cls(columns, 0)
        block = np.load(path, mmap_mode="c" if rows else None)
        if block.shape != (rows, row_bytes(columns)) or block.dtype != np.uint8:
            raise ValueError(f"{path} is of another layout")
        packed._block = np.asarray(block)  # the same memory: a map's own indexing is slow for small slices
        return packed


def _padded_bytes(dtype: type[np.generic], width: int) -> int:
    return -(-np.dtype(dtype).itemsize * width // ALIGNMENT) * ALIGNMENT
