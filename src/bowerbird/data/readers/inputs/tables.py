"""Rows of Parquet and CSV files, a batch at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from bowerbird.data.readers.inputs.text_files import read_delimited
from bowerbird.errors import InputError


def read_rows(path: Path, required: Sequence[str] = ()) -> Iterator[tuple[str, dict[str, Any]]]:
    """Read a Parquet, CSV or TSV file: location and row. Raises `InputError` for missing columns."""
    if path.suffix.lower() in (".parquet", ".pq"):
        yield from _parquet_rows(path, required)
        return
    is_checked = False
    for location, row in read_delimited(path):
        if not is_checked:
            require_columns(path, list(row), required)
            is_checked = True
        yield location, row


def _parquet_rows(path: Path, required: Sequence[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    try:
        file = pq.ParquetFile(path)
    except (OSError, pa.ArrowInvalid) as error:
        raise InputError(f"{path} can't be read as Parquet ({error})") from None
    with file:
        require_columns(path, file.schema_arrow.names, required)
        number = 0
        batches = file.iter_batches(batch_size=1024)
        while rows := _next_rows(batches, path):
            for row in rows:
                number += 1
                yield f"{path.name}:{number}", row


def _next_rows(batches: Iterator[Any], path: Path) -> list[dict[str, Any]]:
    """Rows of the next non-empty batch; an empty list at the end."""
    try:
        for batch in batches:
            if batch.num_rows:
                rows: list[dict[str, Any]] = _in_microseconds(batch).to_pylist()
                return rows
    except (OSError, ValueError, OverflowError, pa.ArrowException) as error:
        raise InputError(f"{path} is damaged or holds values that can't be read ({error})") from None
    return []


def _in_microseconds(batch: Any) -> Any:
    """Cast times to microseconds: pandas writes nanoseconds, which Python's datetimes do not have."""
    fields = [
        field.with_type(pa.timestamp("us", field.type.tz)) if pa.types.is_timestamp(field.type) else field
        for field in batch.schema
    ]
    columns = [
        column.cast(field.type, safe=False) for column, field in zip(batch.columns, fields, strict=True)
    ]
    return pa.RecordBatch.from_arrays(columns, schema=pa.schema(fields))


def require_columns(path: Path, names: Sequence[str], required: Sequence[str]) -> None:
    """Raise `InputError` that names missing columns and those that the table has."""
    missing = [name for name in required if name not in names]
    if missing:
        raise InputError(f"{path} has no column {', '.join(missing)}; it has {', '.join(names)}")
