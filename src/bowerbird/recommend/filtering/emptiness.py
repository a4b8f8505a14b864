"""Why no item of a catalogue passes a filter: most often a name that nothing has."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import islice

import numpy as np
import pyarrow as pa

from bowerbird.data.items import Catalogue
from bowerbird.recommend.filtering.conditions import attribute, is_among
from bowerbird.recommend.filtering.filters import ID_FIELDS, NAME_FIELDS, ItemFilter, name_column

MAX_NAMED = 5
MAX_LENGTH = 100  # characters of a value


def explain_emptiness(condition: ItemFilter | None, catalogue: Catalogue) -> str | None:
    """Why no item passes a filter, in words; None where an item does, or there is no filter.

    Names the values that no item has, the first few of them.
    """
    if condition is None or condition.mask(catalogue).any():
        return None
    missing = list(islice(dict.fromkeys(_missing_values(condition, catalogue)), MAX_NAMED))
    return f"no item has {', '.join(missing)}" if missing else "no item passes the filter: widen it"


def _missing_values(condition: ItemFilter, catalogue: Catalogue) -> Iterator[str]:
    """Fields with values that no item has; those which an item must not have are no reason."""
    for name in (*ID_FIELDS, *NAME_FIELDS):
        values, ignore_case = getattr(condition, name) or (), name in NAME_FIELDS
        yield from _absent(name, values, name_column(catalogue, name), ignore_case)
    for value in condition.category or ():
        if not catalogue.in_category(value).any():
            yield _describe("category", value)
    for key, values in (condition.attributes or {}).items():
        yield from _absent(key, values, attribute(catalogue.table["attributes"], key))
    for each in (*(condition.all_of or ()), *(condition.any_of or ())):
        yield from _missing_values(each, catalogue)


def _absent(
    name: str, values: Collection[str], column: pa.ChunkedArray, ignore_case: bool = True
) -> Iterator[str]:
    if values:
        present = column.unique().drop_null().to_pylist()
        is_present = is_among(pa.array(list(values), pa.string()), present, ignore_case)
        yield from (_describe(name, value) for value in np.array([*values], object)[~is_present])


def _describe(name: str, value: str) -> str:
    return f"{name} {value[:MAX_LENGTH]!r}"
