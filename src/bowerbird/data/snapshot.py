"""The versions of a store that belong together, pinned at one instant; every reader takes a snapshot.

A command takes one snapshot and so never sees two versions; a server takes one for each set of versions and
swaps a single reference. Each object is opened from it once, on first use, and shared.

**Positions** are the rows of the item vectors: an item keeps its position as long as the vectors stay in
force, even if a newer catalogue changes its price, its stock or its order. Items without vectors are
recommended as soon as they are encoded.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import threading
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any, TypeVar, cast

from bowerbird.data.collections import Collection as ItemCollection
from bowerbird.data.items import TEXT_FIELDS, Catalogue
from bowerbird.data.versions.catalogue_files import read_catalogue, read_collections
from bowerbird.data.versions.leases import Lease
from bowerbird.data.versions.version import FACTS, KINDS, NEEDED, Version, VersionSet
from bowerbird.errors import StoreError

if TYPE_CHECKING:
    from bowerbird.data.store import Store

T = TypeVar("T")
TEXTS = "texts"
"""Pseudo-kind for the items' order and texts, without prices, stock and pictures."""
IDS_FILE = "ids.json"
"""File in a version of the vectors: the ids of its items, in the order of its rows."""


class StoreSnapshot:
    """One set of versions, each opened lazily and once. Safe to use from several threads."""

    def __init__(
        self, store: Store, pinned: Mapping[str, Version], number: int, rolled_back: bool = False
    ) -> None:
        self.store = store
        """For parts without versions (the log, the settings, the lock); not for reading versions."""
        self.number = number
        """Number of the set; 0 in a store without any."""
        self.rolled_back = rolled_back
        """Whether this set came into force by a rollback: then nothing in it is trained again."""
        self._pinned = dict(pinned)
        self._texts = "/".join(pinned[kind].name for kind in ("catalogue", "vectors") if kind in pinned)
        self._lock = threading.Lock()
        self._opened: dict[_Key, _Opened] = {}

    @classmethod
    def of(
        cls, store: Store, number: int | None = None, previous: StoreSnapshot | None = None
    ) -> StoreSnapshot:
        """Pin the set in force, or another one by its number.

        Objects that `previous` has opened from the same versions are shared. Raises `StoreError` for an
        unknown set.
        """
        while True:
            version_set = _select_set(store, number)
            lease: Lease | None = None
            with contextlib.suppress(OSError):  # a read-only store is never pruned from here
                lease = Lease(store.path, version_set.versions)
            # Whoever prunes versions after this line sees the lease.
            if version_set.number and version_set not in store.history().sets:
                continue
            pinned = {kind: store.version(kind, name, lease) for kind, name in version_set.versions.items()}
            existing_versions = {kind: version for kind, version in pinned.items() if version is not None}
            snapshot = cls(store, existing_versions, version_set.number, version_set.rolled_back)
            if previous is not None:
                snapshot._share_opened(previous)
            return snapshot

    def with_facts_of(self, newer: StoreSnapshot) -> StoreSnapshot:
        """The same models with the catalogue and the collections of another snapshot.

        Served while new vectors have no ranker yet: prices and stock need not wait for it.
        """
        fact_versions = {kind: version for kind, version in newer._pinned.items() if kind in FACTS}
        model_versions = {kind: version for kind, version in self._pinned.items() if kind not in FACTS}
        snapshot = StoreSnapshot(self.store, model_versions | fact_versions, self.number, self.rolled_back)
        snapshot._share_opened(newer)
        snapshot._share_opened(self)
        return snapshot

    # -- versions -----------------------------------------------------------------------------------------

    def version(self, kind: str) -> Version | None:
        """The pinned version of a kind; None where none was published."""
        return self._pinned.get(kind)

    @property
    def complete(self) -> bool:
        """Whether it has all kinds that a server needs."""
        return all(kind in self._pinned for kind in NEEDED)

    @property
    def names(self) -> dict[str, str]:
        """Name of the pinned version, by kind."""
        with self._lock:
            return {kind: version.name for kind, version in self._pinned.items()}

    def adopt(self, version: Version) -> None:
        """Pin a version that was made from this snapshot, where it had none or an outdated one."""
        with self._lock:
            replaced = self._pinned.get(version.kind)
            old_pair, new_pair = (
                (version.kind, replaced.name if replaced else ""),
                (version.kind, version.name),
            )
            self._pinned[version.kind] = version
            self._opened = {
                (key, tuple(new_pair if pair == old_pair else pair for pair in of)): value
                for (key, of), value in self._opened.items()
            }

    # -- opening ------------------------------------------------------------------------------------------

    def open_once(self, key: str, opener: Callable[[], T], of: Collection[str] = KINDS) -> T:
        """The result of `opener`, which is called once for this snapshot, whichever threads ask for it.

        `of` are the kinds whose versions it is made of, or `TEXTS`: later snapshots with the same versions
        share it. An opener may open other objects, but not in a cycle. Where it raises, the next caller tries
        again.
        """
        with self._lock:
            opened = self._opened.setdefault((key, self._names_of(of)), _Opened())
        with opened.lock:
            if not opened.done:
                opened.value, opened.done = opener(), True
        return cast(T, opened.value)

    def _names_of(self, kinds: Collection[str]) -> tuple[tuple[str, str], ...]:
        names = {kind: version.name for kind, version in self._pinned.items()} | {TEXTS: self._texts}
        return tuple((kind, names.get(kind, "")) for kind in sorted(kinds))

    def _share_opened(self, previous: StoreSnapshot) -> None:
        with previous._lock:
            opened = dict(previous._opened)
        if self._texts != previous._texts and self._has_texts_of(previous):
            self._texts = previous._texts
        for (key, of), value in opened.items():
            if of == self._names_of([kind for kind, _ in of]):
                self._opened.setdefault((key, of), value)

    def _has_texts_of(self, previous: StoreSnapshot) -> bool:
        """Whether all items are the same in the same order, with the same texts."""
        if "catalogue" not in self._pinned or "catalogue" not in previous._pinned:
            return False
        own_texts, previous_texts = (
            snapshot.catalogue.table.select(TEXT_FIELDS) for snapshot in (self, previous)
        )
        return bool(own_texts.equals(previous_texts))

    # -- catalogue and collections ------------------------------------------------------------------------

    @property
    def imported(self) -> Catalogue:
        """All imported items, in import order. Raises `StoreError` where there are none."""
        version = self.version("catalogue")
        if version is None:
            raise StoreError(
                f"the store {self.store.path} has no items yet: run `bowerbird import` with a catalogue"
            )
        return self.open_once("imported", lambda: read_catalogue(version.path), of=("catalogue",))

    @property
    def catalogue(self) -> Catalogue:
        """The items that can be recommended, in the order of their positions.

        Those with vectors, with the newest prices, stock and texts; all items where there are no vectors yet.
        Raises `StoreError` where there are none.
        """
        return self.open_once("catalogue", self._catalogue_of_vectors, of=("catalogue", "vectors"))

    def _catalogue_of_vectors(self) -> Catalogue:
        imported, ids = self.imported, self.item_ids
        return imported if ids is None else imported.by_ids(ids)

    @property
    def item_ids(self) -> list[str] | None:
        """Ids of the items with vectors, in the order of the vectors' rows; None without vectors."""
        version = self.version("vectors")
        if version is None:
            return None
        return self.open_once("item ids", lambda: _read_ids(version), of=("vectors",))

    @property
    def fingerprint(self) -> str:
        """Hash (128 bits, hex) of the item ids in their order."""

        def digest() -> str:
            return hashlib.blake2b("\n".join(self.catalogue.ids).encode(), digest_size=16).hexdigest()

        return self.open_once("fingerprint", digest, of=("catalogue", "vectors"))

    @property
    def collections(self) -> list[ItemCollection]:
        """All imported collections; empty where there are none."""
        version = self.version("collections")
        if version is None:
            return []
        return self.open_once("collections", lambda: read_collections(version.path), of=("collections",))


_Key = tuple[str, tuple[tuple[str, str], ...]]


class _Opened:
    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.done = False
        self.value: Any = None


def _select_set(store: Store, number: int | None) -> VersionSet:
    history = store.history()
    return (history.current or VersionSet(0, {}, "")) if number is None else history.set_numbered(number)


def _read_ids(version: Version) -> list[str]:
    try:
        ids: list[str] = json.loads((version.path / IDS_FILE).read_text())
    except (OSError, ValueError) as error:
        raise StoreError(
            f"the vectors {version.name} can't be read ({error}): run `bowerbird embed` again"
        ) from None
    return ids
