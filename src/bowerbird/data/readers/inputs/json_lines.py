"""Rows of JSON: one object a line, or one array of objects."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from bowerbird.data.readers.inputs.text_files import open_bytes
from bowerbird.errors import InputError

_decode = msgspec.json.Decoder().decode
MAX_SHOWN = 200  # bytes of a line that is not JSON


def read_json_lines(path: Path) -> Iterator[tuple[int, Any]]:
    """Read each line of a file as JSON, with its number; a line that is not JSON is returned as text.

    Raises `InputError` for a file without a single JSON object.
    """
    n_lines = n_objects = 0
    with open_bytes(path) as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            n_lines += 1
            row = decode_json(line)
            n_objects += isinstance(row, dict)
            yield number, row
    if n_lines and not n_objects:
        raise InputError(f"{path} has {n_lines} lines and none is a JSON object: write one event per line")


def decode_json(line: bytes) -> Any:
    """A decoded line; its first bytes as text where it is not JSON."""
    try:
        return _decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        try:
            return json.loads(line)  # half a character, which trackers cut off, is no reason to lose an event
        except (ValueError, RecursionError):
            return line[:MAX_SHOWN].decode(errors="replace")
