"""Waiting for something that other processes and threads do: the one place where a test lets time pass."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
PATIENCE_S = 60.0
"""Long enough for a busy machine: a test that waits for what never comes fails after it."""
POLL_S = 0.02


def wait_until(condition: Callable[[], T], expected: str, seconds: float = PATIENCE_S) -> T:
    """Poll until `condition` returns something true, and return it.

    Raises `AssertionError` that names what was `expected` where it does not come in time.
    """
    deadline, pause = time.monotonic() + seconds, threading.Event()
    while not (outcome := condition()):
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {expected}"
        pause.wait(POLL_S)
    return outcome
