"""What a version of the vectors keeps on disk: for whoever reads vectors, and for the next update."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from bowerbird.data.store import Store
from bowerbird.embed.encode.modalities import Sides
from bowerbird.embed.index.item_index import EXACT_UP_TO
from bowerbird.embed.index.saved_index import version_before, write_index
from bowerbird.embed.index.vectors import (
    CONTENTS_FILE,
    GENERIC_FILE,
    IDS_FILE,
    OFFSETS_FILE,
    SIDES_FILE,
    SIDES_MAPS_FILE,
    TOWER_FILE,
    VECTORS_FILE,
    Vectors,
    load_vectors,
)
from bowerbird.errors import StoreError


@dataclass(frozen=True)
class VersionFiles:
    """N items with D dimensions."""

    ids: list[str]
    kept: np.ndarray  # (N, D) float16 or int8
    generic: np.ndarray  # (N, E)
    content: np.ndarray  # (N, F + Wt + Wi), the sides beside each other
    contents: np.ndarray  # (N,) keys of what each item shows and tells
    sides: Sides
    tower: dict[str, torch.Tensor]
    offsets: np.ndarray  # (N, D) float32, what pairs taught of one item beyond its content

    def write(self, folder: Path) -> None:
        """Into a version's folder, with an index where there are many items."""
        np.save(folder / VECTORS_FILE, self.kept)
        np.save(folder / GENERIC_FILE, self.generic.astype(np.float16))
        np.save(folder / SIDES_FILE, self.content.astype(np.float16))
        np.save(folder / CONTENTS_FILE, self.contents)
        self.sides.save(folder / SIDES_MAPS_FILE)
        (folder / IDS_FILE).write_text(json.dumps(self.ids))
        taught = np.flatnonzero(self.offsets.any(axis=1))  # few of many: most items were never in a pair
        np.savez(folder / OFFSETS_FILE, rows=taught, offsets=self.offsets[taught].astype(np.float16))
        save_file({name: one.contiguous() for name, one in self.tower.items()}, folder / TOWER_FILE)
        if len(self.ids) > EXACT_UP_TO:
            write_index(folder, version_before(folder))


@dataclass(frozen=True)
class Before:
    """The version in force, as an update starts from it. N items with D dimensions."""

    vectors: Vectors
    contents: np.ndarray  # (N,) keys
    sides: Sides
    tower: dict[str, torch.Tensor]
    offsets: np.ndarray  # (N, D) float32

    @classmethod
    def open(cls, store: Store) -> Before:
        """Raises `StoreError` where there is no version, or one that can't be updated."""
        vectors = load_vectors(store.snapshot())
        path = vectors.path
        assert path is not None
        try:
            offsets = np.zeros((len(vectors.ids), vectors.kept.shape[1]), np.float32)
            with np.load(path / OFFSETS_FILE) as kept:
                offsets[kept["rows"]] = kept["offsets"]
            contents = np.load(path / CONTENTS_FILE)
            before = cls(
                vectors, contents, Sides.load(path / SIDES_MAPS_FILE), load_file(path / TOWER_FILE), offsets
            )
        except (OSError, KeyError, ValueError, IndexError) as error:
            raise StoreError(
                f"the vectors {vectors.version} can't be read ({error}): run `bowerbird embed {store.path}` "
                "without --update"
            ) from None
        if "judged_below" not in vectors.meta or "image_to_text" not in before.tower:
            raise StoreError(
                f"the vectors {vectors.version} were made by an older bowerbird and can't be updated: run "
                f"`bowerbird embed {store.path}` without --update once"
            )
        return before
