"""Interests as files of a version: computed once for a version of the vectors; the next ones take their ids
from them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from bowerbird.data.arrays import FloatArray, IntArray
from bowerbird.data.files.records import read_record, write_record
from bowerbird.data.snapshot import StoreSnapshot
from bowerbird.data.versions.version import Version
from bowerbird.embed.index.item_index import EXACT_UP_TO
from bowerbird.embed.index.vectors import item_matrix, item_rows, load_vectors
from bowerbird.errors import StoreError
from bowerbird.taste.config import InterestsMeta
from bowerbird.taste.interests.interests import Interests, Level

KIND = InterestsMeta.KIND
ARRAYS_FILE, NAMES_FILE = "interests.npz", "interests.json"
READ_ERRORS = (OSError, ValueError, KeyError, BadZipFile, StoreError)


@dataclass(frozen=True)
class LevelNames:
    """Names and words of the groups of one level, in the order of their numbers."""

    names: list[str]
    words: list[list[str]]


@dataclass(frozen=True)
class SavedNames:
    """The content of `interests.json`."""

    next_id: int
    interests: LevelNames
    themes: LevelNames


def interests_of(snapshot: StoreSnapshot) -> Interests:
    """The interests of a snapshot's items, opened once; computed and published where it has none yet.

    Former interests of vectors in the same space are extended to today's items; otherwise interests are
    computed from the vectors, and those that mean the same as a former one keep its id. Raises `StoreError`
    where there are no items or no vectors.
    """
    return snapshot.open_once("interests", lambda: _open_or_compute(snapshot), of=("vectors",))


def publish_interests(snapshot: StoreSnapshot) -> None:
    """Publish the interests of a snapshot where that has not happened yet; waits for other writers.

    Raises `StoreError` where they can't be written.
    """
    interests = interests_of(snapshot)
    if snapshot.version(KIND) is None:
        _publish(snapshot, interests, wait=True)


def _open_or_compute(snapshot: StoreSnapshot) -> Interests:
    published = _read_version(snapshot.version(KIND), load_vectors(snapshot).version)
    if published is not None:
        return published
    matrix = _vector_matrix(snapshot)
    interests = _from_former(snapshot, matrix) or Interests.from_vectors(matrix, snapshot.catalogue)
    try:
        return _publish(snapshot, interests, wait=False)
    except (OSError, StoreError):  # being written, or read-only: this process has what it needs
        return interests


def _read_version(version: Version | None, vectors: str) -> Interests | None:
    """The interests of a version, if they were made for these vectors and are whole."""
    if version is None:
        return None
    try:
        if version.read_meta(InterestsMeta).vectors != vectors:
            return None
        return _read(version.path / ARRAYS_FILE, version.path / NAMES_FILE)[0]
    except READ_ERRORS:
        return None


def _publish(snapshot: StoreSnapshot, interests: Interests, wait: bool) -> Interests:
    """Publish interests; return those that another process published first, where one did."""
    ids, store = snapshot.catalogue.ids, snapshot.store
    vectors = load_vectors(snapshot).version
    meta = InterestsMeta(vectors=vectors, interests=len(interests), themes=len(interests.themes))
    with store.lock("publishing interests", wait):
        version = store.current(KIND)
        published = _read_version(version, vectors)
        if version is None or published is None:
            version = store.publish(
                KIND, meta, lambda folder: _write(folder, interests, ids), made_of={"vectors": vectors}
            )
    snapshot.adopt(version)
    return published or interests


def _vector_matrix(snapshot: StoreSnapshot) -> FloatArray:
    """All vectors (items, D) float32; of a catalogue too large for exact search they are not kept in
    memory."""
    rows = item_rows(snapshot)
    return item_matrix(snapshot) if len(rows) <= EXACT_UP_TO else rows.dense()


def _from_former(snapshot: StoreSnapshot, matrix: FloatArray) -> Interests | None:
    """Former interests brought to today's items; None where there are none, or they are broken."""
    vectors = load_vectors(snapshot)
    for arrays_path, names_path in _former_files(snapshot):
        try:
            former, made_for, items = _read(arrays_path, names_path)
        except READ_ERRORS:
            continue
        if not len(former):
            continue
        if vectors.is_compatible_with(made_for) and former.centres.shape[1] == matrix.shape[1]:
            has_same_items = np.array_equal(items, _item_hashes(snapshot.catalogue.ids))
            is_unchanged = has_same_items and made_for == vectors.version
            return former if is_unchanged else former.extended_to(matrix)
        interests = Interests.from_vectors(matrix, snapshot.catalogue)
        return interests.with_former_ids(former, _former_groups(former.group, items, snapshot.catalogue.ids))
    return None


def _former_files(snapshot: StoreSnapshot) -> Iterator[tuple[Path, Path]]:
    """Files of interests that other sets of versions have, the latest first."""
    for version_set in reversed(snapshot.store.history().sets):
        if KIND in version_set.versions:
            folder = snapshot.store.path / KIND / version_set.versions[KIND]
            yield folder / ARRAYS_FILE, folder / NAMES_FILE


def _former_groups(group: IntArray, items: NDArray[np.uint64], ids: Sequence[str]) -> IntArray:
    """Former groups of today's items, (items,), -1 for new ones; `items` are the hashes of the former
    ones."""
    order = np.argsort(items)
    today = _item_hashes(ids)
    slot = np.minimum(np.searchsorted(items[order], today), len(items) - 1)
    is_known = items[order][slot] == today
    return np.where(is_known, group[order][slot], -1)


def _item_hashes(ids: Sequence[str]) -> NDArray[np.uint64]:
    digests = (hashlib.blake2b(item_id.encode(), digest_size=8).digest() for item_id in ids)
    return np.frombuffer(b"".join(digests), np.uint64)


def _write(folder: Path, interests: Interests, ids: Sequence[str]) -> None:
    np.savez(
        folder / ARRAYS_FILE,
        group=interests.group,
        centres=interests.centres,
        theme=interests.theme,
        ids=interests.fine.ids,
        theme_ids=interests.themes.ids,
        items=_item_hashes(ids),
    )
    names = SavedNames(
        interests.next_id,
        LevelNames(interests.fine.names, interests.fine.words),
        LevelNames(interests.themes.names, interests.themes.words),
    )
    write_record(folder / NAMES_FILE, names)


def _read(arrays_path: Path, names_path: Path) -> tuple[Interests, str, NDArray[np.uint64]]:
    """Interests, the version of the vectors that they were made for, and the hashes of their items.

    Raises one of `READ_ERRORS`.
    """
    names = read_record(names_path, SavedNames)
    with np.load(arrays_path) as saved:
        fine = Level(saved["ids"], names.interests.names, names.interests.words)
        themes = Level(saved["theme_ids"], names.themes.names, names.themes.words)
        interests = Interests(saved["group"], saved["centres"], fine, saved["theme"], themes, names.next_id)
        return interests, _vectors_version(arrays_path.parent), saved["items"]


def _vectors_version(folder: Path) -> str:
    return read_record(folder / "meta.json", InterestsMeta).vectors
