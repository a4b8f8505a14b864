"""Progress of long work, on standard error, so that standard output stays for results."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")

LINE_INTERVAL_S = 30.0
"""Between two lines of progress in a log file."""


def track(work: Iterable[T], label: str, total: int | None = None) -> Iterator[T]:
    """Yield from `work` while a bar named `label` shows how much of `total` is done.

    The bar is drawn on a terminal; a log file gets a line now and then, none for work that is soon done.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    if total is None and isinstance(work, Sequence):
        total = len(work)
    console = Console(stderr=True)
    if not console.is_terminal:
        yield from _print_progress(work, label, total)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        yield from bar.track(work, total=total, description=label)


def _print_progress(work: Iterable[T], label: str, total: int | None) -> Iterator[T]:
    start = printed_at = time.monotonic()
    for count, each in enumerate(work, start=1):
        yield each
        now = time.monotonic()
        if now - printed_at >= LINE_INTERVAL_S:
            printed_at = now
            print_progress(describe_progress(label, count, total, now - start))


def describe_progress(label: str, count: int, total: int | None, seconds: float) -> str:
    """One line of progress: how much of `total` is done, the rate, and the time left.

    >>> describe_progress("evaluating", 30, 120, 60.0)
    'evaluating: 30 of 120, 30 a minute, 3 min left'
    """
    rate = count / max(seconds, 1e-9)
    speed = f"{rate:,.0f} a second" if rate >= 10 else f"{60 * rate:,.0f} a minute"
    if total is None:
        return f"{label}: {count:,}, {speed}"
    return f"{label}: {count:,} of {total:,}, {speed}, {format_time_left((total - count) / rate)}"


def format_time_left(seconds: float) -> str:
    """The time left of long work.

    >>> format_time_left(90), format_time_left(1800)
    ('90 s left', '30 min left')
    """
    return f"{seconds / 60:.0f} min left" if seconds > 120 else f"{seconds:.0f} s left"


@dataclass
class BytesRead:
    """Bytes that readers have read of the files being imported, for the progress of an import."""

    count: int = 0

    def add(self, n: int) -> None:
        """Count n more bytes."""
        self.count += n


BYTES_READ = BytesRead()
"""Of this process: one import runs at a time."""


def print_progress(line: str) -> None:
    """Print one line about the progress of long work, to a terminal and to a log file alike."""
    print(line, file=sys.stderr, flush=True)
