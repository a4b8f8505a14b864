"""Is SQLite's write-ahead file whole? SQLite itself drops silently what lies behind a damaged page of it.

After a crash the file may end in a commit that was cut short: that one was never acknowledged. But where a
frame is broken and a whole later commit follows, something acknowledged was damaged afterwards, and opening
the database would throw it away. So this reads the file first, by the format that SQLite documents
(https://www.sqlite.org/fileformat2.html#the_write_ahead_log).
"""

from __future__ import annotations

import struct
from pathlib import Path

_HEADER, _FRAME = 32, 24
_MAGIC = 0x377F0682  # the last bit says that checksums read big-endian words


def damaged_commits(path: Path) -> int:
    """How many commits lie behind the first broken frame, not counting the one that was broken last.

    0 for a whole file, one that ends in a single broken commit, and for none.
    """
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        return 0
    if len(raw) < _HEADER:
        return 0
    magic, _, page_size = struct.unpack(">3I", raw[:12])
    order = ">" if magic & 1 else "<"
    sums = _checksum(raw[:24], order, (0, 0))
    header_whole = magic & ~1 == _MAGIC and sums == struct.unpack(">2I", raw[24:32])
    salts = raw[16:24]
    if not header_whole:
        return _commits_anyway(raw)
    whole, behind, ended = True, 0, False
    for start in range(_HEADER, len(raw) - _FRAME - page_size + 1, _FRAME + page_size):
        head, page = raw[start : start + _FRAME], raw[start + _FRAME : start + _FRAME + page_size]
        if head[8:16] != salts:
            if whole:
                break  # frames of an earlier round, already in the database
            continue
        if whole:
            sums = _checksum(page, order, _checksum(head[:8], order, sums))
            whole = sums == struct.unpack(">2I", head[16:24])
        if not whole:
            behind += ended  # a frame after a commit's last one: that commit was finished, and acknowledged
            ended = head[4:8] != b"\0\0\0\0"
    return behind


def _commits_anyway(raw: bytes) -> int:
    """A header is written once and flushed before any frame: broken with frames behind it, it was damaged."""
    return int(len(raw) > _HEADER + _FRAME and any(raw[_HEADER : _HEADER + _FRAME]))


def _checksum(data: bytes, order: str, sums: tuple[int, int]) -> tuple[int, int]:
    first, second = sums
    words = struct.unpack(f"{order}{len(data) // 4}I", data)
    for even, odd in zip(words[::2], words[1::2], strict=True):
        first = (first + even + second) & 0xFFFFFFFF
        second = (second + odd + first) & 0xFFFFFFFF
    return first, second
