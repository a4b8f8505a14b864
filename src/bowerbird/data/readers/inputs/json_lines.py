"""Rows of JSON: one object a line, or one array of objects."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from bowerbird.data.readers.inputs.text_files import lines_in_utf8, open_bytes
from bowerbird.errors import InputError

_decode = msgspec.json.Decoder().decode
_decode_array = msgspec.json.Decoder(list[msgspec.Raw]).decode
_BEFORE_JSON = b"\xef\xbb\xbf \t\r\n"
MAX_SHOWN = 200  # bytes of a line that is not JSON


def read_json_lines(path: Path) -> Iterator[tuple[int, Any]]:
    """Read each line of a file as JSON, with its number, or each object of an array.

    A line that is not JSON is returned as text. Raises `InputError` for a file without a single JSON object.
    """
    n_rows = n_objects = 0
    for number, line in read_encoded_lines(path):
        row = decode_json(line)
        n_rows += 1
        n_objects += isinstance(row, dict)
        yield number, row
    require_objects(path, n_rows, n_objects)


def require_objects(path: Path, n_rows: int, n_objects: int) -> None:
    """Raise `InputError` for a file that has rows, and no object."""
    if n_rows and not n_objects:
        raise InputError(f"{path} has {n_rows} lines and none is a JSON object: write one event per line")


def read_encoded_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Each line of a file that is not blank, with its number, or each element of an array, encoded."""
    with open_bytes(path) as file:
        numbered = enumerate(lines_in_utf8(path, file), start=1)
        number, first = next(((number, line) for number, line in numbered if line.strip()), (0, b""))
        if first.lstrip(_BEFORE_JSON).startswith(b"[") or first.strip() == b"{":
            whole = first + b"".join(line for _, line in numbered)
            elements = _elements(whole)
            if elements is not None:
                yield from enumerate(elements, start=1)
                return
            numbered = enumerate(whole.splitlines(), start=number)
        elif first:
            yield number, first
        yield from ((number, line) for number, line in numbered if line.strip())


def _elements(whole: bytes) -> list[bytes] | None:
    """The encoded elements of an array, or the one object that is no array; None where it is not JSON."""
    try:
        return [bytes(element) for element in _decode_array(whole)]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        decoded = decode_json(whole)
    if isinstance(decoded, str):
        return None
    return [json.dumps(element).encode() for element in (decoded if isinstance(decoded, list) else [decoded])]


def decode_json(line: bytes) -> Any:
    """A decoded line; its first bytes as text where it is not JSON."""
    try:
        return _decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        try:
            return json.loads(line)  # half a character, which trackers cut off, is no reason to lose an event
        except (ValueError, RecursionError):
            return line[:MAX_SHOWN].decode(errors="replace")
