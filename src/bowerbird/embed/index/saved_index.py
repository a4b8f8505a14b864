"""The approximate index beside the vectors of a version: built once, opened by memory map.

A version whose vectors are mostly those of the version before takes its index over: what is gone or has
changed is deleted, what is new is added. Keys stay with their items; `keys.npy` says which is whose.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from bowerbird.data.snapshot import StoreSnapshot
from bowerbird.embed.index.ann import AnnIndex
from bowerbird.embed.index.item_index import EXACT_UP_TO, ItemIndex, built
from bowerbird.embed.index.rows import Rows, int8_of
from bowerbird.embed.index.vectors import IDS_FILE, VECTORS_FILE, item_matrix, item_rows, load_vectors

INDEX_FILE, KEYS_FILE = "index.usearch", "keys.npy"
LEAST_KEPT = 0.5  # share of the items whose vectors must be the same; else a new index is as quick


def item_index(snapshot: StoreSnapshot) -> ItemIndex:
    """The index of a snapshot's items; built first where there are many and none was built yet.

    Raises `StoreError` where the store has no vectors, or its index is broken.
    """
    return snapshot.open_once("item index", lambda: _opened(snapshot), of=("vectors",))


def _opened(snapshot: StoreSnapshot) -> ItemIndex:
    vectors, rows = load_vectors(snapshot), item_rows(snapshot)
    if len(vectors.ids) <= EXACT_UP_TO or vectors.path is None:
        return ItemIndex(rows, dense=item_matrix(snapshot))
    if not (vectors.path / INDEX_FILE).exists():
        with snapshot.store.exclusive("index"):
            if not (vectors.path / INDEX_FILE).exists():  # another process may have built it just now
                write_index(vectors.path, version_before(vectors.path))
    keys = np.load(vectors.path / KEYS_FILE)
    return ItemIndex(
        rows,
        AnnIndex.opened(vectors.path / INDEX_FILE),
        None if np.array_equal(keys, np.arange(len(keys))) else keys,
    )


def write_index(folder: Path, before: Path | None = None) -> None:
    """Index the vectors of a version's folder, from the index of the version `before` where that helps."""
    index, keys = (before and _carried(folder, before)) or _fresh(folder)
    np.save(folder / KEYS_FILE, keys)
    beside = folder / f".{INDEX_FILE}.part"
    index.save(beside)
    beside.replace(folder / INDEX_FILE)  # last: where it is, the keys are too


def _fresh(folder: Path) -> tuple[AnnIndex, np.ndarray]:
    rows = Rows.opened(folder / VECTORS_FILE)
    return built(rows), np.arange(len(rows))


def _carried(folder: Path, before: Path) -> tuple[AnnIndex, np.ndarray] | None:
    """The index of `before` brought up to date; None where too little stayed the same."""
    rows, old = Rows.opened(folder / VECTORS_FILE), Rows.opened(before / VECTORS_FILE)
    if rows.dim != old.dim:
        return None
    old_row = {item_id: row for row, item_id in enumerate(_ids(before))}
    source = np.array([old_row.get(item_id, -1) for item_id in _ids(folder)], np.int64)
    matched = Rows(old.kept, source)
    same = np.zeros(len(rows), bool)
    for start, block in rows.blocks():
        part = matched[np.arange(start, start + len(block))]
        same[start : start + len(block)] = (int8_of(part) == int8_of(block)).all(axis=1)
    same &= source >= 0
    if same.mean() < LEAST_KEPT:
        return None
    old_keys = np.load(before / KEYS_FILE)
    keys = np.full(len(rows), -1, np.int64)
    keys[same] = old_keys[source[same]]
    keys[~same] = old_keys.max() + 1 + np.arange(np.count_nonzero(~same))
    index = AnnIndex.opened(before / INDEX_FILE, writable=True)
    index.remove(np.setdiff1d(old_keys, keys))
    fresh = np.flatnonzero(~same & rows.known)
    index.add(keys[fresh], rows[fresh])
    return index, keys


def version_before(folder: Path) -> Path | None:
    """The latest other version that has an index."""
    others = sorted(path.parent for path in folder.parent.glob(f"*/{INDEX_FILE}") if path.parent != folder)
    return others[-1] if others else None


def _ids(folder: Path) -> list[str]:
    ids: list[str] = json.loads((folder / IDS_FILE).read_text())
    return ids
