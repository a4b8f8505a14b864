"""Parquet files, with the columns that the names of their folders hold (`day=2026-01-31/part-0.parquet`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.parquet as pq

from bowerbird.errors import InputError

NO_VALUE = "__HIVE_DEFAULT_PARTITION__"


def require_columns(path: Path, names: Sequence[str], required: Sequence[str]) -> None:
    """Raise `InputError` that names missing columns and those that the table has."""
    missing = [name for name in required if name not in names]
    if missing:
        raise InputError(f"{path} has no column {', '.join(missing)}; it has {', '.join(names)}")


def read_parquet(
    path: Path, required: Sequence[str], optional: Sequence[str] | None = None, rows: int = 1024
) -> Iterator[tuple[pa.Table, int]]:
    """Some rows at a time, and how many the file has.

    All columns, or the required and the optional ones that there are. Raises `InputError` for missing columns
    and for a file that can't be read.
    """
    with _opened(path) as file:
        in_folders = partition_values(path)
        names = [*file.schema_arrow.names, *(n for n in in_folders if n not in file.schema_arrow.names)]
        require_columns(path, names, required)
        columns = names if optional is None else [*required, *(n for n in optional if n in names)]
        read_columns = [name for name in columns if name in file.schema_arrow.names]
        try:
            for batch in file.iter_batches(rows, columns=read_columns):
                table = pa.Table.from_batches([batch])
                for name in columns:
                    if name not in read_columns:
                        value = pa.scalar(in_folders[name], pa.string())
                        table = table.append_column(name, pa.repeat(value, batch.num_rows))
                yield table.select(columns), file.metadata.num_rows
        except (OSError, ValueError, OverflowError, pa.ArrowException) as error:
            raise InputError(f"{path} is damaged or holds values that can't be read ({error})") from None


def parquet_columns(path: Path) -> list[str]:
    """The columns of a file, and those of its folders. Raises `InputError` where it can't be read."""
    with _opened(path) as file:
        return list(dict.fromkeys([*file.schema_arrow.names, *partition_values(path)]))


def partition_values(path: Path) -> dict[str, str | None]:
    """Values by the columns that the folders of a file name.

    >>> partition_values(Path("events/day=2026-01-31/country=S%C3%A4/part-0.parquet"))
    {'day': '2026-01-31', 'country': 'Sä'}
    """
    pairs = (part.partition("=") for part in path.parts[:-1] if "=" in part)
    return {unquote(name): None if value == NO_VALUE else unquote(value) for name, _, value in pairs if name}


def _opened(path: Path) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(path)
    except (OSError, pa.ArrowInvalid) as error:
        raise InputError(f"{path} can't be read as Parquet ({error})") from None
