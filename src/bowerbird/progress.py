"""Progress of long work, on standard error, so that standard output stays for results."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


def track(work: Iterable[T], label: str, total: int | None = None) -> Iterator[T]:
    """Yield from `work` while a bar named `label` shows how much of `total` is done.

    The bar is drawn on a terminal only: a log file gets no thousand half-lines.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    if total is None and isinstance(work, Sequence):
        total = len(work)
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        yield from bar.track(work, total=total, description=label)


@dataclass
class BytesRead:
    """Bytes that readers have read of the files being imported, for the progress of an import."""

    count: int = 0

    def add(self, n: int) -> None:
        """Count n more bytes."""
        self.count += n


BYTES_READ = BytesRead()
"""Of this process: one import runs at a time."""


def tell(line: str) -> None:
    """One line of news about long work, to a terminal and to a log file alike."""
    print(line, file=sys.stderr, flush=True)
