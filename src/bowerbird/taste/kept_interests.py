"""Interests on disk: grown once for a version of the vectors, and what the next ones take their ids from."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from bowerbird.data.items import Catalogue
from bowerbird.data.store import write_atomically
from bowerbird.taste.interests import Interests, Level

BROKEN = (OSError, ValueError, KeyError, BadZipFile)


def kept_interests(
    folder: Path,
    key: str,
    matrix: Callable[[], np.ndarray],
    catalogue: Catalogue,
    fits: Callable[[str], bool] = lambda key: False,
) -> Interests:
    """The interests for this version of the vectors and the catalogue (`key`), kept for the next time.

    Where they are not there yet, kept ones whose key `fits` (vectors in the same space) go on with today's
    items; else they are grown, and those that mean the same keep their ids.
    """
    arrays, text = _files(folder, key)
    try:
        return _read(arrays, text)[0]
    except BROKEN:
        pass  # not there yet, or broken: grown anew
    rows = matrix()
    found = _from_before(folder, rows, catalogue, fits) or Interests.grown(rows, catalogue)
    for old in folder.glob("interests-*"):
        old.unlink(missing_ok=True)
    _write(found, catalogue, key, arrays, text)
    return found


def _from_before(
    folder: Path, rows: np.ndarray, catalogue: Catalogue, fits: Callable[[str], bool]
) -> Interests | None:
    """What kept interests become for today's items; None where there are none, or they are broken."""
    for text in folder.glob("interests-*.json"):
        try:
            before, key, items = _read(text.with_suffix(".npz"), text)
        except BROKEN:
            continue
        if not len(before):
            continue
        if fits(key) and before.centres.shape[1] == rows.shape[1]:
            return before.around(rows)
        return Interests.grown(rows, catalogue).named_after(before, _places(before.group, items, catalogue))
    return None


def _places(group: np.ndarray, items: np.ndarray, catalogue: Catalogue) -> np.ndarray:
    """Former numbers of today's items, (items,), -1 for new ones; `items` are the former ones' hashes."""
    order = np.argsort(items)
    today = _hashes(catalogue.ids)
    place = np.minimum(np.searchsorted(items[order], today), len(items) - 1)
    known = items[order][place] == today
    return np.where(known, group[order][place], -1)


def _hashes(ids: Sequence[str]) -> np.ndarray:
    found = (hashlib.blake2b(one.encode(), digest_size=8).digest() for one in ids)
    return np.frombuffer(b"".join(found), np.uint64)


def _files(folder: Path, key: str) -> tuple[Path, Path]:
    stem = hashlib.blake2b(key.encode(), digest_size=8).hexdigest()
    return folder / f"interests-{stem}.npz", folder / f"interests-{stem}.json"


def _write(found: Interests, catalogue: Catalogue, key: str, arrays: Path, text: Path) -> None:
    beside = arrays.with_name(f".{uuid.uuid4().hex[:6]}-{arrays.name}")
    np.savez(
        beside,
        group=found.group,
        centres=found.centres,
        theme=found.theme,
        ids=found.fine.ids,
        theme_ids=found.themes.ids,
        items=_hashes(catalogue.ids),
    )
    beside.replace(arrays)
    levels = {"interests": found.fine, "themes": found.themes}
    said = {name: {"names": level.names, "words": level.words} for name, level in levels.items()}
    write_atomically(text, json.dumps({"key": key, "next_id": found.next_id, **said}).encode())


def _read(arrays: Path, text: Path) -> tuple[Interests, str, np.ndarray]:
    """Kept interests, their key, and the hashes of their items. Raises one of `BROKEN`."""
    said = json.loads(text.read_text())
    with np.load(arrays) as kept:
        fine = Level(kept["ids"], said["interests"]["names"], said["interests"]["words"])
        themes = Level(kept["theme_ids"], said["themes"]["names"], said["themes"]["words"])
        found = Interests(kept["group"], kept["centres"], fine, kept["theme"], themes, int(said["next_id"]))
        return found, said["key"], kept["items"]
