"""Files of a version of the vectors: for readers of vectors, and for the next update."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from bowerbird.data.arrays import FloatArray, KeyArray, StoredArray
from bowerbird.data.store import Store
from bowerbird.embed.encode.modalities import ModalityEncoders
from bowerbird.embed.index.item_index import EXACT_UP_TO
from bowerbird.embed.index.saved_index import previous_indexed_version, write_index
from bowerbird.embed.index.vectors import (
    CONTENTS_FILE,
    GENERIC_FILE,
    IDS_FILE,
    MODALITIES_FILE,
    MODALITY_ENCODERS_FILE,
    OFFSETS_FILE,
    TOWER_FILE,
    VECTORS_FILE,
    Vectors,
    load_vectors,
)
from bowerbird.errors import StoreError


@dataclass(frozen=True)
class VersionFiles:
    """Contents of a version's files. N items with D dimensions."""

    ids: list[str]
    stored: StoredArray  # (N, D) float16 or int8
    generic: FloatArray  # (N, E)
    modality_content: FloatArray  # (N, F + Wt + Wi), the modalities concatenated
    content_keys: KeyArray  # (N,) hash of each item's content
    encoders: ModalityEncoders
    tower: dict[str, torch.Tensor]
    offsets: FloatArray  # (N, D) float32, learned from pairs about one item beyond its content

    def write(self, folder: Path) -> None:
        """Write the files into a version's folder, with an index if there are many items."""
        np.save(folder / VECTORS_FILE, self.stored)
        np.save(folder / GENERIC_FILE, self.generic.astype(np.float16))
        np.save(folder / MODALITIES_FILE, self.modality_content.astype(np.float16))
        np.save(folder / CONTENTS_FILE, self.content_keys)
        self.encoders.save(folder / MODALITY_ENCODERS_FILE)
        (folder / IDS_FILE).write_text(json.dumps(self.ids))
        trained_rows = np.flatnonzero(self.offsets.any(axis=1))  # few: most items were never in a pair
        np.savez(
            folder / OFFSETS_FILE, rows=trained_rows, offsets=self.offsets[trained_rows].astype(np.float16)
        )
        save_file({name: tensor.contiguous() for name, tensor in self.tower.items()}, folder / TOWER_FILE)
        if len(self.ids) > EXACT_UP_TO:
            write_index(folder, previous_indexed_version(folder))


@dataclass(frozen=True)
class PreviousVersion:
    """The current version, from which an update starts. N items with D dimensions."""

    vectors: Vectors
    content_keys: KeyArray  # (N,) hash of each item's content
    encoders: ModalityEncoders
    tower: dict[str, torch.Tensor]
    offsets: FloatArray  # (N, D) float32

    @classmethod
    def open(cls, store: Store) -> PreviousVersion:
        """Open the current version. Raises `StoreError` if there is none or it can't be updated."""
        vectors = load_vectors(store.snapshot())
        path = vectors.path
        assert path is not None
        try:
            offsets = np.zeros((len(vectors.ids), vectors.stored.shape[1]), np.float32)
            with np.load(path / OFFSETS_FILE) as saved:
                offsets[saved["rows"]] = saved["offsets"]
            content_keys = np.load(path / CONTENTS_FILE)
            previous = cls(
                vectors,
                content_keys,
                ModalityEncoders.load(path / MODALITY_ENCODERS_FILE),
                load_file(path / TOWER_FILE),
                offsets,
            )
        except (OSError, KeyError, ValueError, IndexError) as error:
            raise StoreError(
                f"the vectors {vectors.version} can't be read ({error}): run `bowerbird embed {store.path}` "
                "without --update"
            ) from None
        if vectors.meta.validation_thresholds is None or "image_to_text" not in previous.tower:
            raise StoreError(
                f"the vectors {vectors.version} were made by an older bowerbird and can't be updated: run "
                f"`bowerbird embed {store.path}` without --update once"
            )
        return previous
