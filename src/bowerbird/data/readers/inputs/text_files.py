"""Text files as they come: compression, encoding, separator and quote marks are read from the content."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import logging
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from bowerbird.errors import InputError
from bowerbird.progress import BYTES_READ

SAMPLE_BYTES = 1 << 20
SEPARATORS = "\t,;|"
EXTRA_FIELDS = "fields_beyond_the_header"
"""Name of the fields that a row has and the header does not, joined by the separator."""
MAX_LINES_OF_A_FIELD = 1_000
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_BEFORE_XML = b"\xef\xbb\xbf\xff\xfe\x00 \t\r\n"
"""Bytes of marks and blanks, in UTF-8 and UTF-16; XML itself says which encoding it has."""
_log = logging.getLogger(__name__)


class _CountedFile(io.FileIO):
    """A file whose bytes are counted as they are read, each once."""

    _counted = 0

    def readinto(self, buffer: Any) -> int | None:
        n = super().readinto(buffer)
        if (position := self.tell()) > self._counted:
            BYTES_READ.add(position - self._counted)
            self._counted = position
        return n


@contextmanager
def open_bytes(path: Path) -> Iterator[IO[bytes]]:
    """Open a file, decompressed where it is gzip or a zip of one file, and count its bytes as read.

    Raises `InputError` for a file that can't be read or decompressed.
    """
    try:
        with io.BufferedReader(_CountedFile(path)) as file:
            magic = file.read(4)
            file.seek(0)
            if magic.startswith(b"\x1f\x8b"):
                with gzip.open(file) as unpacked:
                    yield unpacked  # type: ignore[misc]  # a GzipFile is a binary file
            elif magic == b"PK\x03\x04":
                with zipfile.ZipFile(file) as archive, archive.open(_only_member(path, archive)) as member:
                    yield member
            else:
                yield file
    except (EOFError, zipfile.BadZipFile, gzip.BadGzipFile) as error:
        raise InputError(f"{path} is damaged: it can't be decompressed ({error})") from None
    except OSError as error:
        raise InputError(f"{path} can't be read ({error.strerror or error})") from None


def _only_member(path: Path, archive: zipfile.ZipFile) -> str:
    names = [info.filename for info in archive.infolist() if not info.is_dir()]
    if len(names) != 1:
        raise InputError(f"{path} holds {len(names)} files, expected one: unpack it and name the files")
    return names[0]


def encoding_of(path: Path, sample: bytes) -> str:
    """The encoding of a text by its first bytes: by its mark, else UTF-8, else Windows-1252 with a warning.

    Raises `InputError` where it is none of these.
    """
    for mark, encoding in _BOMS:
        if sample.startswith(mark):
            return encoding
    if (zeros := sample.count(0)) > len(sample) / 5:
        return "utf-16-le" if sample[1::2].count(0) > zeros / 2 else "utf-16-be"
    try:
        codecs.getincrementaldecoder("utf-8")().decode(sample)
        return "utf-8"
    except UnicodeDecodeError as error:
        try:
            sample.decode("cp1252")
        except UnicodeDecodeError:
            raise InputError(f"{path} is not UTF-8 text ({error.reason}): save it as UTF-8") from None
    _log.warning("%s is not UTF-8: it is read as Windows-1252; save it as UTF-8 if letters look wrong", path)
    return "cp1252"


@contextmanager
def open_text(path: Path) -> Iterator[io.TextIOWrapper]:
    """Open a text file by its content. Raises `InputError` for a file that is no text."""
    with open_bytes(path) as file:
        sample = file.read(SAMPLE_BYTES)
        file.seek(0)
        with io.TextIOWrapper(file, encoding=encoding_of(path, sample), newline="") as text:
            try:
                yield text
            except UnicodeDecodeError as error:
                reason = f"{path} is not {error.encoding} text ({error.reason})"
                raise InputError(f"{reason}: save it as UTF-8") from None


def is_xml(path: Path) -> bool:
    """Whether the first letter of a file is that of XML."""
    with open_bytes(path) as file:
        return file.read(1000).lstrip(_BEFORE_XML).startswith(b"<")


def find_separator(header: str) -> str:
    """The separator of a table by its header: the most frequent of tab, comma, semicolon and bar.

    >>> find_separator("id;title;price, EUR"), find_separator("item_id")
    (';', ',')
    """
    counts = {separator: len(next(csv.reader([header], delimiter=separator), [])) for separator in SEPARATORS}
    best = max(SEPARATORS, key=lambda separator: counts[separator])
    return best if counts[best] > 1 else ","


def read_delimited(path: Path, delimiter: str = "") -> Iterator[tuple[str, dict[str, str]]]:
    """Read a delimited text file with a header: locations and rows. Raises `InputError` for other files.

    The separator is found where none is given. In tab-separated files a quote mark quotes a field only where
    it encloses all of it: `19" rack` and `"Great" lamp` keep theirs.
    """
    csv.field_size_limit(2**27)
    try:
        with open_text(path) as text:
            first = text.readline()
            names = None
            delimiter = delimiter or find_separator(first)
            for number, fields in _records(_rejoined(first, text), delimiter):
                if names is None:
                    names = [name.strip().lstrip("\ufeff") for name in fields]
                elif any(fields):
                    yield f"{path.name}:{number}", _row(names, fields, delimiter)
    except csv.Error as error:
        raise InputError(f"{path} can't be read as a table ({error})") from None


def _rejoined(first: str, rest: Iterator[str]) -> Iterator[str]:
    yield first
    yield from rest


def _row(names: list[str], fields: list[str], delimiter: str) -> dict[str, str]:
    row = dict.fromkeys(names, "")
    row.update(zip(names, fields, strict=False))
    if any(fields[len(names) :]):
        row[EXTRA_FIELDS] = delimiter.join(fields[len(names) :])
    return row


def _records(lines: Iterator[str], delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Numbers of the last lines of records, and their fields."""
    if delimiter != "\t":
        reader = csv.reader(lines, delimiter=delimiter)
        for fields in reader:
            yield reader.line_num, fields
        return
    width = 0
    number = 0
    waiting: list[str] = []
    while line := (waiting.pop(0) if waiting else next(lines, "")):
        number += 1
        fields = line.rstrip("\r\n").split("\t")
        width = width or len(fields)
        if len(fields) < width and _opens(fields[-1]):
            record, waiting = _over_lines(line, width, lines, waiting)
            number += record.count("\n") - line.count("\n")
            fields = record.rstrip("\r\n").split("\t")
        yield number, [_unquoted(field) for field in fields]


def _opens(field: str) -> bool:
    return field.startswith('"') and _unquoted(field) == field


def _over_lines(line: str, width: int, lines: Iterator[str], waiting: list[str]) -> tuple[str, list[str]]:
    """A record whose last field goes on over the next lines, and the lines that are not part of it."""
    read: list[str] = []
    record = line
    while len(read) < MAX_LINES_OF_A_FIELD:
        following = waiting.pop(0) if waiting else next(lines, "")
        if not following:
            break
        read.append(following)
        record += following
        fields = record.rstrip("\r\n").split("\t")
        if len(fields) > width:
            break
        if len(fields) == width and not any(map(_opens, fields)):
            return record, waiting
    return line, read + waiting


def _unquoted(field: str) -> str:
    """A field without the quote marks around it, where those inside are doubled.

    >>> _unquoted('"a ""b"" c"'), _unquoted('"Great" lamp'), _unquoted('19"')
    ('a "b" c', '"Great" lamp', '19"')
    """
    if len(field) < 2 or not (field[0] == field[-1] == '"'):
        return field
    inner = field[1:-1]
    return field if '"' in inner.replace('""', "") else inner.replace('""', '"')
