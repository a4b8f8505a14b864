"""Names for groups of items, in the catalogue's own words: what most of a group shares and the rest lacks."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np

from bowerbird.data.arrays import IntArray
from bowerbird.data.items import Catalogue, Item
from bowerbird.taste.config import NamingConfig
from bowerbird.text.facets import facet_values, split_values

NAMING_ATTRIBUTES = ("style", "pattern", "material", "colour", "genre", "brand")
"""Attributes that may name a group, next to its type, in the order in which they read well."""

DEFAULT = NamingConfig()

Facet = tuple[str, str]
"""Name and value of an attribute."""


def name_groups(
    group: IntArray, count: int, catalogue: Catalogue, config: NamingConfig = DEFAULT
) -> list[list[str]]:
    """For each group its type and the attribute values that set it apart from the rest of the catalogue."""
    overall: Counter[Facet] = Counter()
    by_group: list[Counter[Facet]] = [Counter() for _ in range(count)]
    sampled = np.arange(0, len(catalogue), max(1, -(-len(catalogue) // config.max_sampled)))
    sizes = np.bincount(group[sampled][group[sampled] >= 0], minlength=count)
    for position in sampled.tolist():
        facets = _facets(catalogue.item(position))
        overall.update(facets)
        if group[position] >= 0:
            by_group[group[position]].update(facets)
    overall_shares = {facet: n / max(1, len(sampled)) for facet, n in overall.items()}
    return [_distinctive_words(by_group[k], int(sizes[k]), overall_shares, config) for k in range(count)]


def _facets(item: Item) -> list[Facet]:
    values: dict[str, list[str]] = {name: [] for name in ("type", *NAMING_ATTRIBUTES)}
    for name, value in facet_values(item):
        if name in values:
            values[name] += split_values(value) if name == "genre" else [value]
    return list(dict.fromkeys((name, value) for name in values for value in values[name] if value))


def _distinctive_words(
    counts: Counter[Facet], size: int, overall_shares: dict[Facet, float], config: NamingConfig
) -> list[str]:
    """At most `max_words` values that most of a group shares and the catalogue does not: share × log lift."""
    scored = []
    for (name, value), n in counts.items():
        share = n / max(1, size)
        lift = share / overall_shares[name, value]
        if share >= config.min_share and lift > config.min_lift:
            scored.append((share * math.log(lift), name, value))
    best: dict[str, tuple[float, str]] = {}  # of each attribute
    for score, name, value in sorted(scored, key=lambda facet: (-facet[0], facet[1:])):
        best.setdefault(name, (score, value))
    top = sorted(best.items(), key=lambda facet: -facet[1][0])[: config.max_words]
    reading_order = (*NAMING_ATTRIBUTES[:4], "type", *NAMING_ATTRIBUTES[4:])
    facets = sorted(top, key=lambda facet: reading_order.index(facet[0]))
    words = [value if name == "brand" else value.lower() for name, (_, value) in facets]
    if any(name in ("type", "genre") for name, _ in facets):
        return words
    # Looks alone do not say what the items are.
    common = [value for (name, value), _ in counts.most_common() if name in ("type", "genre")][:2]
    return [*words, *(value.lower() for value in common)] or ["mixed"]


def make_unique(names: Sequence[str]) -> list[str]:
    """Number the repeats of a name, so that a user can say which group they mean.

    >>> make_unique(["lamp", "sofa", "lamp"])
    ['lamp', 'sofa', 'lamp (2)']
    """
    seen: Counter[str] = Counter()
    unique = []
    for name in names:
        seen[name] += 1
        unique.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return unique
