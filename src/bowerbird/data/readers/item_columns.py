"""Fields of items from columns: whole arrays of texts and attributes at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bowerbird.data.arrays import BoolArray

_TEXT = pa.string()
_NOT_PLAIN = (
    r"[<&\x00-\x1f\x7f-\x{a0}\x{ad}\x{1680}\x{180e}\x{2000}-\x{200f}\x{2028}-\x{202f}\x{205f}-\x{2064}"
    r"\x{3000}\x{feff}]|  "
)
"""What `parse_prose` may change: tags, entities, blanks."""


def each_unless_plain(texts: pa.Array, parse: Callable[[str], str]) -> pa.Array:
    """`parse` of the texts that it may change, (n,)."""
    is_odd = pc.match_substring_regex(texts, _NOT_PLAIN)
    if not pc.any(is_odd).as_py():
        return texts
    parsed = [parse(text) for text in texts.filter(is_odd).to_pylist()]
    return pc.replace_with_mask(texts, is_odd, pa.array(parsed, _TEXT))


def map_of(values: Mapping[str, pa.Array], present: Mapping[str, BoolArray]) -> pa.Array:
    """Maps with the values of each row where they are `present`, names in their order, (n,)."""
    names = list(values)
    has_value = np.stack([present[name] for name in names], 1)
    n = len(has_value)
    rows, columns = np.nonzero(has_value)
    keys = pa.array(names, _TEXT).take(pa.array(columns))
    items = pa.concat_arrays(list(values.values())).take(pa.array(columns * n + rows))
    offsets = np.concatenate([[0], np.cumsum(has_value.sum(1))]).astype(np.int32)
    return pa.MapArray.from_arrays(pa.array(offsets), keys, items)
