"""Which items of some new rows differ from those of a catalogue: whole columns at once.

Missing and empty values are the same, as in `Item`. A row without a picture keeps one that was fetched from
the link which it still has.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bowerbird.data.arrays import BoolArray, IntArray
from bowerbird.data.items import ITEM_SCHEMA, Catalogue

_SEPARATOR = "\x1f"


def changed_rows(fresh: Catalogue, before: Catalogue) -> IntArray:
    """Rows of `fresh` that are new in `before`, or differ from its item of the same id, (m,) int."""
    positions = _positions(fresh.ids, before.position)
    is_changed = positions < 0
    known = np.flatnonzero(~is_changed)
    rows, at = pa.array(known), pa.array(positions[known])
    for field in ITEM_SCHEMA:
        if field.name != "image":
            new, old = (
                _comparable(catalogue.table[field.name].take(table_rows).combine_chunks(), field)
                for catalogue, table_rows in ((fresh, rows), (before, at))
            )
            is_changed[known] |= _differ(new, old)
    is_changed[known] |= _pictures_differ(fresh, before, known, positions[known])
    return np.flatnonzero(is_changed)


def _positions(ids: list[str], position: Mapping[str, int]) -> IntArray:
    return np.fromiter((position.get(item_id, -1) for item_id in ids), np.int64, len(ids))


def _comparable(column: pa.Array, field: pa.Field) -> pa.Array:
    """A column whose equal values are equal for Arrow, (n,): lists and maps as one text each."""
    if pa.types.is_map(field.type):
        names, texts = (
            _joined(pa.ListArray.from_arrays(column.offsets, part)) for part in (column.keys, column.items)
        )
        column = pc.binary_join_element_wise(names, texts, "\x1e")
    elif pa.types.is_list(field.type):
        column = _joined(column)
    if pa.types.is_string(column.type):
        return column.fill_null("in_stock" if field.name == "availability" else "")
    return column


def _joined(lists: pa.Array) -> pa.Array:
    """Each list as one text that no other list has, (n,)."""
    values = pc.replace_substring_regex(lists.flatten(), "([\x1d\x1e\x1f])", "\x1d\\1")
    lengths = pc.list_value_length(lists).fill_null(0)
    offsets = np.concatenate([[0], np.cumsum(lengths.to_numpy(zero_copy_only=False))]).astype(np.int32)
    texts = pc.binary_join(pa.ListArray.from_arrays(pa.array(offsets), values.fill_null("")), _SEPARATOR)
    return pc.binary_join_element_wise(lengths.cast(pa.string()), texts, _SEPARATOR)


def _differ(new: pa.Array, old: pa.Array) -> BoolArray:
    """Whether values differ, (n,) bool; two missing ones do not."""
    is_equal = pc.equal(new, old).fill_null(False)
    both_missing = pc.and_(pc.is_null(new), pc.is_null(old))
    differ: BoolArray = ~pc.or_(is_equal, both_missing).to_numpy(zero_copy_only=False)
    return differ


def _pictures_differ(fresh: Catalogue, before: Catalogue, rows: IntArray, at: IntArray) -> BoolArray:
    """Whether the pictures of rows (n,) differ from those at positions (n,), (n,) bool."""
    has_new = fresh.table["image"].is_valid().to_numpy()[rows]
    has_old = before.table["image"].is_valid().to_numpy()[at]
    links = fresh.table["image_link"].take(pa.array(rows)).combine_chunks()
    old_links = before.table["image_link"].take(pa.array(at)).combine_chunks()
    is_link = pc.match_substring_regex(links, "^https?://")
    is_same_link = pc.and_(pc.equal(links, old_links), is_link).fill_null(False)
    keeps = is_same_link.to_numpy(zero_copy_only=False) & ~fresh.withdrawn[rows]
    differ: BoolArray = np.where(has_new, ~has_old, has_old & ~keeps)
    for row in np.flatnonzero(has_new & has_old).tolist():
        differ[row] = fresh.image(rows[row]) != before.image(at[row])
    return differ
