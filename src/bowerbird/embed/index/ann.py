"""An approximate index of vectors: a navigable graph (HNSW; Malkov & Yashunin, 2018) by `usearch`.

Chosen among four libraries because it alone keeps int8, takes deletes, and opens a file by memory map (the
numbers are in docs/decisions). It holds directions in eight bits: what it finds is a set of candidates, which
whoever asks ranks by their exact vectors.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from usearch.index import Index

from bowerbird.embed.index.rows import int8_of
from bowerbird.errors import StoreError

NEIGHBOURS = 16  # of a vector in the graph; more cost memory and building time
WIDTH_OF_BUILDING, WIDTH_OF_SEARCH = 64, 192  # candidates kept on the way; more find more and take longer
BATCH = 16_384  # vectors added at once


class AnnIndex:
    """Vectors of D dimensions under keys (whole numbers from 0). Not to be changed while others search."""

    def __init__(self, dim: int) -> None:
        self._index: Any = Index(
            ndim=dim,
            metric="cos",  # of int8 rows too it needs no scale
            dtype="i8",
            connectivity=NEIGHBOURS,
            expansion_add=WIDTH_OF_BUILDING,
            expansion_search=WIDTH_OF_SEARCH,
        )
        self._writable = True

    @classmethod
    def opened(cls, path: Path, writable: bool = False) -> AnnIndex:
        """A saved index, by memory map or, to be changed, read whole. Raises `StoreError` if broken."""
        try:
            index: Any = Index.restore(str(path), view=not writable)
        except (OSError, ValueError, RuntimeError) as error:
            raise StoreError(
                f"the index {path} can't be read ({error}): delete it, and it is built anew"
            ) from None
        if index is None:
            raise StoreError(f"there is no index at {path}")
        index.expansion_search = WIDTH_OF_SEARCH
        index.expansion_add = WIDTH_OF_BUILDING
        opened = cls.__new__(cls)
        opened._index, opened._writable = index, writable
        return opened

    def __len__(self) -> int:
        return len(self._index)

    def __contains__(self, key: object) -> bool:
        return bool(self._index.contains(key))

    def save(self, path: Path) -> None:
        self._index.save(str(path))

    def add(self, keys: np.ndarray, rows: np.ndarray, threads: int = 1) -> None:
        """Add vectors (n, D) under keys (n,) that are new. One thread gives the same graph every time."""
        self._check_writable()
        for start in range(0, len(keys), BATCH):
            part = slice(start, start + BATCH)
            self._index.add(keys[part].astype(np.uint64), int8_of(rows[part]), threads=threads)

    def remove(self, keys: np.ndarray) -> None:
        """Forget the vectors of some keys; unknown keys are passed over. Their places are used again."""
        self._check_writable()
        for key in keys.tolist():
            self._index.remove(key)

    def search(self, query: np.ndarray, count: int) -> np.ndarray:
        """Keys of about the `count` vectors nearest by cosine to a query (D,), nearest first, int64."""
        if not len(self._index) or count <= 0:
            return np.zeros(0, np.int64)
        found: np.ndarray = self._index.search(int8_of(query), count, threads=1).keys.astype(np.int64)
        return found

    def search_all(self, queries: np.ndarray, count: int) -> np.ndarray:
        """Keys of about the `count` nearest to any of the queries (B, D): (C,), ascending, int64."""
        if len(queries) < 2:
            return np.sort(self.search(queries[0], count)) if len(queries) else np.zeros(0, np.int64)
        if not len(self._index) or count <= 0:
            return np.zeros(0, np.int64)
        matches = self._index.search(int8_of(queries), min(count, len(self._index)), threads=1)
        filled = np.arange(matches.keys.shape[1]) < matches.counts[:, None]
        found: np.ndarray = np.unique(matches.keys[filled]).astype(np.int64)
        return found

    def _check_writable(self) -> None:
        # The library ends the whole process where a memory map is changed.
        if not self._writable:
            raise StoreError("this index was opened for reading: open it writable to change it")
