"""Summaries of version sets and their differences, for deciding on a rollback."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bowerbird.data.arrays import BoolArray
from bowerbird.data.items import Catalogue
from bowerbird.data.snapshot import StoreSnapshot
from bowerbird.data.store import Store
from bowerbird.data.versions.meta import VersionMeta
from bowerbird.data.versions.version import KINDS, VersionSet

MAX_TEXT_LENGTH = 40  # characters of a setting in a summary; longer ones are prose
BLOCK = 4096  # items compared at once
EXAMPLES = 10

Figure = int | float | str


@dataclass(frozen=True, kw_only=True)
class VersionFigures(VersionMeta):
    """What the `meta.json` of any kind may say of how good a version is and how it was made."""

    items: int | None = None
    collections: int | None = None
    dialogues: int | None = None
    turns: int | None = None
    interests: int | None = None
    themes: int | None = None
    dim: int | None = None
    epochs: int | None = None
    alignment_steps: int | None = None
    tokens: int | None = None
    metrics: dict[str, Any] | None = None
    settings: dict[str, Any] | None = None
    report: dict[str, Any] | None = None
    config: dict[str, Any] | None = None


@dataclass(frozen=True)
class SetSummary:
    """One set of versions."""

    number: int
    since: str
    """When it last came into force, ISO 8601 in UTC; empty for a set of an older bowerbird."""
    in_force: bool
    complete: bool
    """Whether a server can use it without training anything."""
    rolled_back: bool
    changed: tuple[str, ...]
    """Kinds in which it differs from the set that it was made from."""
    versions: Mapping[str, str]
    figures: Mapping[str, Figure]
    """Numbers and short texts from all its versions' `meta.json`, by `kind.name`."""

    def as_dict(self) -> dict[str, Any]:
        """The summary as plain values, for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class ItemChanges:
    """How the items of one catalogue differ from those of another."""

    added: int = 0
    removed: int = 0
    changed: int = 0
    fields: Mapping[str, int] = field(default_factory=dict)
    """Number of changed items, by the field that changed."""
    examples: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Ids of a few added, removed and changed items."""


@dataclass(frozen=True)
class SetDifference:
    """How a set of versions differs from another one."""

    before: int
    after: int
    versions: Mapping[str, tuple[str, str]]
    """Names of the versions that differ, before and after, by kind; empty where there is none."""
    items: ItemChanges
    figures: Mapping[str, tuple[Figure | None, Figure | None]]
    """Figures that differ, before and after; None where a set has no such figure."""

    def as_dict(self) -> dict[str, Any]:
        """The summary as plain values, for JSON."""
        return asdict(self)


def summarise_sets(store: Store) -> list[SetSummary]:
    """Summarise all sets, the one in force first, then the earlier ones, newest first."""
    sets = store.history().sets
    return [_summary(store, version_set, version_set is sets[-1]) for version_set in reversed(sets)]


def compare_sets(before: StoreSnapshot, after: StoreSnapshot) -> SetDifference:
    """Compare two sets of versions: items by their fields, models by their metrics and settings."""
    names = before.names, after.names
    versions = {
        kind: (names[0].get(kind, ""), names[1].get(kind, ""))
        for kind in KINDS
        if names[0].get(kind) != names[1].get(kind)
    }
    figures = _figures(before), _figures(after)
    return SetDifference(
        before.number,
        after.number,
        versions,
        compare_items(before.imported, after.imported) if "catalogue" in versions else ItemChanges(),
        {
            name: (figures[0].get(name), figures[1].get(name))
            for name in dict.fromkeys((*figures[0], *figures[1]))
            if figures[0].get(name) != figures[1].get(name)
        },
    )


def compare_items(before: Catalogue, after: Catalogue) -> ItemChanges:
    """Compare two catalogues by item id; their order does not matter."""
    added = [item_id for item_id in after.ids if item_id not in before]
    removed = [item_id for item_id in before.ids if item_id not in after]
    fields: Counter[str] = Counter()
    changed: list[str] = []
    for item_id, names in _changed_items(before, after):
        changed.append(item_id)
        fields.update(names)
    examples = {"added": added, "removed": removed, "changed": changed}
    return ItemChanges(
        len(added),
        len(removed),
        len(changed),
        dict(fields.most_common()),
        {name: tuple(ids[:EXAMPLES]) for name, ids in examples.items()},
    )


def _changed_items(before: Catalogue, after: Catalogue) -> Iterator[tuple[str, list[str]]]:
    """Ids of the items that are in both catalogues and differ, with the names of the differing fields."""
    rows = [(before.position[item_id], row) for row, item_id in enumerate(after.ids) if item_id in before]
    for start in range(0, len(rows), BLOCK):
        row_pairs = np.array(rows[start : start + BLOCK], np.int64).T
        rows_before, rows_after = (
            before.table.take(pa.array(row_pairs[0])),
            after.table.take(pa.array(row_pairs[1])),
        )
        differs = {
            name: _is_different(rows_before[name], rows_after[name]) for name in rows_before.schema.names
        }
        for row in np.flatnonzero(np.any(list(differs.values()), axis=0)).tolist():
            yield (
                rows_after["item_id"][row].as_py(),
                [name for name, column in differs.items() if column[row]],
            )


def _is_different(column_before: pa.ChunkedArray, column_after: pa.ChunkedArray) -> BoolArray:
    """Where two columns differ, (n,) bool; null equals null and an empty list."""
    if pa.types.is_nested(column_before.type):
        pairs = zip(column_before.to_pylist(), column_after.to_pylist(), strict=True)
        return np.array([(old or None) != (new or None) for old, new in pairs], bool)
    are_null = pc.and_(pc.is_null(column_before), pc.is_null(column_after))
    is_same = pc.or_kleene(are_null, pc.equal(column_before, column_after)).fill_null(False)
    is_different: BoolArray = ~is_same.to_numpy().astype(bool)
    return is_different


def _summary(store: Store, version_set: VersionSet, in_force: bool) -> SetSummary:
    return SetSummary(
        version_set.number,
        version_set.since,
        in_force,
        version_set.complete,
        version_set.rolled_back,
        version_set.changed,
        version_set.versions,
        _figures(store.snapshot(number=version_set.number)),
    )


def _figures(snapshot: StoreSnapshot) -> dict[str, Figure]:
    figures: dict[str, Figure] = {}
    for kind in KINDS:
        version = snapshot.version(kind)
        if version is not None:
            meta = version.read_meta(VersionFigures)
            for each in fields(VersionFigures):
                if each.name != "made_with":
                    figures |= _flatten(f"{kind}.{each.name}", getattr(meta, each.name))
    return figures


def _flatten(name: str, value: Any) -> dict[str, Figure]:
    if isinstance(value, dict):
        flattened = (_flatten(f"{name}.{key}", leaf) for key, leaf in value.items())
        return {key: leaf for children in flattened for key, leaf in children.items()}
    is_figure = isinstance(value, int | float) or (isinstance(value, str) and len(value) <= MAX_TEXT_LENGTH)
    return {name: value} if is_figure else {}
