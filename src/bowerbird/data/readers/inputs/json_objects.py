"""Objects of JSON files: one a line, an array of them, or a list inside one object."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from bowerbird.data.readers.inputs.json_lines import decode_json
from bowerbird.data.readers.inputs.text_files import lines_in_utf8, open_bytes
from bowerbird.errors import InputError

LISTS = ("products", "items", "@graph", "data")
"""Fields that hold the list where the file is one object."""


def read_json_objects(path: Path, lists: Sequence[str] = LISTS) -> Iterator[tuple[str, Any]]:
    """The objects of a file with their locations; what is no object comes as its text.

    Raises `InputError` for a file without a single object.
    """
    n_objects = n_rows = 0
    for location, row in _rows(path, lists):
        n_rows += 1
        n_objects += isinstance(row, dict)
        yield location, row
    if n_rows and not n_objects:
        raise InputError(f"{path} holds no JSON object: expected are one object a line, or an array of them")


def _rows(path: Path, lists: Sequence[str]) -> Iterator[tuple[str, Any]]:
    with open_bytes(path) as file:
        lines = lines_in_utf8(path, file)
        first = next((line for line in lines if line.strip()), b"")
        whole = decode_json(first.strip()) if first.strip() else None
        if isinstance(whole, dict) and not _list_of(whole, lists):
            yield f"{path.name}:1", whole
            for number, line in enumerate(lines, start=2):
                if line.strip():
                    yield f"{path.name}:{number}", decode_json(line)
            return
        if isinstance(whole, str) or whole is None:  # the first line is no JSON by itself
            whole = decode_json(first + b"".join(lines))
    if isinstance(whole, dict):
        whole = _list_of(whole, lists) or [whole]
    for number, row in enumerate(whole if isinstance(whole, list) else [whole], start=1):
        yield f"{path.name}: object {number}", row


def _list_of(record: dict[str, Any], lists: Sequence[str]) -> list[Any] | None:
    return next((record[name] for name in lists if isinstance(record.get(name), list)), None)
