"""Is SQLite's write-ahead file whole? SQLite itself drops silently what lies behind a damaged page of it.

After a crash the file may end in a commit that was cut short: that one was never acknowledged. But where a
frame is broken and a whole later commit follows, something acknowledged was damaged afterwards, and opening
the database would throw it away. So this reads the file first, by the format that SQLite documents
(https://www.sqlite.org/fileformat2.html#the_write_ahead_log).
"""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

_HEADER, _FRAME = 32, 24
_MAGIC = 0x377F0682  # the last bit says that checksums read big-endian words
_MASK = 0xFFFFFFFF


def damaged_commits(path: Path) -> int:
    """How many commits lie behind the first broken frame, not counting the one that was broken last.

    0 for a whole file, one that ends in a single broken commit, and for none.
    """
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        return 0
    if len(raw) < _HEADER + _FRAME:
        return 0
    magic, _, page_size = struct.unpack(">3I", raw[:12])
    words = np.dtype(">u4" if magic & 1 else "<u4")
    told = struct.unpack(">2I", raw[24:_HEADER])
    sums = _carried((0, 0), *_checksums(np.frombuffer(raw[:24], words)[None]))[0]
    if magic & ~1 != _MAGIC or sums != told:
        # It is flushed before any frame is written: a broken one with frames behind it was damaged.
        return int(any(raw[_HEADER : _HEADER + _FRAME]))
    count = (len(raw) - _HEADER) // (_FRAME + page_size)
    frames = np.frombuffer(raw, np.uint8, count * (_FRAME + page_size), _HEADER).reshape(
        count, _FRAME + page_size
    )
    ours = (frames[:, 8:16] == np.frombuffer(raw[16:24], np.uint8)).all(axis=1)
    last = int(np.flatnonzero(ours)[-1]) + 1 if ours.any() else 0
    return _commits_behind_damage(frames[:last], ours[:last], words, sums)  # behind: an earlier round's


def _commits_behind_damage(
    frames: np.ndarray, ours: np.ndarray, words: np.dtype[np.uint32], sums: tuple[int, int]
) -> int:
    """Of frames, (N, 24 + page) bytes, and whether each has the header's salt, given its checksum."""
    summed = np.concatenate([frames[:, :8], frames[:, _FRAME:]], axis=1).view(words)
    told = np.ascontiguousarray(frames[:, 16:_FRAME]).view(">u4").tolist()
    found = _carried(sums, *_checksums(summed))
    broken = (row for row, one in enumerate(told) if tuple(one) != found[row] or not ours[row])
    whole = next(broken, len(frames))
    ends = (frames[whole:, 4:8] != 0).any(axis=1)  # a commit's last frame tells the size of the database
    return int(ends[:-1].sum())  # a frame after it: that commit was finished, and acknowledged


def _checksums(words: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """SQLite's checksum of N runs of words, (N, 2 n): what each adds, (N, 2), and how it turns
    the one before, (2, 2).

    For each two words a, b it goes from (s, t) to (s + t + a, t + b + the new s), modulo 2^32. That is
    linear, so all runs are one matrix product instead of a loop over millions of words.
    """
    step, new = np.array([[1, 1], [1, 2]], np.uint64), np.array([[1, 0], [1, 1]], np.uint64)
    turned: np.ndarray = np.eye(2, dtype=np.uint64)
    weights = []
    for _ in range(words.shape[1] // 2):
        weights.append(turned @ new & _MASK)
        turned = turned @ step & _MASK
    ahead = np.stack(weights[::-1]).transpose(0, 2, 1).reshape(-1, 2)  # (2 n, 2)
    return words.astype(np.uint64) @ ahead & _MASK, turned


def _carried(sums: tuple[int, int], added: np.ndarray, turn: np.ndarray) -> list[tuple[int, int]]:
    """The running checksum after each run."""
    (a, b), (c, d) = turn.tolist()
    result = []
    for first, second in added.tolist():
        sums = (a * sums[0] + b * sums[1] + first) & _MASK, (c * sums[0] + d * sums[1] + second) & _MASK
        result.append(sums)
    return result
