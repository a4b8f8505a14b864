"""Which items users have seen who have more events than a row stores: exact, and only for those users.

A row stores a user's latest events; items of earlier ones must not be recommended again either. Few users
have that many events, so their items are stored next to the rows, 4 bytes each. A set does not depend on the
order of events.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bowerbird.data.arrays import IntArray, IntegerArray

FILE = "seen.npz"


class SeenItems:
    """Sets of item positions by row. Not safe between threads."""

    def __init__(self) -> None:
        self._items: dict[int, IntegerArray] = {}

    def __contains__(self, row: int) -> bool:
        return row in self._items

    def items(self, row: int) -> IntegerArray:
        """The items of a row, ascending, (K,) int32; none where nothing was added."""
        return self._items.get(row, np.zeros(0, np.int32))

    def add(self, rows: IntArray, items: IntegerArray) -> None:
        """Add n items to their rows, (n,) each."""
        if not len(rows):
            return
        # One sort over (row, item) packed into 64 bits groups the items by row and removes repeats.
        pairs = np.unique(rows.astype(np.int64) << 32 | items.astype(np.int64))
        owners, starts = np.unique(pairs >> 32, return_index=True)
        for row, new_items in zip(owners.tolist(), np.split(pairs & 0xFFFFFFFF, starts[1:]), strict=True):
            self._items[row] = np.union1d(self.items(row), new_items).astype(np.int32)

    def forget(self, row: int) -> None:
        """Drop the items of a row."""
        self._items.pop(row, None)

    def save(self, folder: Path) -> None:
        """Write into a folder. Raises `OSError` where that can't be done."""
        rows = np.fromiter(self._items, np.int64, len(self._items))
        sizes = np.array([len(items) for items in self._items.values()], np.int64)
        joined = np.concatenate([np.zeros(0, np.int32), *self._items.values()])
        np.savez(folder / FILE, rows=rows, sizes=sizes, items=joined)

    @classmethod
    def open(cls, folder: Path) -> SeenItems:
        """Read what `save` wrote. Raises `OSError`, `ValueError` or `KeyError` where it is broken."""
        seen = cls()
        with np.load(folder / FILE) as arrays:
            item_sets = np.split(arrays["items"], np.cumsum(arrays["sizes"])[:-1])
            seen._items = dict(zip(arrays["rows"].tolist(), item_sets, strict=False))
        return seen
