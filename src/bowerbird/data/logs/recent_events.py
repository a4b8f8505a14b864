"""The latest live events in memory, so that following the log need not read them back from disk."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from itertools import islice

from bowerbird.data.events import Event

MAX_CACHED = 4096  # events


class RecentEvents:
    """The latest events that this process wrote itself, so that following the log need not read them back.

    Valid only while no other process has written since, and generation (an erased user's events are gone) and
    file are the same: `of` identifies both. Safe to use from several threads.
    """

    def __init__(self) -> None:
        self._events: deque[Event] = deque(maxlen=MAX_CACHED)
        self._last = 0  # `seq` of the last of them; they are consecutive
        self._valid_for: object = None
        self._lock = threading.Lock()

    def add(self, events: Sequence[Event], last: int, of: object) -> None:
        """Add events that were just written; `last` is the `seq` of the last one."""
        with self._lock:
            if of != self._valid_for or last - len(events) != self._last:
                self._events.clear()
            self._events.extend(events)
            self._last, self._valid_for = last, of

    def since(self, seq: int, last: int, of: object) -> list[Event] | None:
        """The events after `seq`, where `last` is the log's last `seq`; None where they are not all
        cached."""
        with self._lock:
            count = last - seq
            if of != self._valid_for or last != self._last or not 0 <= count <= len(self._events):
                return None
            return list(islice(self._events, len(self._events) - count, None))
