"""The published item vectors, as whoever only reads them sees them; no deep-learning library is needed."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from bowerbird.data.items import Catalogue
from bowerbird.data.snapshot import IDS_FILE as IDS_FILE
from bowerbird.data.snapshot import StoreSnapshot
from bowerbird.embed.index.rows import Rows
from bowerbird.embed.index.rows import unit as unit
from bowerbird.errors import StoreError

VECTORS_FILE, GENERIC_FILE = "vectors.npy", "generic.npy"
SIDES_FILE, SIDES_MAPS_FILE, TOWER_FILE = "sides.npy", "sides.npz", "tower.safetensors"
OFFSETS_FILE, CONTENTS_FILE = "offsets.npz", "contents.npy"


@dataclass(frozen=True)
class Vectors:
    """One version of the item vectors. N items, D dimensions."""

    ids: list[str]
    """Item ids, in the order of the rows."""
    kept: np.ndarray = field(repr=False)
    """(N, D) float16 or int8, by memory map; a row of zeros where an item has neither picture nor text."""
    version: str
    meta: dict[str, Any] = field(repr=False)
    path: Path | None = None
    """The version's folder; None for vectors that were not read from a store."""
    lease: object = field(default=None, repr=False, compare=False)
    """Keeps the folder from being removed."""

    def reads(self, version: str) -> bool:
        """Whether what was made for another version (a graft, kept queries) may go on with these vectors.

        They are that version, or updates of it, which lie in its space.
        """
        return version == self.version or version in self.meta.get("aligned_with", ())

    @cached_property
    def matrix(self) -> np.ndarray:
        """All vectors in memory, (N, D) float32, every row of length 1, or 0."""
        return unit(self.kept)

    def rows(self, catalogue: Catalogue) -> Rows:
        """The vectors in the catalogue's order, read where they are needed."""
        return Rows(self.kept, self.places(catalogue))

    def places(self, catalogue: Catalogue) -> np.ndarray | None:
        """Row of each item of the catalogue, (items,) int64, -1 for none; None if row k is item k's."""
        if self.ids == catalogue.ids:
            return None
        row_of = {item_id: row for row, item_id in enumerate(self.ids)}
        return np.array([row_of.get(item_id, -1) for item_id in catalogue.ids], dtype=np.int64)

    def aligned(self, catalogue: Catalogue) -> np.ndarray:
        """The vectors in the catalogue's order, (items, D) float32; zeros for items without a vector."""
        return self._in_order(self.matrix, catalogue)

    def generic(self, catalogue: Catalogue) -> np.ndarray:
        """What the frozen backbones alone say of each item, (items, E) float32 of length 1; the baseline.

        Raises `StoreError` where the version was written without them.
        """
        if self.path is None or not (self.path / GENERIC_FILE).exists():
            raise StoreError(f"the vectors {self.version} have no generic part: run `bowerbird embed` again")
        return self._in_order(unit(np.load(self.path / GENERIC_FILE)), catalogue)

    def pictures(self, catalogue: Catalogue, width: int) -> Rows | None:
        """What the frozen image backbone, `width` wide, says of each item's picture, read where it is needed.

        None where the version was written without it.
        """
        if self.path is None or not (self.path / GENERIC_FILE).exists():
            return None
        kept = np.load(self.path / GENERIC_FILE, mmap_mode="r")
        return Rows(kept[:, :width], self.places(catalogue))

    def sides(self, catalogue: Catalogue) -> tuple[Rows, ...]:
        """Untrained content by facts, text and picture, in the catalogue's order, read where it is needed.

        Empty where the version was written without them.
        """
        if self.path is None or not (self.path / SIDES_FILE).exists():
            return ()
        kept, places = np.load(self.path / SIDES_FILE, mmap_mode="r"), self.places(catalogue)
        return tuple(
            Rows(side, places) for side in np.split(kept, np.cumsum(self.meta["sides"])[:-1], axis=1)
        )

    def _in_order(self, rows: np.ndarray, catalogue: Catalogue) -> np.ndarray:
        places = self.places(catalogue)
        return rows if places is None else Rows(rows, places).dense()


def load_vectors(snapshot: StoreSnapshot) -> Vectors:
    """The vectors of a snapshot, opened once. Raises `StoreError` where none were trained."""
    return snapshot.open_once("vectors", lambda: _opened(snapshot), of=("vectors",))


def _opened(snapshot: StoreSnapshot) -> Vectors:
    version, path = snapshot.version("vectors"), snapshot.store.path
    ids = snapshot.item_ids
    if version is None or ids is None:
        raise StoreError(f"the store {path} has no item vectors yet: run `bowerbird embed {path}`")
    try:
        kept = np.load(version.path / VECTORS_FILE, mmap_mode="r")
    except (OSError, ValueError) as error:
        raise StoreError(
            f"the vectors {version.name} can't be read ({error}): run `bowerbird embed {path}` again"
        ) from None
    return Vectors(ids, kept, version.name, version.meta, version.path, version.lease)


def item_matrix(snapshot: StoreSnapshot) -> np.ndarray:
    """The vectors of a snapshot's items by position, (items, D) float32, in memory once for all who ask."""
    return load_vectors(snapshot).matrix  # its rows are in the order of positions


def item_rows(snapshot: StoreSnapshot) -> Rows:
    """The same, read where they are needed."""
    return snapshot.open_once("item rows", lambda: Rows(load_vectors(snapshot).kept), of=("vectors",))
