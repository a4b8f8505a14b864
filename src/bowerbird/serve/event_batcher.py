"""Requests that bring events while others are being taken in wait together, and are taken in as one.

The log does that for threads too (`group_commit`). Here it happens before there is a thread: at hundreds of
requests a second most of the time goes into waking threads and looking at the log, not into the disk.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from anyio import CapacityLimiter, to_thread

from bowerbird.data.events import Event
from bowerbird.errors import InputError
from bowerbird.serve.app_state import Learnt

Take = Callable[[Sequence[Sequence[Event]]], list[Learnt]]
MOST_LOTS = 500
"""Requests taken in together: it bounds how long the next ones wait."""


class Gathering:
    """Hands lots of events to `take`, one call at a time. Of one event loop."""

    def __init__(self, take: Take) -> None:
        self._take = take
        self._thread = CapacityLimiter(
            1
        )  # its own: the shared ones may all be busy, and events must not wait
        self._waiting: list[tuple[Sequence[Event], asyncio.Future[Learnt]]] = []
        self._taking: asyncio.Task[None] | None = None

    async def add(self, events: Sequence[Event]) -> Learnt:
        """Take in one request's events, durably when this returns. Raises what `take` raises."""
        if not events:
            return Learnt(0, 0, [])
        future: asyncio.Future[Learnt] = asyncio.get_running_loop().create_future()
        self._waiting.append((events, future))
        if self._taking is None:
            self._taking = asyncio.create_task(self._take_all())
        return await future

    async def _take_all(self) -> None:
        try:
            while self._waiting:
                lots, self._waiting = self._waiting[:MOST_LOTS], self._waiting[MOST_LOTS:]
                for future, found in zip(
                    (future for _, future in lots), await self._taken([lot for lot, _ in lots]), strict=True
                ):
                    if future.done():  # whoever asked has gone
                        continue
                    if isinstance(found, Learnt):
                        future.set_result(found)
                    else:
                        future.set_exception(found)
        finally:
            self._taking = None

    async def _taken(self, lots: Sequence[Sequence[Event]]) -> Sequence[Learnt | Exception]:
        try:
            return await to_thread.run_sync(self._take, lots, limiter=self._thread)
        except InputError as error:  # somebody's own mistake: the others must not pay for it
            if len(lots) == 1:
                return [error]
            return [found for lot in lots for found in await self._taken([lot])]
        except Exception as error:
            return [error] * len(lots)
