"""The form of a file by its first bytes, whatever it is called: Parquet, XML, JSON, or a table of text."""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import Path

from bowerbird.data.readers.inputs.text_files import open_bytes
from bowerbird.errors import InputError

SAMPLE_BYTES = 1 << 16
_BEFORE_TEXT = b"\xef\xbb\xbf\xff\xfe\x00 \t\r\n"
"""Bytes of marks and blanks, in UTF-8 and UTF-16."""
_TAR_AT = 257
"""Where an archive of tar says that it is one."""
_LINE_OF_JSON = re.compile(rb'^\s*\{\s*"', re.MULTILINE)
"""Where a first line is damaged, the others still tell."""


class Form(StrEnum):
    """What a file is, before anybody asks what it means."""

    PARQUET = "parquet"
    XML = "xml"
    JSON = "json"
    TEXT = "text"
    """A table, or nothing known."""


def form_of(path: Path) -> Form:
    """The form of a file, decompressed. Raises `InputError` where it can't be read."""
    with open_bytes(path) as file:
        start = file.read(SAMPLE_BYTES)
    if start.startswith(b"PAR1"):
        return Form.PARQUET
    if start[_TAR_AT : _TAR_AT + 5] == b"ustar":
        raise InputError(f"{path} is a tar archive: unpack it and name its files")
    first = start.lstrip(_BEFORE_TEXT)[:1]
    is_json = first in (b"{", b"[") or _LINE_OF_JSON.search(start) is not None
    return Form.XML if first == b"<" else Form.JSON if is_json else Form.TEXT
