"""Names for groups of items, in the catalogue's own words: what most of a group shares and the rest lacks."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np

from bowerbird.data.items import Catalogue, Item

MOST_READ = 100_000  # items whose words name the groups: evenly spread where there are more
NAMING = ("style", "pattern", "material", "colour", "genre", "brand")
"""Attributes that may name a group, beside its type, in the order in which they read well."""


def words_of(group: np.ndarray, count: int, catalogue: Catalogue) -> list[list[str]]:
    """For each group its type and the attribute values that tell it from the rest of the catalogue."""
    everywhere: Counter[tuple[str, str]] = Counter()
    within: list[Counter[tuple[str, str]]] = [Counter() for _ in range(count)]
    read = np.arange(0, len(catalogue), max(1, -(-len(catalogue) // MOST_READ)))
    sizes = np.bincount(group[read][group[read] >= 0], minlength=count)
    for position in read.tolist():
        said = _facts(catalogue.item(position))
        everywhere.update(said)
        if group[position] >= 0:
            within[group[position]].update(said)
    share_of_all = {fact: n / max(1, len(read)) for fact, n in everywhere.items()}
    return [_telling(within[k], int(sizes[k]), share_of_all) for k in range(count)]


def _facts(item: Item) -> list[tuple[str, str]]:
    facts = [("type", item.attributes.get("type") or (item.category[-1] if item.category else ""))]
    for name in NAMING:
        values = (
            item.attributes.get(name, "").split(", ") if name == "genre" else [item.attributes.get(name, "")]
        )
        facts += [(name, value) for value in values]
    facts += [("brand", item.brand)]
    return [(name, value) for name, value in dict.fromkeys(facts) if value]


def _telling(
    counts: Counter[tuple[str, str]], size: int, everywhere: dict[tuple[str, str], float]
) -> list[str]:
    """At most three values that most of a group shares and the catalogue does not: share × log lift."""
    scored = []
    for (name, value), n in counts.items():
        share = n / max(1, size)
        lift = share / everywhere[name, value]
        if share >= 0.34 and lift > 1.2:
            scored.append((share * math.log(lift), name, value))
    best: dict[str, tuple[float, str]] = {}
    for score, name, value in sorted(scored, key=lambda one: (-one[0], one[1:])):
        best.setdefault(name, (score, value))
    kept = sorted(best.items(), key=lambda one: -one[1][0])[:3]
    order = (*NAMING[:4], "type", *NAMING[4:])
    named = sorted(kept, key=lambda one: order.index(one[0]))
    words = [value if name == "brand" else value.lower() for name, (_, value) in named]
    if any(name in ("type", "genre") for name, _ in named):
        return words
    # Looks alone do not say what the things are.
    common = [value for (name, value), _ in counts.most_common() if name in ("type", "genre")][:2]
    return [*words, *(value.lower() for value in common)] or ["mixed"]


def told_apart(names: Sequence[str]) -> list[str]:
    """Two groups of one name get numbers, so that a person can say which is meant."""
    seen: Counter[str] = Counter()
    result = []
    for name in names:
        seen[name] += 1
        result.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return result
