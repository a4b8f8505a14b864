"""What a set of versions is, and in what two differ: for people who decide whether to go back to one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bowerbird.data.items import Catalogue
from bowerbird.data.snapshot import StoreSnapshot
from bowerbird.data.store import Store
from bowerbird.data.versions import KINDS, VersionSet

FIGURES = (
    *("items", "collections", "interests", "themes", "dim", "epochs", "alignment_steps", "tokens"),
    *("metrics", "settings", "report", "config"),
)
"""What of a version's `meta.json` says how good it is, and how it was made."""
LONGEST_WORD = 40  # characters of a setting that is told; longer ones are prose
BLOCK = 4096  # items compared at once
EXAMPLES = 10

Figure = int | float | str


@dataclass(frozen=True)
class SetSummary:
    """One set of versions."""

    number: int
    since: str
    """When it came into force last, ISO 8601 in UTC; empty for a set that an older bowerbird made."""
    in_force: bool
    complete: bool
    """Whether a server can answer from it without training anything."""
    rolled_back: bool
    changed: tuple[str, ...]
    """Kinds in which it differs from the set that it was made from."""
    versions: Mapping[str, str]
    figures: Mapping[str, Figure]
    """Numbers and short words of all its versions, by `kind.name`."""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class ItemChanges:
    """How the items of one catalogue differ from those of another."""

    added: int = 0
    removed: int = 0
    changed: int = 0
    fields: Mapping[str, int] = field(default_factory=dict)
    """Of the changed items: how many changed in each field."""
    examples: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Ids of a few added, removed and changed items."""


@dataclass(frozen=True)
class SetDifference:
    """How a set of versions differs from another one."""

    before: int
    after: int
    versions: Mapping[str, tuple[str, str]]
    """Names of the versions that differ, before and after; empty where there is none."""
    items: ItemChanges
    figures: Mapping[str, tuple[Figure | None, Figure | None]]
    """Figures that differ, before and after; None where a set has no such figure."""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def summarise_sets(store: Store) -> list[SetSummary]:
    """Summarise the sets that are kept, the one in force first, then those that were, the latest first."""
    sets = store.history().sets
    return [_summary(store, chosen, chosen is sets[-1]) for chosen in reversed(sets)]


def compare_sets(before: StoreSnapshot, after: StoreSnapshot) -> SetDifference:
    """Compare two sets of versions: items by what the catalogues say, models by what was measured."""
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
    """Compare two catalogues by the ids of their items, in whatever order."""
    added = [item_id for item_id in after.ids if item_id not in before]
    removed = [item_id for item_id in before.ids if item_id not in after]
    fields: Counter[str] = Counter()
    changed: list[str] = []
    for item_id, names in _changed(before, after):
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


def _changed(before: Catalogue, after: Catalogue) -> Iterator[tuple[str, list[str]]]:
    """Ids of the items that both hold and that differ, with the names of the fields that do."""
    rows = [(before.position[item_id], row) for row, item_id in enumerate(after.ids) if item_id in before]
    for start in range(0, len(rows), BLOCK):
        places = np.array(rows[start : start + BLOCK], np.int64).T
        then, now = before.table.take(pa.array(places[0])), after.table.take(pa.array(places[1]))
        differs = {name: _differing(then[name], now[name]) for name in then.schema.names}
        for row in np.flatnonzero(np.any(list(differs.values()), axis=0)).tolist():
            yield now["item_id"][row].as_py(), [name for name, column in differs.items() if column[row]]


def _differing(then: pa.ChunkedArray, now: pa.ChunkedArray) -> np.ndarray:
    """Where two columns differ, (n,) bool; nothing is nothing."""
    if pa.types.is_nested(then.type):
        pairs = zip(then.to_pylist(), now.to_pylist(), strict=True)
        return np.array([(old or None) != (new or None) for old, new in pairs], bool)
    are_null = pc.and_(pc.is_null(then), pc.is_null(now))
    same = pc.or_kleene(are_null, pc.equal(then, now)).fill_null(False)
    differing: np.ndarray = ~same.to_numpy().astype(bool)
    return differing


def _summary(store: Store, chosen: VersionSet, in_force: bool) -> SetSummary:
    return SetSummary(
        chosen.number,
        chosen.since,
        in_force,
        chosen.complete,
        chosen.rolled_back,
        chosen.changed,
        chosen.versions,
        _figures(store.snapshot(number=chosen.number)),
    )


def _figures(snapshot: StoreSnapshot) -> dict[str, Figure]:
    figures: dict[str, Figure] = {}
    for kind in KINDS:
        version = snapshot.version(kind)
        for name in FIGURES if version is not None else ():
            figures |= _leaves(f"{kind}.{name}", version.meta.get(name)) if version else {}
    return figures


def _leaves(name: str, value: Any) -> dict[str, Figure]:
    if isinstance(value, dict):
        parts = (_leaves(f"{name}.{key}", leaf) for key, leaf in value.items())
        return {key: leaf for part in parts for key, leaf in part.items()}
    is_figure = isinstance(value, int | float) or (isinstance(value, str) and len(value) <= LONGEST_WORD)
    return {name: value} if is_figure else {}
