"""Read positions in files that are still being written, and the lines after them."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from bowerbird.data.readers.messages import MOST_BYTES

HEAD_BYTES = 256  # of a file, which distinguish it from another one with the same inode


@dataclass(frozen=True)
class Position:
    """How far a file was read, in bytes, and the hash of its first `head_bytes`."""

    offset: int = 0
    head_bytes: int = 0
    head: str = ""
    skipping: bool = False
    """Whether the offset lies inside a line that was too long."""


def read_lines(file: int, offset: int) -> Iterator[tuple[bytes, bool]]:
    """Lines of an open file from an offset, each with whether it is complete; a line still being written is
    left.

    Reads are unbuffered: a file that was truncated and rewritten must not be served from an old buffer.
    """
    while block := os.pread(file, 2 * MOST_BYTES, offset):
        start = 0
        while end := block.find(b"\n", start) + 1:
            yield block[start:end], True
            start = end
        remainder = block[start:]
        offset += start
        if len(remainder) > MOST_BYTES:
            yield remainder, False
            offset += len(remainder)
        elif not start:
            if _is_complete_object(remainder):
                yield remainder, True
            return


def is_same_file(file: int, position: Position) -> bool:
    """Whether a file is the one that a position refers to."""
    head = os.pread(file, position.head_bytes, 0)
    return _hash(head) == position.head and os.fstat(file).st_size >= position.offset


def with_head(file: int, position: Position) -> Position:
    """Add the hash of the file's first bytes to a position."""
    if position.head_bytes == HEAD_BYTES:
        return position
    head = os.pread(file, min(HEAD_BYTES, position.offset), 0)
    return replace(position, head_bytes=len(head), head=_hash(head))


def position_at_end(path: Path) -> Position:
    """The position at the current end of a file."""
    file = os.open(path, os.O_RDONLY)
    try:
        return with_head(file, Position(offset=os.fstat(file).st_size))
    finally:
        os.close(file)


def _hash(head: bytes) -> str:
    return hashlib.blake2b(head, digest_size=8).hexdigest() if head else ""


def _is_complete_object(line: bytes) -> bool:
    """Whether a line without a newline is a complete JSON object (no proper prefix of one is)."""
    if not line.rstrip().endswith(b"}"):
        return False
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False
