"""Check SQLite's write-ahead file for damage: SQLite itself silently drops everything after a damaged frame.

After a crash the file may end in an incomplete commit, which was never acknowledged. But where a frame is
broken and a complete later commit follows, acknowledged data was damaged afterwards, and opening the database
would drop it. So this module reads the file first, in the format that SQLite documents
(https://www.sqlite.org/fileformat2.html#the_write_ahead_log).
"""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bowerbird.data.arrays import BoolArray

Checksums = NDArray[np.uint64]

# Layout of the file: a header of 32 bytes (magic number, version, page size, checkpoint number, two salts,
# two checksums; four bytes each), then frames of 24 bytes (page number, size of the database after a commit
# or 0, the two salts, two checksums) and one page each. Checksums run on from frame to frame.
_HEADER, _FRAME = 32, 24
_MAGIC = 0x377F0682  # the last bit: checksums are of big-endian words
_MASK = 0xFFFFFFFF
_MASK_OF_WORDS = np.uint64(_MASK)


def damaged_commits(path: Path) -> int:
    """Number of commits after the first broken frame, without the last, possibly incomplete one.

    0 for an intact file, for one that ends in a single broken commit, and for a missing one.
    """
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        return 0
    if len(raw) < _HEADER + _FRAME:
        return 0
    magic, _, page_size = struct.unpack(">3I", raw[:12])
    words = np.dtype(">u4" if magic & 1 else "<u4")
    header_sums = struct.unpack(">2I", raw[24:_HEADER])
    sums = _accumulate((0, 0), *_affine_checksums(np.frombuffer(raw[:24], words)[None]))[0]
    if magic & ~1 != _MAGIC or sums != header_sums:
        # The header is flushed before any frame: a broken header followed by frames was damaged later.
        return int(any(raw[_HEADER : _HEADER + _FRAME]))
    # A partly written last frame is no damage: nothing of it was acknowledged.
    count = (len(raw) - _HEADER) // (_FRAME + page_size)
    frames = np.frombuffer(raw, np.uint8, count * (_FRAME + page_size), _HEADER).reshape(
        count, _FRAME + page_size
    )
    # A checkpoint does not truncate the file: it writes a header with other salts and starts over.
    has_salt = (frames[:, 8:16] == np.frombuffer(raw[16:24], np.uint8)).all(axis=1)
    last = int(np.flatnonzero(has_salt)[-1]) + 1 if has_salt.any() else 0
    return _commits_after_damage(frames[:last], has_salt[:last], words, sums)


def _commits_after_damage(
    frames: NDArray[np.uint8], has_salt: BoolArray, words: np.dtype[np.uint32], sums: tuple[int, int]
) -> int:
    """Number of commits, as in `damaged_commits`.

    `frames` are (N, 24 + page) bytes, `has_salt` (N,) bool says which have the header's salt, and `sums` is
    the header's checksum, with which the running checksum starts.
    """
    # Of a frame the first eight bytes and the page are summed, not the salts and not the checksums.
    checksummed = np.concatenate([frames[:, :8], frames[:, _FRAME:]], axis=1).view(words)
    stored_sums = np.ascontiguousarray(frames[:, 16:_FRAME]).view(">u4").tolist()
    computed_sums = _accumulate(sums, *_affine_checksums(checksummed))
    broken_rows = (
        row
        for row, stored in enumerate(stored_sums)
        if tuple(stored) != computed_sums[row] or not has_salt[row]
    )
    first_broken = next(broken_rows, len(frames))
    # Only the last frame of a commit has the database's size.
    ends_commit = (frames[first_broken:, 4:8] != 0).any(axis=1)
    # A frame follows: that commit was complete and acknowledged. The very last one may be incomplete.
    return int(ends_commit[:-1].sum())


def _affine_checksums(words: NDArray[np.uint32]) -> tuple[Checksums, Checksums]:
    """SQLite's checksum of N runs of words, (N, 2 n), as an affine map: the added terms (N, 2), and the
    matrix (2, 2) that multiplies the checksum before a run.

    For each pair of words a, b the checksum (s, t) becomes s' = s + t + a, t' = t + s' + b, modulo 2^32
    (https://www.sqlite.org/fileformat2.html#checksum_algorithm). That is linear, so all runs are one matrix
    product instead of a loop over millions of words.
    """
    step, word_matrix = np.array([[1, 1], [1, 2]], np.uint64), np.array([[1, 0], [1, 1]], np.uint64)
    power: Checksums = np.eye(2, dtype=np.uint64)
    weights = []
    # After k pairs the checksum is step^k · before + Σ step^(k − 1 − i) · word_matrix · pair i, modulo 2^32.
    for _ in range(words.shape[1] // 2):
        weights.append(power @ word_matrix & _MASK_OF_WORDS)
        power = power @ step & _MASK_OF_WORDS
    weight_matrix = np.stack(weights[::-1]).transpose(0, 2, 1).reshape(-1, 2)  # (2 n, 2)
    return words.astype(np.uint64) @ weight_matrix & _MASK_OF_WORDS, power


def _accumulate(sums: tuple[int, int], added: Checksums, matrix: Checksums) -> list[tuple[int, int]]:
    """The running checksum after each run, N pairs."""
    (a, b), (c, d) = matrix.tolist()
    running_sums = []
    for first, second in added.tolist():
        sums = (a * sums[0] + b * sums[1] + first) & _MASK, (c * sums[0] + d * sums[1] + second) & _MASK
        running_sums.append(sums)
    return running_sums
