"""Which versions belong together, and which sets of them were in force.

One small file, `versions.json`, names the version of each kind, set by set; it is replaced whole, so that a
reader sees one set or another and never a mixture. Pure bookkeeping: nothing here touches a version's files.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from bowerbird.errors import StoreError

SETS_FILE = "versions.json"
KINDS = ("catalogue", "collections", "vectors", "interests", "ranker", "completion", "graft")
"""What a set names a version of."""
NEEDED = ("catalogue", "vectors", "interests", "ranker")
"""A set that has these can be served; the last two are made when a set without them is first opened."""
MADE_OF_VECTORS = ("interests", "ranker", "completion")
"""Of no use with other vectors."""
KEPT_SETS = 5


@dataclass(frozen=True)
class Version:
    """One published version of one kind."""

    kind: str
    name: str
    path: Path
    meta: dict[str, Any] = field(repr=False)
    lease: object = field(default=None, repr=False, compare=False)
    """While this lives, no process removes the version; see `leases`."""


@dataclass(frozen=True)
class VersionSet:
    """Versions that belong together."""

    number: int
    versions: Mapping[str, str]
    """Name of the version of each kind that there is."""
    since: str
    """When it came into force last, ISO 8601 in UTC."""
    changed: tuple[str, ...] = ()
    """Kinds in which it differs from the set that it was made from."""
    rolled_back: bool = False
    """Whether somebody went back to it: then only what it lacks is made, and nothing is trained again."""

    @property
    def complete(self) -> bool:
        return all(kind in self.versions for kind in NEEDED)


@dataclass(frozen=True)
class VersionHistory:
    """Sets in the order in which they were last in force; the last one is now."""

    sets: tuple[VersionSet, ...] = ()

    @property
    def current(self) -> VersionSet | None:
        return self.sets[-1] if self.sets else None

    @property
    def previous(self) -> VersionSet:
        """The set that was in force before the current one. Raises `StoreError` where there is none."""
        if len(self.sets) < 2:
            raise StoreError("there is no earlier set of versions: only one is kept")
        return self.sets[-2]

    def with_versions(self, versions: Mapping[str, str]) -> VersionHistory:
        """With new versions of some kinds in force.

        They make a new set, or complete the one in force where that could not be served without them.
        """
        last = self.current or VersionSet(0, {}, "")
        stale = MADE_OF_VECTORS if "vectors" in versions else ()
        names = {kind: name for kind, name in last.versions.items() if kind not in stale} | dict(versions)
        replaces = set(versions) & set(last.versions)
        if self.sets and not last.complete and not (replaces and "vectors" in last.versions):
            changed = dict.fromkeys((*last.changed, *versions))
            amended = replace(last, versions=names, since=_now(), changed=tuple(changed))
            return VersionHistory((*self.sets[:-1], amended))
        number = max((earlier.number for earlier in self.sets), default=0) + 1
        return VersionHistory((*self.sets, VersionSet(number, names, _now(), tuple(versions))))

    def rolled_back(self, number: int | None = None) -> VersionHistory:
        """With an older set in force again; the one that was in force before the current one if not said.

        Raises `StoreError` where there is no such set.
        """
        chosen = self.previous if number is None else self.numbered(number)
        if chosen is self.current:
            raise StoreError(f"set {chosen.number} is in force already")
        others = tuple(other for other in self.sets if other is not chosen)
        return VersionHistory((*others, replace(chosen, since=_now(), rolled_back=True)))

    def numbered(self, number: int) -> VersionSet:
        """The set with a number. Raises `StoreError` where there is none."""
        by_number = {each.number: each for each in self.sets}
        if number not in by_number:
            known = ", ".join(map(str, sorted(by_number))) or "none"
            raise StoreError(f"there is no set {number} of versions: there are {known}")
        return by_number[number]

    def without(self, kind: str) -> VersionHistory:
        """With no version of a kind in any set; of neighbours that are equal then, the later one stays."""
        sets = [
            replace(each, versions={k: name for k, name in each.versions.items() if k != kind})
            for each in self.sets
        ]
        distinct = [each for each, after in pairwise(sets) if each.versions != after.versions]
        return VersionHistory((*distinct, *sets[-1:]))

    def pruned(self) -> VersionHistory:
        """The last sets, the last complete ones, and the newest complete one with other vectors than those.

        Without the latter a few changes of prices would leave no way back to the vectors before.
        """
        complete = [each for each in self.sets if each.complete]
        numbers = {each.number for each in (*self.sets[-KEPT_SETS:], *complete[-KEPT_SETS:])}
        vectors = {each.versions["vectors"] for each in complete if each.number in numbers}
        with_others = [each for each in complete if each.versions["vectors"] not in vectors]
        if len(vectors) == 1 and with_others:
            numbers.add(with_others[-1].number)
        return VersionHistory(tuple(each for each in self.sets if each.number in numbers))

    def named(self) -> set[tuple[str, str]]:
        """Every (kind, name) of a version that some set holds."""
        return {pair for each in self.sets for pair in each.versions.items()}

    # -- on disk ------------------------------------------------------------------------------------------

    def as_json(self) -> str:
        return json.dumps({"sets": [asdict(each) for each in self.sets]}, indent=1)

    @classmethod
    def read(cls, store: Path) -> VersionHistory:
        """Of a store's folder; of one that an older bowerbird wrote, what its `CURRENT` files name.

        Raises `StoreError` where the file is broken.
        """
        path = store / SETS_FILE
        try:
            sets = json.loads(path.read_text())["sets"]
            return cls(tuple(VersionSet(**each | {"changed": tuple(each["changed"])}) for each in sets))
        except FileNotFoundError:
            return cls._of_older(store)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise StoreError(f"{path} can't be read ({error}): restore it from a backup") from None

    @classmethod
    def _of_older(cls, store: Path) -> VersionHistory:
        files = {kind: store / kind / OLD_CURRENT for kind in KINDS}
        names = {kind: file.read_text().strip() for kind, file in files.items() if file.exists()}
        return cls((VersionSet(1, names, "", tuple(names)),)) if names else cls()


OLD_CURRENT = "CURRENT"
"""The file that named a kind's version before there were sets."""


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
