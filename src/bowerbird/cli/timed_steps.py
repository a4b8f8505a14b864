"""Runs the stages of a long command one by one, and notes the time and memory that each took."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class StageRun:
    """One stage that ran: wall-clock seconds, and the process's peak memory when it ended, in MiB."""

    name: str
    seconds: float
    peak_memory_mb: float


class Stages:
    """`run(name, work)` does the work and keeps its cost; `ran` lists them in order."""

    def __init__(self) -> None:
        self.ran: list[StageRun] = []

    def run(self, name: str, work: Callable[[], T]) -> T:
        print(f"· {name} …", file=sys.stderr, flush=True)
        start = time.perf_counter()
        result = work()
        self.ran.append(StageRun(name, time.perf_counter() - start, peak_memory_mb()))
        last = self.ran[-1]
        print(f"  {last.seconds:.1f} s, {last.peak_memory_mb:.0f} MiB at most", file=sys.stderr)
        return result


def peak_memory_mb() -> float:
    """Highest resident memory of this process so far, in MiB (Linux counts KiB, macOS bytes)."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)
