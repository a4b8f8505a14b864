"""Progress of a fetch on standard error: how many, how fast, and the time left."""

from __future__ import annotations

import sys
import time

INTERVAL_S = {True: 0.5, False: 15.0}  # by whether standard error is a terminal


class FetchProgress:
    """Prints a line now and then."""

    def __init__(self, total: int) -> None:
        self._total, self._count, self._broken = total, 0, 0
        self._is_terminal = sys.stderr.isatty()
        self._start = self._printed_at = time.monotonic()

    def advance(self, *, is_broken: bool) -> None:
        """Count one more link."""
        self._count += 1
        self._broken += is_broken
        now = time.monotonic()
        if now - self._printed_at < INTERVAL_S[self._is_terminal]:
            return
        self._printed_at = now
        line = describe(self._count, self._total, self._broken, now - self._start)
        start, end = ("\r\x1b[K", "") if self._is_terminal else ("", "\n")
        print(f"{start}{line}", end=end, file=sys.stderr, flush=True)

    def close(self) -> None:
        """Clear the line."""
        if self._is_terminal:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def describe(count: int, total: int, broken: int, seconds: float) -> str:
    """One line of progress.

    >>> describe(500, 2000, 3, 10.0)
    'fetching pictures: 500 of 2,000, 50 a second, 30 s left, 3 broken'
    """
    rate = count / max(seconds, 1e-9)
    left_s = (total - count) / rate
    remaining = f"{left_s / 60:.0f} min" if left_s > 120 else f"{left_s:.0f} s"
    broken_links = f", {broken:,} broken" if broken else ""
    return f"fetching pictures: {count:,} of {total:,}, {rate:,.0f} a second, {remaining} left{broken_links}"
