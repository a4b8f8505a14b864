"""Batches of some columns of a large table, as Arrow arrays: a hundred times as fast as row by row.

A block of text whose quote marks all enclose single fields on single lines is split by Arrow. From the first
other mark on, records are split one by one, as everywhere else (see `records_of_text`).
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pcsv

from bowerbird.data.arrays import BoolArray, IntArray
from bowerbird.data.readers.inputs.forms import Form, form_of
from bowerbird.data.readers.inputs.parquet import parquet_columns, read_parquet, require_columns
from bowerbird.data.readers.inputs.records_of_text import find_header, header_names, split_records
from bowerbird.data.readers.inputs.text_files import in_utf8, open_bytes
from bowerbird.data.readers.records import RejectedRow
from bowerbird.errors import InputError
from bowerbird.progress import BYTES_READ

BLOCK_BYTES = 1 << 24
ROWS_PER_BATCH = 1 << 17


@dataclass(frozen=True)
class TableBatch:
    """Some rows of a table; the columns are texts where the file is one."""

    rows: pa.Table
    file: str
    numbers: IntArray
    """Number of each row in the file, (n,); of a text file, its line."""


Batches = Iterator[TableBatch | RejectedRow]


def read_batches(
    path: Path, required: Sequence[str], optional: Sequence[str] = (), *, quoted: bool = True
) -> Batches:
    """Read columns of a table; rows with too few or too many fields are rejected.

    Columns in `optional` that the table lacks are left out. Raises `InputError` for missing columns and for
    files that can't be read. `quoted`: whether fields may be enclosed in quote marks.
    """
    if form_of(path) is not Form.PARQUET:
        yield from _text_batches(path, required, optional, quoted)
        return
    start = 1
    for table, n_rows in read_parquet(path, required, optional, ROWS_PER_BATCH):
        numbers = np.arange(start, start + table.num_rows)
        start += table.num_rows
        BYTES_READ.add(path.stat().st_size * table.num_rows // max(n_rows, 1))
        yield TableBatch(table, path.name, numbers)


def read_header(path: Path, *, quoted: bool = True) -> list[str]:
    """The columns of a text file. Raises `InputError` where it can't be read."""
    with open_bytes(path) as file:
        return _TextTable(path, in_utf8(path, file), quoted).names


def table_columns(path: Path) -> list[str]:
    """The columns of a table. Raises `InputError` where it can't be read."""
    return parquet_columns(path) if form_of(path) is Form.PARQUET else read_header(path)


def _text_batches(path: Path, required: Sequence[str], optional: Sequence[str], quoted: bool) -> Batches:
    with open_bytes(path) as file:
        try:
            table = _TextTable(path, in_utf8(path, file), quoted)
            yield from table.batches(required, optional)
        except UnicodeDecodeError as error:
            reason = f"{path} is not {error.encoding} text ({error.reason})"
            raise InputError(f"{reason}: save it as UTF-8") from None


class _TextTable:
    """A text file in UTF-8 with a header line, read block by block."""

    def __init__(self, path: Path, file: IO[bytes], quoted: bool) -> None:
        self.path, self.file, self.quoted = path, file, quoted
        self._begun = b""
        """Lines after the header that were read with it: those of a file that has \r only."""
        header, separator, self._n_before = find_header(self._read_line)
        self.separator = separator if quoted else "\t"
        self.names = header_names(path, next(self._split(iter([header])), (0, [""]))[1])

    def _read_line(self) -> str:
        line, mark, self._begun = (self._begun or self.file.readline()).partition(b"\r")
        if self._begun == b"\n":  # \r\n
            self._begun = b""
        return (line + mark).decode()

    def batches(self, required: Sequence[str], optional: Sequence[str]) -> Batches:
        require_columns(self.path, self.names, required)
        self.columns = [*required, *(name for name in optional if name in self.names)]
        line, remainder = self._n_before + 2, self._begun
        while block := self.file.read(BLOCK_BYTES):
            block = remainder + block
            end = block.rfind(b"\n") + 1
            block, remainder = block[:end], block[end:]
            if not self._is_plain(block) or len(remainder) > BLOCK_BYTES:
                yield from self._split_rows(block + remainder, line)
                return
            yield from self._plain_rows(block, line)
            line += block.count(b"\n")
        if remainder:
            plain = self._is_plain(remainder)
            yield from self._plain_rows(remainder, line) if plain else self._split_rows(remainder, line)

    def _split(self, lines: Iterator[str]) -> Iterator[tuple[int, list[str]]]:
        if self.quoted:
            return split_records(lines, self.separator)
        return enumerate((line.rstrip("\r\n").split(self.separator) for line in lines), start=1)

    def _is_plain(self, block: bytes) -> bool:
        """Whether Arrow splits a block as `split_records` does."""
        if self.quoted and (marks := block.count(b'"')):
            separator = re.escape(self.separator.encode())
            field = rb'"[^"\n\r]*(?:""[^"\n\r]*)*"'
            enclosed = rb"(?:^|(?<=[\n%b]))%b(?=[%b\r\n]|\Z)" % (separator, field, separator)
            if sum(each[0].count(b'"') for each in re.finditer(enclosed, block)) != marks:
                return False
        if b'"=""' in block:  # digits that a spreadsheet is to take for a text
            return False
        return b"\0" not in block and block.count(b"\r") == block.count(b"\r\n")

    def _plain_rows(self, block: bytes, line: int) -> Batches:
        """Rows of a plain block. Empty lines count as lines, but are no rows."""
        if not block.strip():
            return
        ragged: list[pcsv.InvalidRow] = []

        def skip(row: pcsv.InvalidRow) -> str:
            ragged.append(row)
            return "skip"

        if not block.isascii():
            block.decode()
        try:
            rows = pcsv.read_csv(
                pa.BufferReader(block),
                pcsv.ReadOptions(column_names=self.names, use_threads=False, block_size=len(block) + 1),
                pcsv.ParseOptions(
                    delimiter=self.separator,
                    quote_char='"' if self.quoted else False,
                    invalid_row_handler=skip,
                ),
                pcsv.ConvertOptions(
                    column_types=dict.fromkeys(self.names, pa.string()),
                    include_columns=self.columns,
                    strings_can_be_null=False,
                ),
            )
        except pa.ArrowInvalid as error:
            raise InputError(
                f"{self.path} can't be read as UTF-8 text from line {line} on ({error})"
            ) from None
        bad = [row.number - 1 for row in ragged]
        for number, row in zip(bad, ragged, strict=True):
            if not self._is_blank(row.text):
                reason = _describe_ragged(row.actual_columns, row.expected_columns)
                yield RejectedRow("events", reason, f"{self.path.name}:{line + number}", row.text)
        numbers = _row_lines(block, rows.num_rows, bad)
        is_row = self._is_filled(block, rows, numbers)
        if not is_row.all():
            rows, numbers = rows.filter(pa.array(is_row)), numbers[is_row]
        yield TableBatch(rows, self.path.name, line + numbers)

    def _is_filled(self, block: bytes, rows: pa.Table, numbers: IntArray) -> BoolArray:
        """Which rows have a field that is not empty, (n,) bool: spreadsheets end in rows of separators."""
        filled = np.zeros(rows.num_rows, bool)
        for column in rows.columns:
            filled |= pc.not_equal(column, "").to_numpy()
            if filled.all():
                return filled
        lines = block.split(b"\n")
        for row in np.flatnonzero(~filled):  # the columns that were not read decide
            filled[row] = not self._is_blank(lines[numbers[row]].decode())
        return filled

    def _is_blank(self, line: str) -> bool:
        return not any(any(fields) for _, fields in self._split(iter([line])))

    def _split_rows(self, begun: bytes, line: int) -> Batches:
        """Rows from here to the end of the file, record by record."""
        text = io.TextIOWrapper(io.BufferedReader(_Continued(begun, self.file)), encoding="utf-8", newline="")
        rows: list[list[str]] = []
        numbers: list[int] = []
        header = self.separator.join(["x"] * len(self.names)) + "\n"
        for record, fields in self._split(chain([header], text)):
            number = line + record - 2
            if record == 1 or not any(fields):
                continue
            if len(fields) != len(self.names):
                reason = _describe_ragged(len(fields), len(self.names))
                yield RejectedRow("events", reason, f"{self.path.name}:{number}", fields)
                continue
            rows.append(fields)
            numbers.append(number)
            if len(rows) == ROWS_PER_BATCH:
                yield self._batch(rows, numbers)
                rows, numbers = [], []
        if rows:
            yield self._batch(rows, numbers)

    def _batch(self, rows: list[list[str]], numbers: list[int]) -> TableBatch:
        at = [self.names.index(name) for name in self.columns]
        arrays = [pa.array([fields[index] for fields in rows], pa.string()) for index in at]
        return TableBatch(pa.table(arrays, names=self.columns), self.path.name, np.array(numbers))


class _Continued(io.RawIOBase):
    """Bytes that were read already, then the rest of a file."""

    def __init__(self, begun: bytes, file: IO[bytes]) -> None:
        self._begun, self._file = memoryview(begun), file

    def readable(self) -> bool:
        """Whether it can be read: always."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read bytes into a buffer; return their number."""
        if not self._begun:
            self._begun = memoryview(self._file.read(len(buffer)))
        chunk = self._begun[: len(buffer)]
        self._begun = self._begun[len(chunk) :]
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
