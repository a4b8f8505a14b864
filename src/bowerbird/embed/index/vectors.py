"""Read access to published item vectors; needs no deep-learning library."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from bowerbird.data.arrays import FloatArray, IntArray, StoredArray
from bowerbird.data.items import Catalogue
from bowerbird.data.snapshot import IDS_FILE as IDS_FILE
from bowerbird.data.snapshot import StoreSnapshot
from bowerbird.data.splits import Holdout
from bowerbird.data.versions.meta import VersionMeta
from bowerbird.embed.index.rows import VectorRows
from bowerbird.embed.index.rows import normalize_rows as normalize_rows
from bowerbird.embed.meta import VectorsMeta
from bowerbird.errors import StoreError

VECTORS_FILE, GENERIC_FILE = "vectors.npy", "generic.npy"
MODALITIES_FILE, MODALITY_ENCODERS_FILE, TOWER_FILE = "sides.npy", "sides.npz", "tower.safetensors"
OFFSETS_FILE, CONTENTS_FILE = "offsets.npz", "contents.npy"


@dataclass(frozen=True, kw_only=True)
class EarlierVectorsMeta(VersionMeta):
    """What `meta.json` of vectors called otherwise until 2026-11."""

    KIND = "vectors"

    sides: tuple[int, int, int] | None = None
    """`modality_widths`."""


@dataclass(frozen=True)
class Vectors:
    """One version of the item vectors. N items, D dimensions."""

    ids: list[str]
    """Item ids, in the order of the rows."""
    stored: StoredArray = field(repr=False)
    """(N, D) float16 or int8, by memory map; a row of zeros where an item has neither picture nor text."""
    version: str
    meta: VectorsMeta = field(repr=False)
    path: Path | None = None
    """The version's folder; None for vectors that were not read from a store."""
    lease: object = field(default=None, repr=False, compare=False)
    """Prevents the removal of the folder."""

    @property
    def holdout(self) -> Holdout:
        """What the vectors were not trained on. Raises `StoreError` if their version does not say."""
        if self.meta.holdout is None:
            raise StoreError(f"the vectors {self.version} have no holdout: run `bowerbird embed` again")
        return self.meta.holdout

    def is_compatible_with(self, version: str) -> bool:
        """Whether a graft or cached queries that were made for another version fit these vectors.

        True if they are that version, or updates of it in the same space.
        """
        return version == self.version or version in self.meta.aligned_with

    @cached_property
    def matrix(self) -> FloatArray:
        """All vectors in memory, (N, D) float32; rows have length 1 or are zeros."""
        return normalize_rows(self.stored)

    def rows(self, catalogue: Catalogue) -> VectorRows:
        """The vectors in the catalogue's order, read on demand."""
        return VectorRows(self.stored, self.row_of(catalogue))

    def row_of(self, catalogue: Catalogue) -> IntArray | None:
        """Row of each item of the catalogue, (items,) int64, -1 for none; None if row k is item k's."""
        if self.ids == catalogue.ids:
            return None
        row_of = {item_id: row for row, item_id in enumerate(self.ids)}
        return np.array([row_of.get(item_id, -1) for item_id in catalogue.ids], dtype=np.int64)

    def aligned(self, catalogue: Catalogue) -> FloatArray:
        """The vectors in the catalogue's order, (items, D) float32; zeros for items without a vector."""
        return self._in_catalogue_order(self.matrix, catalogue)

    def generic(self, catalogue: Catalogue) -> FloatArray:
        """Features of the frozen backbones alone, (items, E) float32 of length 1; the baseline.

        Raises `StoreError` if the version was written without them.
        """
        if self.path is None or not (self.path / GENERIC_FILE).exists():
            raise StoreError(f"the vectors {self.version} have no generic part: run `bowerbird embed` again")
        return self._in_catalogue_order(normalize_rows(np.load(self.path / GENERIC_FILE)), catalogue)

    def image_features(self, catalogue: Catalogue, width: int) -> VectorRows | None:
        """Features of the items' pictures from the frozen image backbone, `width` wide, read on demand.

        None if the version was written without them.
        """
        if self.path is None or not (self.path / GENERIC_FILE).exists():
            return None
        stored = np.load(self.path / GENERIC_FILE, mmap_mode="r")
        return VectorRows(stored[:, :width], self.row_of(catalogue))

    def modalities(self, catalogue: Catalogue) -> tuple[VectorRows, ...]:
        """Untrained content vectors by modality (facts, text, picture), in the catalogue's order, read on
        demand.

        Empty if the version was written without them.
        """
        if self.path is None or not (self.path / MODALITIES_FILE).exists():
            return ()
        if self.meta.modality_widths is None:
            return ()
        stored, row_of = np.load(self.path / MODALITIES_FILE, mmap_mode="r"), self.row_of(catalogue)
        ends = np.cumsum(self.meta.modality_widths)
        return tuple(VectorRows(modality, row_of) for modality in np.split(stored, ends[:-1], axis=1))

    def _in_catalogue_order(self, rows: FloatArray, catalogue: Catalogue) -> FloatArray:
        row_of = self.row_of(catalogue)
        return rows if row_of is None else VectorRows(rows, row_of).dense()


def load_vectors(snapshot: StoreSnapshot) -> Vectors:
    """Open the vectors of a snapshot, once. Raises `StoreError` if none were trained."""
    return snapshot.open_once("vectors", lambda: _open_vectors(snapshot), of=("vectors",))


def _open_vectors(snapshot: StoreSnapshot) -> Vectors:
    version, path = snapshot.version("vectors"), snapshot.store.path
    ids = snapshot.item_ids
    if version is None or ids is None:
        raise StoreError(f"the store {path} has no item vectors yet: run `bowerbird embed {path}`")
    try:
        stored = np.load(version.path / VECTORS_FILE, mmap_mode="r")
    except (OSError, ValueError) as error:
        raise StoreError(
            f"the vectors {version.name} can't be read ({error}): run `bowerbird embed {path}` again"
        ) from None
    meta = version.read_meta(VectorsMeta)
    if meta.modality_widths is None:
        meta = replace(meta, modality_widths=version.read_meta(EarlierVectorsMeta).sides)
    return Vectors(ids, stored, version.name, meta, version.path, version.lease)


def item_matrix(snapshot: StoreSnapshot) -> FloatArray:
    """The vectors of a snapshot's items by position, (items, D) float32, in memory once for all callers."""
    return load_vectors(snapshot).matrix  # its rows are in the order of positions


def item_rows(snapshot: StoreSnapshot) -> VectorRows:
    """The same, read on demand."""
    return snapshot.open_once("item rows", lambda: VectorRows(load_vectors(snapshot).stored), of=("vectors",))
