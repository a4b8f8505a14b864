"""Group commit for requests: those that arrive during an ingestion wait, and are ingested together.

The log does the same for threads (`group_commit`). Here it happens before a thread is needed: at hundreds of
requests a second most of the time would go into waking threads and checking the log, not into the disk.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from anyio import CapacityLimiter, to_thread

from bowerbird.data.events import Event
from bowerbird.data.ingest.event_checks import IngestionResult
from bowerbird.errors import InputError

Ingest = Callable[[Sequence[Sequence[Event]]], list[IngestionResult]]
MAX_REQUESTS = 500
"""Most requests ingested together; bounds how long the next ones wait."""


class EventBatcher:
    """Passes the events of waiting requests to `ingest`, one call at a time. For one event loop."""

    def __init__(self, ingest: Ingest) -> None:
        self._ingest = ingest
        # A thread of its own: the shared ones may all be busy, and events must not wait.
        self._thread = CapacityLimiter(1)
        self._waiting: list[tuple[Sequence[Event], asyncio.Future[IngestionResult]]] = []
        self._ingesting: asyncio.Task[None] | None = None

    async def add(self, events: Sequence[Event]) -> IngestionResult:
        """Ingest one request's events, durably when this returns. Raises what `ingest` raises."""
        if not events:
            return IngestionResult(0, 0, [])
        future: asyncio.Future[IngestionResult] = asyncio.get_running_loop().create_future()
        self._waiting.append((events, future))
        if self._ingesting is None:
            self._ingesting = asyncio.create_task(self._ingest_waiting())
        return await future

    async def _ingest_waiting(self) -> None:
        try:
            while self._waiting:
                requests, self._waiting = self._waiting[:MAX_REQUESTS], self._waiting[MAX_REQUESTS:]
                results = await self._ingest_batches([events for events, _ in requests])
                for (_, future), result in zip(requests, results, strict=True):
                    if future.done():  # the request was cancelled
                        continue
                    if isinstance(result, IngestionResult):
                        future.set_result(result)
                    else:
                        future.set_exception(result)
        finally:
            self._ingesting = None

    async def _ingest_batches(
        self, batches: Sequence[Sequence[Event]]
    ) -> Sequence[IngestionResult | Exception]:
        try:
            return await to_thread.run_sync(self._ingest, batches, limiter=self._thread)
        except InputError as error:  # invalid events of one request must not fail the others
            if len(batches) == 1:
                return [error]
            return [result for batch in batches for result in await self._ingest_batches([batch])]
        except Exception as error:
            return [error] * len(batches)
