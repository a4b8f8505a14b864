"""Rows of Parquet and CSV files, a batch at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from bowerbird.data.readers.fields import table_rows
from bowerbird.errors import InputError


def rows_of(path: Path, need: Sequence[str] = ()) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each row of a Parquet, CSV or TSV file with its place. Raises `InputError` for lacking columns."""
    if path.suffix.lower() in (".parquet", ".pq"):
        yield from _parquet_rows(path, need)
        return
    checked = False
    for where, row in table_rows(path, "\t" if path.suffix.lower() == ".tsv" else ","):
        if not checked:
            _check(path, list(row), need)
            checked = True
        yield where, row


def _parquet_rows(path: Path, need: Sequence[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    try:
        file = pq.ParquetFile(path)
    except (OSError, pa.ArrowInvalid) as error:
        raise InputError(f"{path} can't be read as Parquet ({error})") from None
    with file:
        _check(path, file.schema_arrow.names, need)
        number = 0
        batches = file.iter_batches(batch_size=1024)
        while rows := _next_rows(batches, path):
            for row in rows:
                number += 1
                yield f"{path.name}:{number}", row


def _next_rows(batches: Iterator[Any], path: Path) -> list[dict[str, Any]]:
    """Rows of the next batch that has any; none at the end."""
    try:
        for batch in batches:
            if batch.num_rows:
                rows: list[dict[str, Any]] = _in_microseconds(batch).to_pylist()
                return rows
    except (OSError, ValueError, OverflowError, pa.ArrowException) as error:
        raise InputError(f"{path} is damaged or holds values that can't be read ({error})") from None
    return []


def _in_microseconds(batch: Any) -> Any:
    """Python's datetimes have no nanoseconds, which pandas writes."""
    fields = [
        field.with_type(pa.timestamp("us", field.type.tz)) if pa.types.is_timestamp(field.type) else field
        for field in batch.schema
    ]
    columns = [
        column.cast(field.type, safe=False) for column, field in zip(batch.columns, fields, strict=True)
    ]
    return pa.RecordBatch.from_arrays(columns, schema=pa.schema(fields))


def _check(path: Path, there: Sequence[str], need: Sequence[str]) -> None:
    lacking = [name for name in need if name not in there]
    if lacking:
        raise InputError(f"{path} has no column {', '.join(lacking)}; it has {', '.join(there)}")
