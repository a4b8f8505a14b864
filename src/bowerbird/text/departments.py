"""Departments of a catalogue: words for several types at a time, "furniture" for tables, chairs and sofas."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

import numpy as np

from bowerbird.data.arrays import IntArray
from bowerbird.data.items import Catalogue

MIN_SHARE = 0.9
"""Share of a type's items in a department, and of a department's items that such types cover: "ladieswear"
of a shop whose shirts are for everybody names no types."""
MAX_SHARE = 0.5
"""Share of the catalogue above which a department says too little: "film" of a film library."""


def collect_departments(catalogue: Catalogue, types: Mapping[str, IntArray]) -> dict[str, frozenset[str]]:
    """Types by department: the levels of the categories above the last.

    `types[value]` are the sorted positions of the items of a type.
    """
    members: dict[str, list[int]] = defaultdict(list)
    for position, category in enumerate(catalogue.table["category"].to_pylist()):
        for level in set((category or ())[:-1]):
            members[level].append(position)
    departments = {}
    for level, positions in members.items():
        if len(positions) > MAX_SHARE * len(catalogue):
            continue
        is_inside = np.zeros(len(catalogue), bool)
        is_inside[positions] = True
        own = {value: items for value, items in types.items() if is_inside[items].mean() >= MIN_SHARE}
        is_covered = np.zeros(len(catalogue), bool)
        for items in own.values():
            is_covered[items] = True
        if len(own) > 1 and is_covered[positions].mean() >= MIN_SHARE:
            departments[level] = frozenset(own)
    return departments
