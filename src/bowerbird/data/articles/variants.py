"""Articles and their variants: items with one `group_id` are sizes or colours of one article.

A list shows an article once, by its best variant; what the others are is said next to it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bowerbird.data.arrays import BoolArray, IntArray


class Articles:
    """The article of each item of a catalogue, and the variants of each article."""

    def __init__(self, group_ids: pa.ChunkedArray) -> None:
        """`group_ids` (items,) string; null or empty for an item without variants."""
        encoded = pc.if_else(pc.not_equal(group_ids, ""), group_ids, None).combine_chunks()
        encoded = encoded.dictionary_encode()
        numbers: IntArray = encoded.indices.fill_null(-1).to_numpy().astype(np.int64)
        is_alone = numbers < 0
        numbers[is_alone] = len(encoded.dictionary) + np.flatnonzero(is_alone)
        self.numbers = numbers
        """Number of each item's article, (items,) int64: variants share theirs."""
        counts = np.bincount(numbers[~is_alone], minlength=len(encoded.dictionary))
        self.has_variants = bool((counts > 1).any())
        """Whether any article has several items."""
        self.max_variants = int(counts.max(initial=1))
        """Items of the article that has most of them."""

    @cached_property
    def first_positions(self) -> IntArray:
        """Position of the first variant of each item's article, (items,) int64: it stands for the article."""
        _, first, inverse = np.unique(self.numbers, return_index=True, return_inverse=True)
        positions: IntArray = first[inverse].astype(np.int64)
        return positions

    @cached_property
    def _by_number(self) -> tuple[IntArray, IntArray]:
        """All positions by their article's number, and those numbers, both (items,)."""
        positions = np.argsort(self.numbers, kind="stable")
        return positions, self.numbers[positions]

    def variants_of(self, position: int) -> IntArray:
        """Positions of all items of an item's article, itself among them, ascending."""
        positions, numbers = self._by_number
        start, end = np.searchsorted(numbers, self.numbers[position] + np.arange(2))
        variants: IntArray = positions[start:end]
        return variants

    def first_rows(self, positions: IntArray) -> IntArray:
        """Rows of the first item of each article among positions (n,), in their order."""
        if not self.has_variants:
            return np.arange(len(positions))
        rows: IntArray = np.sort(np.unique(self.numbers[positions], return_index=True)[1])
        return rows

    def shares_article(self, positions: IntArray) -> BoolArray:
        """Whether each item is of the same article as any of some positions, (items,) bool."""
        shares: BoolArray = np.isin(self.numbers, self.numbers[positions])
        return shares


def differing_values(
    own: Mapping[str, str], variants: Sequence[Mapping[str, str]]
) -> dict[str, tuple[str, ...]]:
    """By attribute, the values of other variants that are not the item's own, in their order.

    >>> differing_values({"size": "S", "fit": "slim"}, [{"size": "M", "fit": "slim"}, {"size": "L"}])
    {'size': ('M', 'L')}
    """
    values: dict[str, tuple[str, ...]] = {}
    for name in dict.fromkeys(name for variant in variants for name in variant):
        known = dict.fromkeys(variant[name] for variant in variants if variant.get(name))
        if differing := tuple(value for value in known if value != own.get(name)):
            values[name] = differing
    return values


def describe_variants(also_in: Mapping[str, Sequence[str]], max_values: int = 12) -> str:
    """What else an article comes in, at most so many values of each attribute.

    >>> describe_variants({"size": ("M", "L", "XL"), "colour": ("blue",)}, max_values=2)
    'M, L, … / blue'
    """
    shown = (
        [*values[:max_values], "…"] if len(values) > max_values else values for values in also_in.values()
    )
    return " / ".join(", ".join(values) for values in shown)
