"""Parquet files that commands read and write for other tools."""

from __future__ import annotations

import uuid
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from bowerbird.errors import InputError


def write_table(table: pa.Table, out: Path) -> None:
    """Write a Parquet file atomically. Raises `InputError` where it cannot be written."""
    temporary = out.with_name(f".{out.name}-{uuid.uuid4().hex[:6]}")
    try:
        pq.write_table(table, temporary, compression="zstd")
        temporary.replace(out)
    except OSError as error:
        raise InputError(f"{out} cannot be written ({error}): choose a file in an existing folder") from None
    finally:
        temporary.unlink(missing_ok=True)


def read_table(path: Path) -> pa.Table:
    """Read a Parquet file. Raises `InputError` where it cannot be read."""
    try:
        return pq.read_table(path)
    except (OSError, pa.ArrowInvalid) as error:
        raise InputError(f"{path} cannot be read as Parquet ({error}): give a Parquet file") from None
