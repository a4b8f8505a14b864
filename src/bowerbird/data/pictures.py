"""The encoded pictures of a catalogue's file, read when one is asked for.

A million pictures are gigabytes: opening a store must not read them. Groups of rows are read whole and the
latest are kept, so that a small catalogue's pictures are read once and a large one's never all at once.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

MOST_HELD = 2**30  # bytes of pictures in memory


class Pictures:
    """The column `image` of a Parquet file. Safe to use from several threads."""

    def __init__(self, path: Path) -> None:
        # Opened now, not when asked: the version may be gone by then, an open file stays.
        self._file = pq.ParquetFile(path, memory_map=True)
        sizes = [self._file.metadata.row_group(k).num_rows for k in range(self._file.num_row_groups)]
        self._starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        self._held: OrderedDict[int, pa.ChunkedArray] = OrderedDict()
        self._lock = threading.Lock()

    def at(self, position: int) -> bytes | None:
        """The picture in a row, if there is one. Raises `IndexError` for a row beyond the last."""
        if not 0 <= position < self._starts[-1]:
            raise IndexError(f"row {position} of {self._starts[-1]}")
        group = int(np.searchsorted(self._starts, position, side="right")) - 1
        with self._lock:
            held = self._held.get(group)
            if held is None:
                held = self._held[group] = self._file.read_row_group(group, columns=["image"])["image"]
                while len(self._held) > 1 and sum(one.nbytes for one in self._held.values()) > MOST_HELD:
                    self._held.popitem(last=False)
            self._held.move_to_end(group)
        value: bytes | None = held[position - int(self._starts[group])].as_py()
        return value

    def column(self) -> pa.ChunkedArray:
        """All of them."""
        with self._lock:
            return self._file.read(columns=["image"])["image"]
