"""Runs the stages of a long command, and records the time and memory of each."""

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
    """One stage: wall-clock seconds, and the process's peak memory when it ended, in MiB."""

    name: str
    seconds: float
    peak_memory_mb: float


class StageTimer:
    """`run(name, work)` does the work and records its cost; `runs` lists the costs in order."""

    def __init__(self) -> None:
        self.runs: list[StageRun] = []

    def run(self, name: str, work: Callable[[], T]) -> T:
        """Do the work and record its seconds and peak memory; returns what it returned."""
        print(f"· {name} …", file=sys.stderr, flush=True)
        start = time.perf_counter()
        result = work()
        self.runs.append(StageRun(name, time.perf_counter() - start, peak_memory_mb()))
        last = self.runs[-1]
        print(f"  {last.seconds:.1f} s, peak memory {last.peak_memory_mb:.0f} MiB", file=sys.stderr)
        return result


def peak_memory_mb() -> float:
    """Highest resident memory of this process so far, in MiB (Linux counts KiB, macOS bytes)."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)
