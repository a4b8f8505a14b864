"""Progress of an import on standard error: rate, share of the files read, and time left."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from bowerbird.progress import BYTES_READ, format_time_left

T = TypeVar("T")

INTERVAL_S = {True: 0.5, False: 15.0}  # by whether standard error is a terminal


def size_of(paths: Sequence[Path]) -> int:
    """Bytes of files, and of all files in folders."""
    files = [file for path in paths for file in (path.rglob("*") if path.is_dir() else (path,))]
    return sum(file.stat().st_size for file in files if file.is_file())


class ImportProgress:
    """Prints a line now and then; `rows` counts what was read so far."""

    def __init__(self, label: str, total_bytes: int) -> None:
        self.rows = 0
        self._label, self._total = label, total_bytes
        self._is_terminal = sys.stderr.isatty()
        self._start = self._printed_at = time.monotonic()
        BYTES_READ.count = 0

    def track(self, records: Iterable[T]) -> Iterator[T]:
        """Yield records, printing progress between them."""
        for record in records:
            yield record
            if time.monotonic() - self._printed_at >= INTERVAL_S[self._is_terminal]:
                self._print()
        if self._is_terminal:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)

    def _print(self) -> None:
        self._printed_at = time.monotonic()
        line = describe(self._label, self.rows, self._printed_at - self._start, BYTES_READ.count, self._total)
        print(f"\r\x1b[K{line}" if self._is_terminal else line, end="" if self._is_terminal else "\n",
              file=sys.stderr, flush=True)  # fmt: skip


def describe(label: str, rows: int, seconds: float, bytes_read: int, total_bytes: int) -> str:
    """One line of progress.

    >>> describe("importing hm", 500_000, 10.0, 250, 1000)
    'importing hm: 500,000 rows, 50,000 a second, 25 %, 30 s left'
    """
    line = f"{label}: {rows:,} rows, {rows / max(seconds, 1e-9):,.0f} a second"
    if not 0 < bytes_read <= total_bytes:
        return line
    time_left = format_time_left(seconds * (total_bytes - bytes_read) / bytes_read)
    return f"{line}, {100 * bytes_read // total_bytes} %, {time_left}"
