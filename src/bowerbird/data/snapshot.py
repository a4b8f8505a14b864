"""The versions of a store that belong together, pinned at one instant; everything that reads takes one.

A command takes one snapshot and so never sees two versions; a server takes one for each set of versions and
swaps a single reference. What is opened from it is opened once, when it is first needed, and shared by all.

**Positions** are the rows of the item vectors: an item keeps its position for as long as the vectors stay,
whatever a newer catalogue says of its price, its stock or its place in a feed. Items that the vectors don't
know yet take part as soon as they are encoded.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import threading
from collections.abc import Callable, Collection, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar, cast

from bowerbird.data.catalogue_files import read_catalogue, read_collections
from bowerbird.data.collections import Collection as ItemCollection
from bowerbird.data.items import Catalogue
from bowerbird.data.leases import Lease
from bowerbird.data.versions import KINDS, NEEDED, Version, VersionSet
from bowerbird.errors import StoreError

if TYPE_CHECKING:
    from bowerbird.data.store import Store

T = TypeVar("T")
FACTS = ("catalogue", "collections")
"""Kinds that a server shows at once, whatever the models were made of."""
TEXTS = "texts"
"""What the items say of themselves: their order and all but prices, stock and pictures."""
NO_WORDS = ["image", "price", "currency", "availability"]
IDS_FILE = "ids.json"
"""In a version of the vectors: the ids of its items, in the order of its rows."""


class StoreSnapshot:
    """One set of versions, each opened lazily and once. Safe to use from several threads."""

    def __init__(
        self, store: Store, pinned: Mapping[str, Version], number: int, rolled_back: bool = False
    ) -> None:
        self.store = store
        """For what has no versions (the log, the settings, the lock); not for reading versions."""
        self.number = number
        """Of the set; 0 in a store without any."""
        self.rolled_back = rolled_back
        """Whether somebody went back to this set: then nothing in it is trained again."""
        self._pinned = dict(pinned)
        self._texts = "/".join(pinned[kind].name for kind in ("catalogue", "vectors") if kind in pinned)
        self._lock = threading.Lock()
        self._opened: dict[_Key, _Opened] = {}

    @classmethod
    def of(
        cls, store: Store, number: int | None = None, previous: StoreSnapshot | None = None
    ) -> StoreSnapshot:
        """Pin the set in force, or another one by its number.

        What `previous` has opened of the same versions is taken over. Raises `StoreError` for a set that
        there is not.
        """
        while True:
            chosen = _chosen(store, number)
            lease: Lease | None = None
            with contextlib.suppress(OSError):  # a store that can only be read is never pruned from here
                lease = Lease(store.path, chosen.versions)
            # What is pruned after this line is pruned by somebody who sees the lease.
            if chosen.number and chosen not in store.history().sets:
                continue
            pinned = {kind: store.version(kind, name, lease) for kind, name in chosen.versions.items()}
            there = {kind: version for kind, version in pinned.items() if version is not None}
            snapshot = cls(store, there, chosen.number, chosen.rolled_back)
            if previous is not None:
                snapshot._take_over(previous)
            return snapshot

    def with_facts_of(self, newer: StoreSnapshot) -> StoreSnapshot:
        """The same models with the catalogue and the collections of another snapshot.

        What is served while new vectors lack their ranker: prices and stock don't wait for it.
        """
        facts = {kind: version for kind, version in newer._pinned.items() if kind in FACTS}
        models = {kind: version for kind, version in self._pinned.items() if kind not in FACTS}
        snapshot = StoreSnapshot(self.store, models | facts, self.number, self.rolled_back)
        snapshot._take_over(newer)
        snapshot._take_over(self)
        return snapshot

    # -- versions -----------------------------------------------------------------------------------------

    def version(self, kind: str) -> Version | None:
        """The pinned version of a kind; None where there was none."""
        return self._pinned.get(kind)

    @property
    def complete(self) -> bool:
        """Whether it has all that a server needs."""
        return all(kind in self._pinned for kind in NEEDED)

    @property
    def names(self) -> dict[str, str]:
        """Name of the pinned version of each kind."""
        with self._lock:
            return {kind: version.name for kind, version in self._pinned.items()}

    def adopt(self, version: Version) -> None:
        """Take in a version that was made from this snapshot because it lacked one, or a fresh one."""
        with self._lock:
            was = self._pinned.get(version.kind)
            before, after = (version.kind, was.name if was else ""), (version.kind, version.name)
            self._pinned[version.kind] = version
            self._opened = {
                (key, tuple(after if pair == before else pair for pair in of)): value
                for (key, of), value in self._opened.items()
            }

    # -- opening ------------------------------------------------------------------------------------------

    def open_once(self, key: str, opener: Callable[[], T], of: Collection[str] = KINDS) -> T:
        """What `opener` gives, called once for this snapshot however many ask, and from whichever thread.

        `of` are the kinds whose versions it is made of, or `TEXTS`: later snapshots with the same ones share
        it. An opener may open others, as long as they don't open it in turn. Where it raises, the next one
        who asks tries again.
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

    def _take_over(self, previous: StoreSnapshot) -> None:
        with previous._lock:
            opened = dict(previous._opened)
        if self._texts != previous._texts and self._tells_as(previous):
            self._texts = previous._texts
        for (key, of), value in opened.items():
            if of == self._names_of([kind for kind, _ in of]):
                self._opened.setdefault((key, of), value)

    def _tells_as(self, previous: StoreSnapshot) -> bool:
        """Whether all items are the same in the same order, with the same words."""
        if "catalogue" not in self._pinned or "catalogue" not in previous._pinned:
            return False
        now, then = (each.catalogue.table.drop_columns(NO_WORDS) for each in (self, previous))
        return bool(now.equals(then))

    # -- what the data layer itself reads -----------------------------------------------------------------

    @property
    def imported(self) -> Catalogue:
        """All items, as they were imported. Raises `StoreError` where there are none."""
        version = self.version("catalogue")
        if version is None:
            raise StoreError(
                f"the store {self.store.path} has no items yet: run `bowerbird import` with a catalogue"
            )
        return self.open_once("imported", lambda: read_catalogue(version.path), of=("catalogue",))

    @property
    def catalogue(self) -> Catalogue:
        """The items that answers are made of, in the order of their positions.

        Those that the vectors know, with the newest facts; all of them where there are no vectors yet.
        Raises `StoreError` where there are none.
        """
        return self.open_once("catalogue", self._known_items, of=("catalogue", "vectors"))

    def _known_items(self) -> Catalogue:
        imported, ids = self.imported, self.item_ids
        return imported if ids is None else imported.by_ids(ids)

    @property
    def item_ids(self) -> list[str] | None:
        """Ids of the items that the vectors know, in the order of their rows; None without vectors."""
        version = self.version("vectors")
        if version is None:
            return None
        return self.open_once("item ids", lambda: _ids_of(version), of=("vectors",))

    @cached_property
    def fingerprint(self) -> str:
        """128 bits that change with the ids of the items, or their order."""
        digest = hashlib.blake2b("\n".join(self.catalogue.ids).encode(), digest_size=16)
        return digest.hexdigest()

    @property
    def collections(self) -> list[ItemCollection]:
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


def _chosen(store: Store, number: int | None) -> VersionSet:
    history = store.history()
    return (history.current or VersionSet(0, {}, "")) if number is None else history.numbered(number)


def _ids_of(version: Version) -> list[str]:
    try:
        ids: list[str] = json.loads((version.path / IDS_FILE).read_text())
    except (OSError, ValueError) as error:
        raise StoreError(
            f"the vectors {version.name} can't be read ({error}): run `bowerbird embed` again"
        ) from None
    return ids
