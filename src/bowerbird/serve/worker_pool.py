"""Answers that take long take turns: a few are worked on, some more wait, and any beyond them is refused.

They run in threads of their own. The threads that all other routes share would otherwise be full of answers
that wait for each other, and nothing else would be answered.
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
    """As many are answered and wait as there may be."""


class Turns:
    """Of one event loop. A client that leaves while it waits gives its place back."""

    def __init__(self, running: int, waiting: int) -> None:
        """At most `running` answers are worked on at a time, and at most `waiting` more wait for that."""
        self._free = anyio.Semaphore(running)
        self._threads = CapacityLimiter(running)
        self._places = running + waiting

    @contextlib.asynccontextmanager
    async def turn(self, request: Request) -> AsyncIterator[None]:
        """Wait for a turn and hold it while the block runs.

        Raises `TooBusy` where there is no place left, `ClientDisconnect` where the client leaves meanwhile.
        """
        if not self._places:
            raise TooBusy
        self._places -= 1
        try:
            await self._wait(request)
            try:
                yield
            finally:
                self._free.release()
        finally:
            self._places += 1

    async def _wait(self, request: Request) -> None:
        has_turn = False
        async with anyio.create_task_group() as group:
            group.start_soon(_cancel_when_gone, request, group.cancel_scope)
            await self._free.acquire()
            has_turn = True
            group.cancel_scope.cancel()
        if not has_turn:
            raise ClientDisconnect

    async def run(self, step: Callable[[], T]) -> T:
        """Run one step of an answer in a thread; it is never left alone there, even if it is cancelled."""
        return await to_thread.run_sync(step, limiter=self._threads)

    async def pieces(self, generator: Iterator[T]) -> AsyncGenerator[T]:
        """What a generator yields, each piece computed in a thread."""
        done = object()
        while (piece := await self.run(partial(next, generator, done))) is not done:
            yield piece

    async def close(self, generator: Iterator[object]) -> None:
        """End a generator that need not be at its end, even while this task is being cancelled."""
        close = getattr(generator, "close", None)
        if close is not None:
            with CancelScope(shield=True):
                await self.run(close)


async def _cancel_when_gone(request: Request, scope: CancelScope) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
    scope.cancel()
