"""An approximate index of vectors: a navigable graph (HNSW; Malkov & Yashunin, 2018) by `usearch`.

The only one of four libraries that stores int8, supports deletes, and opens a file by memory map (measured in
docs/decisions). It stores directions in eight bits: a search returns candidates, which the caller ranks by
their exact vectors.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from usearch.index import Index

from bowerbird.data.arrays import FloatArray, IntArray
from bowerbird.embed.index.rows import quantize_int8
from bowerbird.errors import StoreError

CONNECTIVITY = 16  # links of a vector in the graph; more cost memory and building time
EXPANSION_ADD, EXPANSION_SEARCH = (
    64,
    192,
)  # candidates while building and searching; more are slower and find more
BATCH = 16_384  # vectors added per call


class AnnIndex:
    """Vectors of D dimensions under keys (integers from 0). Do not change it while other threads search."""

    def __init__(self, dim: int) -> None:
        self._index: Any = Index(
            ndim=dim,
            metric="cos",  # needs no scale, for int8 rows either
            dtype="i8",
            connectivity=CONNECTIVITY,
            expansion_add=EXPANSION_ADD,
            expansion_search=EXPANSION_SEARCH,
        )
        self._writable = True

    @classmethod
    def open(cls, path: Path, writable: bool = False) -> AnnIndex:
        """Open a saved index: by memory map, or in memory if `writable`. Raises `StoreError` if broken."""
        try:
            index: Any = Index.restore(str(path), view=not writable)
        except (OSError, ValueError, RuntimeError) as error:
            raise StoreError(
                f"the index {path} can't be read ({error}): delete it, and it is built again"
            ) from None
        if index is None:
            raise StoreError(f"no index at {path}")
        index.expansion_search = EXPANSION_SEARCH
        index.expansion_add = EXPANSION_ADD
        opened_index = cls.__new__(cls)
        opened_index._index, opened_index._writable = index, writable
        return opened_index

    def __len__(self) -> int:
        return len(self._index)

    def __contains__(self, key: object) -> bool:
        return bool(self._index.contains(key))

    def save(self, path: Path) -> None:
        """Write into a folder."""
        self._index.save(str(path))

    def add(self, keys: IntArray, rows: FloatArray, threads: int = 1) -> None:
        """Add vectors (n, D) under keys (n,) that are new. One thread gives the same graph every time."""
        self._check_writable()
        for start in range(0, len(keys), BATCH):
            part = slice(start, start + BATCH)
            self._index.add(keys[part].astype(np.uint64), quantize_int8(rows[part]), threads=threads)

    def remove(self, keys: IntArray) -> None:
        """Remove the vectors of some keys, ignoring unknown ones. Their slots are reused."""
        self._check_writable()
        for key in keys.tolist():
            self._index.remove(key)

    def search(self, query: FloatArray, count: int) -> IntArray:
        """Find about the `count` nearest vectors by cosine to a query (D,): keys, nearest first, int64."""
        if not len(self._index) or count <= 0:
            return np.zeros(0, np.int64)
        keys: IntArray = self._index.search(quantize_int8(query), count, threads=1).keys.astype(np.int64)
        return keys

    def search_union(self, queries: FloatArray, count: int) -> IntArray:
        """Find about the `count` nearest of each query (B, D): the union of keys (C,), ascending, int64."""
        if len(queries) < 2:
            return np.sort(self.search(queries[0], count)) if len(queries) else np.zeros(0, np.int64)
        if not len(self._index) or count <= 0:
            return np.zeros(0, np.int64)
        matches = self._index.search(quantize_int8(queries), min(count, len(self._index)), threads=1)
        is_match = np.arange(matches.keys.shape[1]) < matches.counts[:, None]
        keys: IntArray = np.unique(matches.keys[is_match]).astype(np.int64)
        return keys

    def _check_writable(self) -> None:
        # usearch crashes the process when a memory-mapped index is changed.
        if not self._writable:
            raise StoreError("this index was opened for reading: open it writable to change it")
