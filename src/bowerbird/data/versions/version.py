"""Sets of versions that belong together, and their history.

One small file, `versions.json`, names the version of each kind, set by set; it is replaced whole, so that a
reader sees one set or another and never a mixture. Pure bookkeeping: nothing here touches a version's files.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

from bowerbird.data.files.records import decode_record, read_record
from bowerbird.data.versions.meta import VersionMeta
from bowerbird.errors import StoreError

Meta = TypeVar("Meta", bound=VersionMeta)

SETS_FILE = "versions.json"
META_FILE = "meta.json"
"""File in a version's folder that describes it."""
KINDS = (
    *("catalogue", "collections", "dialogues", "vectors", "interests", "ranker", "completion"),
    *("dialogue-ranker", "graft", "acts", "retrieval"),
)
"""The kinds of versions in a set."""
FACTS = ("catalogue", "collections", "dialogues")
"""Kinds that are served in their newest version, whichever version the models were trained on."""
NEEDED = ("catalogue", "vectors", "interests", "ranker")
"""Kinds that serving needs; the last two are trained when a set without them is first opened."""
MADE_OF_VECTORS = ("interests", "ranker", "completion")
"""Kinds that are invalid with other vectors."""
RECENT_SETS = 5


@dataclass(frozen=True)
class Version:
    """One published version of one kind."""

    kind: str
    name: str
    path: Path
    raw_meta: bytes = field(repr=False)
    """Content of its `meta.json`; see `read_meta`."""
    lease: object = field(default=None, repr=False, compare=False)
    """While this lives, no process removes the version; see `leases`."""

    def read_meta(self, meta_type: type[Meta]) -> Meta:
        """What its `meta.json` says. Raises `StoreError` where it is broken or lacks a field."""
        return decode_record(self.raw_meta, meta_type, self.path / META_FILE)

    @property
    def meta(self) -> dict[str, Any]:
        """Its `meta.json` as plain values, to be printed whole. Raises `StoreError` as above."""
        return decode_record(self.raw_meta, dict[str, Any], self.path / META_FILE)


@dataclass(frozen=True)
class VersionSet:
    """Versions that belong together."""

    number: int
    versions: Mapping[str, str]
    """Name of the version, by kind; kinds without one are missing."""
    since: str
    """When it last came into force, ISO 8601 in UTC."""
    changed: tuple[str, ...] = ()
    """Kinds in which it differs from the set that it was made from."""
    rolled_back: bool = False
    """Whether its models came into force by a rollback: then only missing kinds are trained, and nothing is
    trained again before other models are published."""

    @property
    def complete(self) -> bool:
        """Whether it has all kinds that serving needs."""
        return all(kind in self.versions for kind in NEEDED)


@dataclass(frozen=True)
class VersionHistory:
    """Sets in the order in which they were last in force; the last one is in force now."""

    sets: tuple[VersionSet, ...] = ()

    @property
    def current(self) -> VersionSet | None:
        """The set in force; None where nothing was published."""
        return self.sets[-1] if self.sets else None

    @property
    def previous(self) -> VersionSet:
        """The set that was in force before the current one. Raises `StoreError` where there is none."""
        if len(self.sets) < 2:
            raise StoreError("there is no earlier set of versions: only one is kept")
        return self.sets[-2]

    def with_versions(self, versions: Mapping[str, str]) -> VersionHistory:
        """Put new versions of some kinds in force.

        They make a new set, or complete the one in force where that could not be served without them.
        """
        current = self.current or VersionSet(0, {}, "")
        stale = MADE_OF_VECTORS if "vectors" in versions else ()
        names = {kind: name for kind, name in current.versions.items() if kind not in stale} | dict(versions)
        replaces = set(versions) & set(current.versions)
        if self.sets and not current.complete and not (replaces and "vectors" in current.versions):
            changed = dict.fromkeys((*current.changed, *versions))
            amended = replace(current, versions=names, since=_now(), changed=tuple(changed))
            return VersionHistory((*self.sets[:-1], amended))
        number = max((version_set.number for version_set in self.sets), default=0) + 1
        rolled_back = current.rolled_back and all(kind in FACTS for kind in versions)
        return VersionHistory((*self.sets, VersionSet(number, names, _now(), tuple(versions), rolled_back)))

    def rolled_back(self, number: int | None = None) -> VersionHistory:
        """Put an older set in force again, by default the one before the current set.

        Raises `StoreError` for an unknown set.
        """
        selected = self.previous if number is None else self.set_numbered(number)
        if selected is self.current:
            raise StoreError(f"set {selected.number} is in force already")
        other_sets = tuple(version_set for version_set in self.sets if version_set is not selected)
        return VersionHistory((*other_sets, replace(selected, since=_now(), rolled_back=True)))

    def set_numbered(self, number: int) -> VersionSet:
        """The set with a number. Raises `StoreError` where there is none."""
        by_number = {version_set.number: version_set for version_set in self.sets}
        if number not in by_number:
            known = ", ".join(map(str, sorted(by_number))) or "none"
            raise StoreError(f"there is no set {number} of versions: the known sets are {known}")
        return by_number[number]

    def without(self, kind: str) -> VersionHistory:
        """Remove a kind from every set; of neighbouring sets that become equal, the later one stays."""
        sets = [
            replace(version_set, versions={k: name for k, name in version_set.versions.items() if k != kind})
            for version_set in self.sets
        ]
        distinct_sets = [
            version_set
            for version_set, next_set in pairwise(sets)
            if version_set.versions != next_set.versions
        ]
        return VersionHistory((*distinct_sets, *sets[-1:]))

    def pruned(self) -> VersionHistory:
        """Keep the last sets, the last complete sets, and the newest complete set with other vectors.

        Without the latter a few changes of prices would leave no way back to the vectors before.
        """
        complete = [version_set for version_set in self.sets if version_set.complete]
        recent = (*self.sets[-RECENT_SETS:], *complete[-RECENT_SETS:])
        numbers = {version_set.number for version_set in recent}
        vectors = {
            version_set.versions["vectors"] for version_set in complete if version_set.number in numbers
        }
        with_other_vectors = [
            version_set for version_set in complete if version_set.versions["vectors"] not in vectors
        ]
        if len(vectors) == 1 and with_other_vectors:
            numbers.add(with_other_vectors[-1].number)
        return VersionHistory(
            tuple(version_set for version_set in self.sets if version_set.number in numbers)
        )

    def version_keys(self) -> set[tuple[str, str]]:
        """Every (kind, name) of a version in any set."""
        return {pair for version_set in self.sets for pair in version_set.versions.items()}

    # -- on disk ------------------------------------------------------------------------------------------

    @classmethod
    def read(cls, store: Path) -> VersionHistory:
        """Read the history of a store's folder; of an older store, from its `CURRENT` files.

        Raises `StoreError` where the file is broken.
        """
        path = store / SETS_FILE
        return read_record(path, cls) if path.exists() else cls._read_older_store(store)

    @classmethod
    def _read_older_store(cls, store: Path) -> VersionHistory:
        files = {kind: store / kind / OLD_CURRENT for kind in KINDS}
        names = {kind: file.read_text().strip() for kind, file in files.items() if file.exists()}
        return cls((VersionSet(1, names, "", tuple(names)),)) if names else cls()


OLD_CURRENT = "CURRENT"
"""The file that named a kind's version before there were sets."""


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
