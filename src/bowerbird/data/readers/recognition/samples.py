"""The first bytes of a file, and what they are: XML, JSON, a table of text, Parquet."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bowerbird.data.readers.inputs.forms import Form, form_of
from bowerbird.data.readers.inputs.json_lines import decode_json
from bowerbird.data.readers.inputs.parquet import parquet_columns, read_parquet
from bowerbird.data.readers.inputs.records_of_text import find_header, split_records
from bowerbird.data.readers.inputs.text_files import encoding_of, open_bytes
from bowerbird.errors import InputError

SAMPLE_BYTES = 1 << 18


@dataclass(frozen=True)
class Sample:
    """What the beginning of a file shows; empty where it is of another form."""

    path: Path
    form: Form
    columns: tuple[str, ...] = ()
    """Of a table."""
    separator: str = ""
    record: dict[str, Any] | None = None
    """The first object of JSON; the first row of a table, by column."""


def read_sample(path: Path) -> Sample:
    """Look at a file. Raises `InputError` where it can't be read or is empty."""
    form = form_of(path)
    if form is Form.PARQUET:
        return _parquet_sample(path)
    with open_bytes(path) as file:
        start = file.read(SAMPLE_BYTES)
    text = start.decode(encoding_of(path, start), errors="replace").lstrip("\ufeff\r\n")
    if not text.strip():
        raise InputError(f"{path} is empty: nothing can be imported from it")
    if form is Form.XML:
        return Sample(path, form)
    if form is Form.JSON:
        return Sample(path, form, record=_first_object(text))
    return _table_sample(path, text if not text.lstrip('"').startswith("#") else _without_comments(text))


def _parquet_sample(path: Path) -> Sample:
    columns = parquet_columns(path)
    table, _ = next(read_parquet(path, (), rows=1), (None, 0))
    rows = table.slice(0, 1).to_pylist() if table is not None else []
    return Sample(path, Form.PARQUET, tuple(columns), record=rows[0] if rows else None)


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
    lines = text.splitlines(keepends=True)
    header, separator, n_before = find_header(io.StringIO(text, newline="").readline)
    rows = [fields for _, fields in split_records(iter([header, *lines[n_before + 1 : 50]]), separator)]
    columns = tuple(name.strip() for name in rows[0]) if rows else ()
    first: Sequence[str] = rows[1] if len(rows) > 1 else ()
    return Sample(path, Form.TEXT, columns, separator, dict(zip(columns, first, strict=False)))
