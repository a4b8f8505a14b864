"""The approximate index in the folder of a version of the vectors: built once, opened by memory map.

A version whose vectors are mostly those of an earlier version updates a copy of its index: removed and
changed items are deleted, new ones are added. Items keep their keys; `keys.npy` maps positions to keys.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from bowerbird.data.arrays import IntArray
from bowerbird.data.snapshot import StoreSnapshot
from bowerbird.embed.index.ann import AnnIndex
from bowerbird.embed.index.item_index import EXACT_UP_TO, ItemIndex, build_index
from bowerbird.embed.index.rows import VectorRows, quantize_int8
from bowerbird.embed.index.vectors import IDS_FILE, VECTORS_FILE, item_matrix, item_rows, load_vectors

INDEX_FILE, KEYS_FILE = "index.usearch", "keys.npy"
MIN_UNCHANGED_SHARE = 0.5  # of the vectors; below it, building a new index is as fast


def item_index(snapshot: StoreSnapshot) -> ItemIndex:
    """Open the index of a snapshot's items; an approximate one that is missing is built first.

    Raises `StoreError` if the store has no vectors or its index is broken.
    """
    return snapshot.open_once("item index", lambda: _open_index(snapshot), of=("vectors",))


def _open_index(snapshot: StoreSnapshot) -> ItemIndex:
    vectors, rows = load_vectors(snapshot), item_rows(snapshot)
    if len(vectors.ids) <= EXACT_UP_TO or vectors.path is None:
        return ItemIndex(rows, dense=item_matrix(snapshot))
    if not (vectors.path / INDEX_FILE).exists():
        with snapshot.store.exclusive("index"):
            if not (vectors.path / INDEX_FILE).exists():  # another process may have built it just now
                write_index(vectors.path, previous_indexed_version(vectors.path))
    keys = np.load(vectors.path / KEYS_FILE)
    return ItemIndex(
        rows,
        AnnIndex.open(vectors.path / INDEX_FILE),
        None if np.array_equal(keys, np.arange(len(keys))) else keys,
    )


def write_index(folder: Path, previous: Path | None = None) -> None:
    """Index the vectors of a version's folder, from the index in the folder `previous` if that is faster."""
    index, keys = (previous and _update_previous(folder, previous)) or _build_new(folder)
    np.save(folder / KEYS_FILE, keys)
    temporary = folder / f".{INDEX_FILE}.part"
    index.save(temporary)
    temporary.replace(folder / INDEX_FILE)  # last: an index file implies a keys file


def _build_new(folder: Path) -> tuple[AnnIndex, IntArray]:
    rows = VectorRows.open(folder / VECTORS_FILE)
    return build_index(rows), np.arange(len(rows))


def _update_previous(folder: Path, previous: Path) -> tuple[AnnIndex, IntArray] | None:
    """Update a copy of the index of `previous`; None if too few vectors are unchanged."""
    rows, previous_rows = VectorRows.open(folder / VECTORS_FILE), VectorRows.open(previous / VECTORS_FILE)
    if rows.dim != previous_rows.dim:
        return None
    previous_row_of = {item_id: row for row, item_id in enumerate(_read_ids(previous))}
    previous_row = np.array([previous_row_of.get(item_id, -1) for item_id in _read_ids(folder)], np.int64)
    previous_vectors = VectorRows(previous_rows.stored, previous_row)
    is_unchanged = np.zeros(len(rows), bool)
    for start, block in rows.blocks():
        previous_block = previous_vectors[np.arange(start, start + len(block))]
        is_unchanged[start : start + len(block)] = (
            quantize_int8(previous_block) == quantize_int8(block)
        ).all(axis=1)
    is_unchanged &= previous_row >= 0
    if is_unchanged.mean() < MIN_UNCHANGED_SHARE:
        return None
    previous_keys = np.load(previous / KEYS_FILE)
    keys = np.full(len(rows), -1, np.int64)
    keys[is_unchanged] = previous_keys[previous_row[is_unchanged]]
    keys[~is_unchanged] = previous_keys.max() + 1 + np.arange(np.count_nonzero(~is_unchanged))
    index = AnnIndex.open(previous / INDEX_FILE, writable=True)
    index.remove(np.setdiff1d(previous_keys, keys))
    new_rows = np.flatnonzero(~is_unchanged & rows.has_vector)
    index.add(keys[new_rows], rows[new_rows])
    return index, keys


def previous_indexed_version(folder: Path) -> Path | None:
    """Find the latest other version that has an index."""
    indexed = sorted(path.parent for path in folder.parent.glob(f"*/{INDEX_FILE}") if path.parent != folder)
    return indexed[-1] if indexed else None


def _read_ids(folder: Path) -> list[str]:
    ids: list[str] = json.loads((folder / IDS_FILE).read_text())
    return ids
