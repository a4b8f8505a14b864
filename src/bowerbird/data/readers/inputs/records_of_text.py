"""Delimited text: its separator, its header, and its records with their quote marks.

A quote mark quotes a field only where it encloses all of it and marks inside are doubled. So `19" rack` and
`"Great" lamp` keep theirs, and a mark that is never closed does not swallow the rows after it.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

from bowerbird.data.readers.inputs.text_files import open_text
from bowerbird.errors import InputError

SEPARATORS = "\t,;|"
EXTRA_FIELDS = "fields_beyond_the_header"
"""Name of the fields that a row has and the header does not, joined by the separator."""
MISSING_FIELDS = "missing_fields"
"""Name, in a row with fewer fields than the header, of how many it has."""
REPEATED = ("additional_image_link", "product_detail", "shipping")
"""Columns of the product feed that may come several times."""
MAX_LINES_OF_A_FIELD = 1_000
_NAMED_SEPARATOR = re.compile(r'"?sep=(.)"?', re.IGNORECASE)
"""The first line of tables that Excel is to open."""
csv.field_size_limit(2**27)


def find_separator(header: str) -> str:
    """The separator of a table by its header: the most frequent of tab, comma, semicolon and bar.

    >>> find_separator("id;title;price, EUR"), find_separator("item_id")
    (';', ',')
    """
    try:
        counts = {mark: len(next(csv.reader([header], delimiter=mark), [])) for mark in SEPARATORS}
    except csv.Error:
        return ","
    best = max(SEPARATORS, key=lambda separator: counts[separator])
    return best if counts[best] > 1 else ","


def find_header(read_line: Callable[[], str], *, with_comments: bool = False) -> tuple[str, str, int]:
    """The line of the header, its separator, and the number of lines before it.

    These are blank lines, Excel's `sep=;`, and with `with_comments` lines that begin with `#`.
    """
    n_before, separator = 0, ""
    while line := read_line():
        text = line.strip("\ufeff\r\n ")
        if match := _NAMED_SEPARATOR.fullmatch(text):
            separator = match[1]
        elif text.strip() and not (with_comments and text.lstrip('"').startswith("#")):
            break
        n_before += 1
    return line.lstrip("\ufeff"), separator or find_separator(line), n_before


def read_delimited(path: Path, *, with_comments: bool = False) -> Iterator[tuple[str, dict[str, str]]]:
    """Read a delimited text file with a header: locations and rows. Raises `InputError` for other files.

    `with_comments`: lines before the header that begin with `#` are left out.
    """
    with open_records(path, with_comments=with_comments) as (names, records, separator):
        for number, fields in records:
            yield f"{path.name}:{number}", row_of(names, fields, separator)


@contextmanager
def open_records(
    path: Path, *, with_comments: bool = False
) -> Iterator[tuple[list[str], Iterator[tuple[int, list[str]]], str]]:
    """The columns of a file, its records with the numbers of their lines, and its separator."""
    with open_text(path) as text:
        first, separator, n_before = find_header(text.readline, with_comments=with_comments)
        records = split_records(chain([first], text), separator)
        names = header_names(path, next(records, (0, [""]))[1])
        yield names, ((n_before + n, fields) for n, fields in records if any(fields)), separator


def header_names(path: Path, fields: Sequence[str]) -> list[str]:
    """The names of columns. Raises `InputError` where two have the same, since only one could be meant."""
    names = [name.strip().lstrip("\ufeff").strip() for name in fields]
    twice = [name for name, n in Counter(names).items() if n > 1 and name and name not in REPEATED]
    if twice:
        raise InputError(f"{path} has several columns {', '.join(twice)}: rename or remove all but one")
    return names


def row_of(names: list[str], fields: list[str], separator: str) -> dict[str, str]:
    """Fields by the names of columns; see `ragged_reason` for those that are too many or missing."""
    row = dict.fromkeys(names, "")
    if len(row) == len(names):
        row.update(zip(names, fields, strict=False))
    else:
        for name, field in zip(names, fields, strict=False):
            row[name] = f"{row[name]},{field}" if row[name] and field else row[name] or field
    if any(fields[len(names) :]):
        row[EXTRA_FIELDS] = separator.join(fields[len(names) :])
    elif len(fields) < len(names):
        row[MISSING_FIELDS] = f"{len(fields)} fields, expected {len(names)}"
    return row


def ragged_reason(row: Mapping[str, Any]) -> str:
    """Why a row can't be used whose number of fields is not that of the header; empty where it can."""
    if EXTRA_FIELDS in row:
        return "more fields than the header (is a separator part of a text? Then quote that text)"
    return str(row.get(MISSING_FIELDS, ""))


def split_records(lines: Iterator[str], separator: str) -> Iterator[tuple[int, list[str]]]:
    """Numbers of the last lines of records, and their fields; the first record has the names of columns."""
    width = number = 0
    waiting: list[str] = []
    while line := (waiting.pop(0) if waiting else next(lines, "")):
        number += 1
        if '"' not in line:
            fields, is_open = line.rstrip("\r\n").split(separator), False
        else:
            fields, is_open = _split(line.rstrip("\r\n"), separator)
        if is_open:
            following, over_lines = _over_lines(line, width, chain(waiting, lines), separator)
            waiting = [] if over_lines else following
            if over_lines:
                fields, number = over_lines, number + len(following)
        width = width or len(fields)
        yield number, fields


def _over_lines(
    line: str, width: int, lines: Iterator[str], separator: str
) -> tuple[list[str], list[str] | None]:
    """The lines that were looked at, and the fields of a record that goes on over all of them; None for none.

    Such a record must have `width` fields, where that is known.
    """
    read: list[str] = []
    for following in lines:
        read.append(following)
        if '"' in following:
            fields, is_open = _split(f"{line}{''.join(read)}".rstrip("\r\n"), separator)
            if not is_open:
                return read, fields if len(fields) == width or not width else None
        if len(read) >= MAX_LINES_OF_A_FIELD:
            break
    return read, None


def _split(record: str, separator: str) -> tuple[list[str], bool]:
    """Fields of a record, and whether one begins with a quote mark that may be closed on a later line.

    >>> _split('"a ""b"" c","Great" lamp,19"', ",")
    (['a "b" c', '"Great" lamp', '19"'], False)
    """
    try:  # the usual case, at the speed of C
        fields = next(csv.reader((record,), delimiter=separator, strict=True))
        return (list(map(without_formula, fields)) if '="' in record else fields), False
    except (csv.Error, StopIteration):
        pass
    fields = []
    position, is_open = 0, False
    while position <= len(record):
        quoted = (
            _quoted(separator).match(record, position) if record[position : position + 1] == '"' else None
        )
        if quoted is not None:
            fields.append(quoted[0][1:-1].replace('""', '"'))
            end = quoted.end()
        else:
            end = record.find(separator, position)
            end = len(record) if end < 0 else end
            fields.append(without_formula(record[position:end]))
            is_open = is_open or _UNCLOSED.match(record, position) is not None
        position = end + 1
    return fields, is_open


def without_formula(field: str) -> str:
    """A field without what makes a spreadsheet take digits for a text.

    >>> without_formula('="00123"'), without_formula('="a" & "b"')
    ('00123', '="a" & "b"')
    """
    is_text = field.startswith('="') and field.endswith('"') and field.count('"') == 2
    return field[2:-1] if is_text else field


_UNCLOSED = re.compile(r'"[^"]*(?:""[^"]*)*\Z')


@cache
def _quoted(separator: str) -> re.Pattern[str]:
    return re.compile(rf'"[^"]*(?:""[^"]*)*"(?={re.escape(separator)}|\Z)')
