"""Interests as files of a version: grown once for a version of the vectors, and what the next ones take their
ids from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from bowerbird.data.snapshot import StoreSnapshot
from bowerbird.data.versions import Version
from bowerbird.embed.index.item_index import EXACT_UP_TO
from bowerbird.embed.index.vectors import item_matrix, item_rows, load_vectors
from bowerbird.errors import StoreError
from bowerbird.taste.interests.interests import Interests, Level

KIND = "interests"
ARRAYS_FILE, NAMES_FILE = "interests.npz", "interests.json"
BROKEN = (OSError, ValueError, KeyError, BadZipFile)


def interests_of(snapshot: StoreSnapshot) -> Interests:
    """The interests of a snapshot's items, opened once; grown and published where it has none yet.

    Those before, of vectors in the same space, go on with today's items; else they are grown, and those that
    mean the same keep their ids. Raises `StoreError` where there are no items or no vectors.
    """
    return snapshot.open_once("interests", lambda: _opened(snapshot), of=("vectors",))


def publish_interests(snapshot: StoreSnapshot) -> None:
    """Publish the interests of a snapshot where that has not happened yet; waits for whoever is writing.

    Raises `StoreError` where they can't be kept.
    """
    interests = interests_of(snapshot)
    if snapshot.version(KIND) is None:
        _publish(snapshot, interests, wait=True)


def _opened(snapshot: StoreSnapshot) -> Interests:
    published = _read_version(snapshot.version(KIND), load_vectors(snapshot).version)
    if published is not None:
        return published
    matrix = _matrix(snapshot)
    interests = _from_before(snapshot, matrix) or Interests.grown(matrix, snapshot.catalogue)
    try:
        return _publish(snapshot, interests, wait=False)
    except (OSError, StoreError):  # being written, or not ours to write: this process has what it needs
        return interests


def _read_version(version: Version | None, vectors: str) -> Interests | None:
    """Those of a version, if they were made for these vectors and are whole."""
    if version is None or version.meta.get("vectors") != vectors:
        return None
    try:
        return _read(version.path / ARRAYS_FILE, version.path / NAMES_FILE)[0]
    except BROKEN:
        return None


def _publish(snapshot: StoreSnapshot, interests: Interests, wait: bool) -> Interests:
    """Publish interests; gives those that another process published first, where one did."""
    ids, store = snapshot.catalogue.ids, snapshot.store
    vectors = load_vectors(snapshot).version
    meta = {"vectors": vectors, "interests": len(interests), "themes": len(interests.themes)}
    with store.lock("keeping interests", wait):
        version = store.current(KIND)
        published = _read_version(version, vectors)
        if version is None or published is None:
            version = store.publish(
                KIND, meta, lambda folder: _write(folder, interests, ids), made_of={"vectors": vectors}
            )
    snapshot.adopt(version)
    for old in store.taste.glob("interests-*"):  # where an older bowerbird had them
        old.unlink(missing_ok=True)
    return published or interests


def _matrix(snapshot: StoreSnapshot) -> np.ndarray:
    """All vectors (items, D) float32; of so many items that search does without, they are not held."""
    rows = item_rows(snapshot)
    return item_matrix(snapshot) if len(rows) <= EXACT_UP_TO else rows.dense()


def _from_before(snapshot: StoreSnapshot, matrix: np.ndarray) -> Interests | None:
    """What earlier interests become for today's items; None where there are none, or they are broken."""
    vectors = load_vectors(snapshot)
    for arrays, names in _earlier(snapshot):
        try:
            before, made_for, items = _read(arrays, names)
        except BROKEN:
            continue
        if not len(before):
            continue
        if vectors.is_compatible_with(made_for) and before.centres.shape[1] == matrix.shape[1]:
            same = np.array_equal(items, _hashes(snapshot.catalogue.ids))
            return before if same and made_for == vectors.version else before.around(matrix)
        grown = Interests.grown(matrix, snapshot.catalogue)
        return grown.named_after(before, _places(before.group, items, snapshot.catalogue.ids))
    return None


def _earlier(snapshot: StoreSnapshot) -> Iterator[tuple[Path, Path]]:
    """Files of interests that other sets of versions have, the latest first."""
    for chosen in reversed(snapshot.store.history().sets):
        if KIND in chosen.versions:
            folder = snapshot.store.path / KIND / chosen.versions[KIND]
            yield folder / ARRAYS_FILE, folder / NAMES_FILE
    for names in snapshot.store.taste.glob("interests-*.json"):
        yield names.with_suffix(".npz"), names


def _places(group: np.ndarray, items: np.ndarray, ids: Sequence[str]) -> np.ndarray:
    """Former numbers of today's items, (items,), -1 for new ones; `items` are the former ones' hashes."""
    order = np.argsort(items)
    today = _hashes(ids)
    place = np.minimum(np.searchsorted(items[order], today), len(items) - 1)
    known = items[order][place] == today
    return np.where(known, group[order][place], -1)


def _hashes(ids: Sequence[str]) -> np.ndarray:
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
        items=_hashes(ids),
    )
    levels = {"interests": interests.fine, "themes": interests.themes}
    words = {name: {"names": level.names, "words": level.words} for name, level in levels.items()}
    (folder / NAMES_FILE).write_text(json.dumps({"next_id": interests.next_id, **words}))


def _read(arrays: Path, names: Path) -> tuple[Interests, str, np.ndarray]:
    """Interests, the version of the vectors that they were made for, and the hashes of their items.

    Raises one of `BROKEN`.
    """
    words = json.loads(names.read_text())
    # An older bowerbird wrote "<vectors>/<catalogue>" beside the names.
    made_for = words["key"].split("/")[0] if "key" in words else _vectors_of(arrays.parent)
    with np.load(arrays) as saved:
        fine = Level(saved["ids"], words["interests"]["names"], words["interests"]["words"])
        themes = Level(saved["theme_ids"], words["themes"]["names"], words["themes"]["words"])
        interests = Interests(
            saved["group"], saved["centres"], fine, saved["theme"], themes, int(words["next_id"])
        )
        return interests, made_for, saved["items"]


def _vectors_of(folder: Path) -> str:
    vectors: str = json.loads((folder / "meta.json").read_text())["vectors"]
    return vectors
