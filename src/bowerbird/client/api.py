"""The calls of the API as methods: declared once, for the synchronous and the asynchronous client.

Each method takes the arguments of the function in `calls` that describes its request, and returns its answer.
"""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from bowerbird.client.call import Call, StreamCall

P = ParamSpec("P")
T = TypeVar("T")


class Sender(Protocol):
    """What sends calls and waits."""

    def send(self, call: Call[T]) -> T:
        """The answer to a call."""
        ...

    def stream(self, call: StreamCall[T]) -> Iterator[T]:
        """The events that answer a call."""
        ...


class AsyncSender(Protocol):
    """What sends calls without waiting."""

    async def send(self, call: Call[T]) -> T:
        """The answer to a call."""
        ...

    def stream(self, call: StreamCall[T]) -> AsyncIterator[T]:
        """The events that answer a call."""
        ...


def sends(describe: Callable[P, Call[T]]) -> Callable[Concatenate[Sender, P], T]:
    """A method that sends a call."""

    @functools.wraps(describe)
    def method(client: Sender, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return client.send(describe(*args, **kwargs))

    return method


def streams(describe: Callable[P, StreamCall[T]]) -> Callable[Concatenate[Sender, P], Iterator[T]]:
    """A method whose answer is a stream."""

    @functools.wraps(describe)
    def method(client: Sender, /, *args: P.args, **kwargs: P.kwargs) -> Iterator[T]:
        return client.stream(describe(*args, **kwargs))

    return method


def async_sends(describe: Callable[P, Call[T]]) -> Callable[Concatenate[AsyncSender, P], Awaitable[T]]:
    """A coroutine method that sends a call."""

    @functools.wraps(describe)
    async def method(client: AsyncSender, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await client.send(describe(*args, **kwargs))

    return method


def async_streams(
    describe: Callable[P, StreamCall[T]],
) -> Callable[Concatenate[AsyncSender, P], AsyncIterator[T]]:
    """A method whose answer is an asynchronous stream."""

    @functools.wraps(describe)
    def method(client: AsyncSender, /, *args: P.args, **kwargs: P.kwargs) -> AsyncIterator[T]:
        return client.stream(describe(*args, **kwargs))

    return method
