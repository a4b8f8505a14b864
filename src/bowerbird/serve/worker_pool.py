"""A bounded worker pool for long answers: a few run, some more wait, and further ones are rejected.

It has threads of its own. Otherwise long answers that wait for each other would occupy the threads that all
other routes share, and no other request would be answered.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from functools import partial
from typing import TypeVar

import anyio
from anyio import CancelScope, CapacityLimiter, to_thread
from starlette.requests import ClientDisconnect, Request

T = TypeVar("T")


class TooBusy(Exception):
    """The pool and its queue are full."""


class WorkerPool:
    """A pool for one event loop. A client that disconnects while it waits frees its place in the queue."""

    def __init__(self, running: int, waiting: int) -> None:
        """At most `running` answers run at a time, and at most `waiting` more wait."""
        self._slots = anyio.Semaphore(running)
        self._threads = CapacityLimiter(running)
        self._places = running + waiting

    @contextlib.asynccontextmanager
    async def slot(self, request: Request) -> AsyncIterator[None]:
        """Wait for a slot and hold it while the block runs.

        Raises `TooBusy` where pool and queue are full, `ClientDisconnect` where the client leaves meanwhile.
        """
        if not self._places:
            raise TooBusy
        self._places -= 1
        try:
            await self._wait(request)
            try:
                yield
            finally:
                self._slots.release()
        finally:
            self._places += 1

    async def _wait(self, request: Request) -> None:
        has_slot = False
        async with anyio.create_task_group() as group:
            group.start_soon(_cancel_on_disconnect, request, group.cancel_scope)
            await self._slots.acquire()
            has_slot = True
            group.cancel_scope.cancel()
        if not has_slot:
            raise ClientDisconnect

    async def run(self, step: Callable[[], T]) -> T:
        """Run one step of an answer in a thread, and wait for it even if the task is cancelled."""
        return await to_thread.run_sync(step, limiter=self._threads)

    async def iterate(self, generator: Iterator[T]) -> AsyncGenerator[T]:
        """Iterate over a generator, each step in a thread."""
        end = object()
        while (value := await self.run(partial(next, generator, end))) is not end:
            yield value

    async def close(self, generator: Iterator[object]) -> None:
        """Close a generator before or at its end, even while this task is being cancelled."""
        close = getattr(generator, "close", None)
        if close is not None:
            with CancelScope(shield=True):
                await self.run(close)


async def _cancel_on_disconnect(request: Request, scope: CancelScope) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
    scope.cancel()
