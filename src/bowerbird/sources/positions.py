"""Where we are in a file that others write, and its lines from there on."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from bowerbird.data.readers.messages import MOST_BYTES

HEAD_BYTES = 256  # of a file, by which it is told from another with the same inode


@dataclass(frozen=True)
class Position:
    """How far a file was read, in bytes, and the hash of its first `head_bytes`."""

    offset: int = 0
    head_bytes: int = 0
    head: str = ""
    skipping: bool = False
    """Whether the offset lies inside of a line that was too long."""


def lines_from(file: int, offset: int) -> Iterator[tuple[bytes, bool]]:
    """Lines of an open file from a byte on, each with whether it is whole; one being written is left.

    Read past any buffer of ours: a file that was cut and written again must not be met in an old one.
    """
    while block := os.pread(file, 2 * MOST_BYTES, offset):
        start = 0
        while end := block.find(b"\n", start) + 1:
            yield block[start:end], True
            start = end
        rest = block[start:]
        offset += start
        if len(rest) > MOST_BYTES:
            yield rest, False
            offset += len(rest)
        elif not start:
            if _is_object(rest):
                yield rest, True
            return


def fits(file: int, position: Position) -> bool:
    """Whether a file is the one that a position was taken in."""
    head = os.pread(file, position.head_bytes, 0)
    return _hash(head) == position.head and os.fstat(file).st_size >= position.offset


def with_head(file: int, position: Position) -> Position:
    """A position that also knows by which first bytes its file is told from others."""
    if position.head_bytes == HEAD_BYTES:
        return position
    head = os.pread(file, min(HEAD_BYTES, position.offset), 0)
    return replace(position, head_bytes=len(head), head=_hash(head))


def ended(path: Path) -> Position:
    """The end of a file as it is now."""
    file = os.open(path, os.O_RDONLY)
    try:
        return with_head(file, Position(offset=os.fstat(file).st_size))
    finally:
        os.close(file)


def _hash(head: bytes) -> str:
    return hashlib.blake2b(head, digest_size=8).hexdigest() if head else ""


def _is_object(line: bytes) -> bool:
    """Whether a line without its end is a whole JSON object; no beginning of one is."""
    if not line.rstrip().endswith(b"}"):
        return False
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False
