"""The first bytes of a file, and what they are: XML, JSON, a table of text, Parquet."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from bowerbird.data.readers.inputs.json_lines import decode_json
from bowerbird.data.readers.inputs.text_files import find_separator, open_bytes
from bowerbird.errors import InputError

SAMPLE_BYTES = 1 << 18


@dataclass(frozen=True)
class Sample:
    """What the beginning of a file shows; empty where it is of another form."""

    path: Path
    form: str
    """`xml`, `json`, `text` or `parquet`."""
    columns: tuple[str, ...] = ()
    """Of a table."""
    separator: str = ""
    record: dict[str, Any] | None = None
    """The first object of JSON; the first row of a table, by column."""


def read_sample(path: Path) -> Sample:
    """Look at a file. Raises `InputError` where it can't be read or is empty."""
    with open_bytes(path) as file:
        start = file.read(SAMPLE_BYTES)
    if start.startswith(b"PAR1"):
        return _parquet_sample(path)
    text = _decode(start)
    stripped = text.lstrip("\ufeff \t\r\n")
    if not stripped:
        raise InputError(f"{path} is empty: nothing can be imported from it")
    if stripped.startswith("<"):
        return Sample(path, "xml")
    if stripped[0] in "{[":
        return Sample(path, "json", record=_first_object(stripped))
    return _table_sample(path, stripped if stripped[0] != "#" else _without_comments(stripped))


def _decode(start: bytes) -> str:
    if start[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return start.decode("utf-16", errors="replace")
    return start.decode("utf-8-sig", errors="replace")


def _parquet_sample(path: Path) -> Sample:
    try:
        with pq.ParquetFile(path) as file:
            names = tuple(file.schema_arrow.names)
            rows = next(file.iter_batches(1), None)
            first = rows.slice(0, 1).to_pylist() if rows is not None else []
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"{path} can't be read as Parquet ({error})") from None
    return Sample(path, "parquet", names, record=first[0] if first else None)


def _first_object(text: str) -> dict[str, Any] | None:
    """The first object of JSON lines, of an array, or of a list in an object."""
    line = text.splitlines()[0]
    decoded = decode_json(line.encode())
    if isinstance(decoded, str):
        decoded = decode_json(text.encode())
    if isinstance(decoded, dict) and isinstance(decoded.get("products"), list):
        decoded = decoded["products"]
    if isinstance(decoded, list):
        decoded = next((each for each in decoded if isinstance(each, dict)), None)
    return decoded if isinstance(decoded, dict) else None


def _without_comments(text: str) -> str:
    lines = text.splitlines(keepends=True)
    return "".join(line for line in lines if not line.lstrip('"').startswith("#"))


def _table_sample(path: Path, text: str) -> Sample:
    lines = text.splitlines()
    header = lines[0] if lines else ""
    separator = find_separator(header)
    rows = list(csv.reader(lines[:50], delimiter=separator))
    columns = tuple(name.strip() for name in rows[0]) if rows else ()
    first: Sequence[str] = rows[1] if len(rows) > 1 else ()
    return Sample(path, "text", columns, separator, dict(zip(columns, first, strict=False)))
