"""Conditions on columns of a catalogue: which rows hold a value, lie in a range, or are filled."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bowerbird.data.arrays import BoolArray
from bowerbird.data.items import ITEM_SCHEMA

TIME = ITEM_SCHEMA.field("created_at").type


def is_among(column: Any, values: Collection[str], ignore_case: bool = True) -> BoolArray:
    """Whether each text is one of some values, (n,) bool."""
    if ignore_case:
        column, values = pc.utf8_lower(column), [value.lower() for value in values]
    return as_mask(pc.is_in(column, pa.array(values, pa.string())))


def attribute(column: pa.ChunkedArray, key: str) -> Any:
    """Each item's value of an attribute, whose name is compared ignoring case, (n,) string."""
    maps = column.combine_chunks()
    names = pc.unique(maps.keys).to_pylist() if len(maps) else []
    values = [
        pc.map_lookup(maps, pa.scalar(name, pa.string()), "first")
        for name in names
        if name.lower() == key.lower()
    ]
    return pc.coalesce(*values) if values else pa.nulls(len(maps), pa.string())


def is_within(column: Any, low: float | datetime | None, high: float | datetime | None) -> BoolArray:
    """Whether each number or time lies between two bounds, both included, (n,) bool; not where it is null."""
    within = pc.is_valid(column)
    if low is not None:
        within = pc.and_(within, pc.greater_equal(column, _bound(low)))
    if high is not None:
        within = pc.and_(within, pc.less_equal(column, _bound(high)))
    return as_mask(within)


def is_filled(column: pa.ChunkedArray) -> BoolArray:
    """Whether each value is neither null nor empty, (n,) bool."""
    filled = as_mask(pc.is_valid(column))
    if pa.types.is_string(column.type) or pa.types.is_binary(column.type):
        return filled & as_mask(pc.greater(pc.binary_length(column), 0))
    if pa.types.is_list(column.type) or pa.types.is_map(column.type):
        lengths = np.diff(column.combine_chunks().offsets.to_numpy())
        filled &= lengths > 0
    return filled


def contains(column: pa.ChunkedArray, text: str) -> BoolArray:
    """Whether each text contains another one, in any case, (n,) bool."""
    return as_mask(pc.match_substring(column, text, ignore_case=True))


def is_below(column: pa.ChunkedArray, limits: pa.ChunkedArray) -> BoolArray:
    """Whether each number is below another one, (n,) bool; not where one of them is null."""
    return as_mask(pc.less(column, limits))


def as_mask(condition: Any) -> BoolArray:
    """An Arrow column of booleans as a mask, (n,) bool; null is false."""
    mask: BoolArray = np.asarray(pc.fill_null(condition, False).to_numpy(zero_copy_only=False), bool)
    return mask


def _bound(value: float | datetime) -> float | pa.Scalar:
    return pa.scalar(value, TIME) if isinstance(value, datetime) else value
