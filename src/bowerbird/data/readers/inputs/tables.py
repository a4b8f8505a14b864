"""Rows of tables, one by one: Parquet, and text with any separator."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from bowerbird.data.readers.inputs.forms import Form, form_of
from bowerbird.data.readers.inputs.parquet import read_parquet, require_columns
from bowerbird.data.readers.inputs.records_of_text import read_delimited
from bowerbird.errors import InputError


def read_rows(
    path: Path, required: Sequence[str] = (), *, with_comments: bool = False
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Read a table: location and row. Raises `InputError` for missing columns.

    `with_comments`: lines before the header that begin with `#` are left out.

    A row of text with more or fewer fields than the header says so: see `records_of_text.ragged_reason`.
    """
    if form_of(path) is Form.PARQUET:
        yield from _parquet_rows(path, required)
        return
    is_checked = False
    for location, row in read_delimited(path, with_comments=with_comments):
        if not is_checked:
            require_columns(path, list(row), required)
            is_checked = True
        yield location, row


def _parquet_rows(path: Path, required: Sequence[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    number = 0
    for table, _ in read_parquet(path, required):
        for row in python_rows(path, table):
            number += 1
            yield f"{path.name}:{number}", row


def python_rows(path: Path, table: pa.Table) -> list[dict[str, Any]]:
    """The rows of a Parquet file's table. Raises `InputError` for values that Python does not have."""
    try:
        rows: list[dict[str, Any]] = _in_microseconds(table).to_pylist()
    except (ValueError, OverflowError, pa.ArrowException) as error:
        raise InputError(f"{path} is damaged or holds values that can't be read ({error})") from None
    return rows


def _in_microseconds(table: pa.Table) -> pa.Table:
    """Cast times to microseconds: pandas writes nanoseconds, which Python's datetimes do not have."""
    fields = [
        field.with_type(pa.timestamp("us", field.type.tz)) if pa.types.is_timestamp(field.type) else field
        for field in table.schema
    ]
    return table.cast(pa.schema(fields), safe=False)
