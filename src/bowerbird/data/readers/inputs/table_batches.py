"""Batches of some columns of a large table, as Arrow arrays: a hundred times as fast as row by row.

A block of a text file without a quote mark needs no CSV rules: Arrow splits it. From the first quote mark on,
rows are read by the `csv` module; so are files in other encodings, by `tables.read_rows`.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.csv as pcsv
import pyarrow.parquet as pq

from bowerbird.data.arrays import IntArray
from bowerbird.data.readers.inputs.tables import read_rows, require_columns
from bowerbird.data.readers.records import RejectedRow
from bowerbird.errors import InputError
from bowerbird.progress import BYTES_READ

BLOCK_BYTES = 1 << 24
ROWS_PER_BATCH = 1 << 17
_NOT_PLAIN = (b"\xff\xfe", b"\xfe\xff", b"\x1f\x8b", b"PK\x03\x04")
"""First bytes of UTF-16, gzip and zip."""


@dataclass(frozen=True)
class TableBatch:
    """Some rows of a table; the columns are texts where the file is one."""

    rows: pa.Table
    file: str
    numbers: IntArray
    """Number of each row in the file, (n,); of a text file, its line."""


Batches = Iterator[TableBatch | RejectedRow]


def read_batches(
    path: Path,
    required: Sequence[str],
    optional: Sequence[str] = (),
    *,
    delimiter: str = "",
    quoted: bool = True,
) -> Batches:
    """Read columns of a Parquet, CSV or TSV file; rows with too few or too many fields are rejected.

    Columns in `optional` that the table lacks are left out. Raises `InputError` for missing columns and for
    files that can't be read. `delimiter` is by default a tab in .tsv files and a comma in others.
    """
    if path.suffix.lower() in (".parquet", ".pq"):
        yield from _read_parquet(path, required, optional)
        return
    try:
        with path.open("rb") as file:
            if file.read(4).startswith(_NOT_PLAIN):
                yield from _read_rows(path, required, optional)
                return
            file.seek(0)
            delimiter = delimiter or ("\t" if path.suffix.lower() == ".tsv" else ",")
            yield from _TextTable(path, file, delimiter, quoted).batches(required, optional)
    except OSError as error:
        raise InputError(f"{path} can't be read ({error.strerror})") from None


def read_header(path: Path, delimiter: str, *, quoted: bool = True) -> list[str]:
    """The columns of a text file. Raises `InputError` where it can't be read."""
    try:
        with path.open("rb") as file:
            return _TextTable(path, file, delimiter, quoted).read_header()
    except OSError as error:
        raise InputError(f"{path} can't be read ({error.strerror})") from None


def _read_parquet(path: Path, required: Sequence[str], optional: Sequence[str]) -> Batches:
    try:
        file = pq.ParquetFile(path)
    except (OSError, pa.ArrowInvalid) as error:
        raise InputError(f"{path} can't be read as Parquet ({error})") from None
    with file:
        names = file.schema_arrow.names
        require_columns(path, names, required)
        columns = [*required, *(name for name in optional if name in names)]
        start, total_bytes = 1, path.stat().st_size
        try:
            for batch in file.iter_batches(ROWS_PER_BATCH, columns=columns):
                numbers = np.arange(start, start + batch.num_rows)
                start += batch.num_rows
                BYTES_READ.add(total_bytes * batch.num_rows // max(file.metadata.num_rows, 1))
                yield TableBatch(pa.Table.from_batches([batch]), path.name, numbers)
        except (OSError, ValueError, OverflowError, pa.ArrowException) as error:
            raise InputError(f"{path} is damaged or holds values that can't be read ({error})") from None


def _read_rows(path: Path, required: Sequence[str], optional: Sequence[str]) -> Batches:
    rows: list[dict[str, Any]] = []
    for number, (_, row) in enumerate(read_rows(path, required), start=1):
        rows.append(row)
        if len(rows) == ROWS_PER_BATCH:
            yield _batch_of_rows(path, rows, number, [*required, *optional])
            rows = []
    if rows:
        yield _batch_of_rows(path, rows, number, [*required, *optional])


def _batch_of_rows(path: Path, rows: list[dict[str, Any]], last: int, names: Sequence[str]) -> TableBatch:
    columns = {name: pa.array([row[name] for row in rows]) for name in names if name in rows[0]}
    return TableBatch(pa.table(columns), path.name, np.arange(last - len(rows) + 1, last + 1))


class _TextTable:
    """A text file in UTF-8 with a header line, read block by block."""

    def __init__(self, path: Path, file: BinaryIO, delimiter: str, quoted: bool) -> None:
        self.path, self.file, self.delimiter, self.quoted = path, file, delimiter, quoted

    def batches(self, required: Sequence[str], optional: Sequence[str]) -> Batches:
        self.names = self.read_header()
        require_columns(self.path, self.names, required)
        self.columns = [*required, *(name for name in optional if name in self.names)]
        line, remainder = 2, b""
        while block := self.file.read(BLOCK_BYTES):
            BYTES_READ.add(len(block))
            block = remainder + block
            end = block.rfind(b"\n") + 1
            block, remainder = block[:end], block[end:]
            if not self._is_plain(block) or len(remainder) > BLOCK_BYTES:
                yield from self._quoted_rows(block + remainder, line)
                return
            yield from self._plain_rows(block, line)
            line += block.count(b"\n")
        if remainder:
            plain = self._is_plain(remainder)
            yield from self._plain_rows(remainder, line) if plain else self._quoted_rows(remainder, line)

    def read_header(self) -> list[str]:
        """The names of the columns; the file is then at its first row."""
        header = self.file.readline()
        BYTES_READ.add(len(header))
        if self.quoted and b'"' in header:
            names = next(csv.reader([self._decode(header)], delimiter=self.delimiter), [])
        else:
            names = self._decode(header).rstrip("\r\n").split(self.delimiter)
        return [name.removeprefix("\ufeff").strip() for name in names]

    def _is_plain(self, block: bytes) -> bool:
        if self.quoted and b'"' in block:
            return False
        return b"\0" not in block and block.count(b"\r") == block.count(b"\r\n")

    def _plain_rows(self, block: bytes, line: int) -> Batches:
        """Rows of a block without quote marks. Empty lines count as lines, but are no rows."""
        if not block.strip():
            return
        if not block.isascii():
            self._decode(block)
        ragged: list[pcsv.InvalidRow] = []

        def skip(row: pcsv.InvalidRow) -> str:
            ragged.append(row)
            return "skip"

        types = dict.fromkeys(self.names, pa.string())
        try:
            rows = pcsv.read_csv(
                pa.BufferReader(block),
                pcsv.ReadOptions(column_names=self.names, use_threads=False, block_size=len(block) + 1),
                pcsv.ParseOptions(delimiter=self.delimiter, quote_char=False, invalid_row_handler=skip),
                pcsv.ConvertOptions(
                    column_types=types, include_columns=self.columns, strings_can_be_null=False
                ),
            )
        except pa.ArrowInvalid as error:
            raise InputError(
                f"{self.path} can't be read as UTF-8 text from line {line} on ({error})"
            ) from None
        bad = [row.number - 1 for row in ragged]
        for number, row in zip(bad, ragged, strict=True):
            reason = _describe_ragged(row.actual_columns, row.expected_columns)
            yield RejectedRow("events", reason, f"{self.path.name}:{line + number}", row.text)
        yield TableBatch(rows, self.path.name, line + _row_lines(block, rows.num_rows, bad))

    def _quoted_rows(self, begun: bytes, line: int) -> Batches:
        """Rows from here to the end of the file, by the rules of CSV."""
        csv.field_size_limit(2**27)
        text = io.TextIOWrapper(io.BufferedReader(_Continued(begun, self.file)), encoding="utf-8", newline="")
        reader = csv.reader(text, delimiter=self.delimiter)
        rows: list[list[str]] = []
        numbers: list[int] = []
        try:
            for fields in reader:
                number = line + reader.line_num - 1
                if len(fields) != len(self.names):
                    if fields:
                        reason = _describe_ragged(len(fields), len(self.names))
                        yield RejectedRow("events", reason, f"{self.path.name}:{number}", fields)
                    continue
                rows.append(fields)
                numbers.append(number)
                if len(rows) == ROWS_PER_BATCH:
                    yield self._batch(rows, numbers)
                    rows, numbers = [], []
        except UnicodeDecodeError as error:
            raise InputError(f"{self.path} is not UTF-8 text ({error.reason}): save it as UTF-8") from None
        except csv.Error as error:
            raise InputError(f"{self.path} can't be read as a table ({error})") from None
        if rows:
            yield self._batch(rows, numbers)

    def _batch(self, rows: list[list[str]], numbers: list[int]) -> TableBatch:
        at = [self.names.index(name) for name in self.columns]
        arrays = [pa.array([fields[index] for fields in rows], pa.string()) for index in at]
        return TableBatch(pa.table(arrays, names=self.columns), self.path.name, np.array(numbers))

    def _decode(self, line: bytes) -> str:
        try:
            return line.decode()
        except UnicodeDecodeError as error:
            raise InputError(f"{self.path} is not UTF-8 text ({error.reason}): save it as UTF-8") from None


class _Continued(io.RawIOBase):
    """Bytes that were read already, then the rest of a file."""

    def __init__(self, begun: bytes, file: BinaryIO) -> None:
        self._begun, self._file = memoryview(begun), file

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if self._begun:
            chunk = self._begun[: len(buffer)]
            self._begun = self._begun[len(chunk) :]
        else:
            chunk = memoryview(self._file.read(len(buffer)))
            BYTES_READ.add(len(chunk))
        buffer[: len(chunk)] = chunk
        return len(chunk)


def _describe_ragged(actual: int, expected: int) -> str:
    return f"{actual} fields, expected {expected}"


def _row_lines(block: bytes, n_rows: int, ragged: Iterable[int]) -> IntArray:
    """The line of each row within a block, from 0: without empty lines and those of `ragged` rows."""
    ragged = list(ragged)
    if block.count(b"\n\n") or block.count(b"\n\r") or block[:1] in (b"\n", b"\r"):
        lines = np.array([number for number, text in enumerate(block.split(b"\n")) if text.strip(b"\r")])
        return np.delete(lines, ragged)[:n_rows]
    return np.delete(np.arange(n_rows + len(ragged)), ragged)
