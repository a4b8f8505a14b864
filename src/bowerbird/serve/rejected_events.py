"""Events that were refused over HTTP, in the store's reports, where an erasure finds them."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from anyio import CapacityLimiter, to_thread

from bowerbird.data.readers.records import RejectedRow
from bowerbird.data.store import Store

MAX_BYTES = 50 * 2**20
"""Of one process's file: a client that sends nothing but refused events must not fill the disk."""
MAX_MESSAGE = 10_000  # characters of one message
_log = logging.getLogger(__name__)


class RejectedEvents:
    """The file of one server process, begun with the first refused event. For one event loop."""

    def __init__(self, store: Store) -> None:
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
        self.path = store.reports / f"refused-http-{stamp}-{os.getpid()}.jsonl"
        self._thread = CapacityLimiter(1)
        self._is_full = False
        self._pending: list[str] = []
        self._writing = asyncio.Lock()

    async def write(self, rejected: Sequence[tuple[Any, str]]) -> None:
        """Append messages with their reasons; requests that arrive meanwhile share the next write."""
        self._pending += [_line(message, reason) for message, reason in rejected]
        async with self._writing:
            lines, self._pending = self._pending, []
            if lines and not self._is_full:
                await to_thread.run_sync(self._append, lines, limiter=self._thread)

    def _append(self, lines: Sequence[str]) -> None:
        try:
            # Opened each time, because an erasure replaces the file.
            with self.path.open("a", encoding="utf-8", errors="replace") as file:
                file.writelines(lines)
                self._is_full = file.tell() > MAX_BYTES
        except OSError as error:
            _log.error("%s can't be written (%s): refused events are only counted", self.path, error.strerror)
            return
        if self._is_full:
            _log.error(
                "%s has %s bytes: further refused events are only counted", self.path, f"{MAX_BYTES:,}"
            )


def _line(message: Any, reason: str) -> str:
    line = RejectedRow("events", reason, "", message).as_line()
    return (
        line if len(line) <= MAX_MESSAGE else RejectedRow("events", reason, "", line[:MAX_MESSAGE]).as_line()
    )
