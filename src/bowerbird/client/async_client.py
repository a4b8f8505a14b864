"""The client for asynchronous programs, on asyncio or trio."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import cached_property
from itertools import count
from typing import Any, Self, TypeVar

import anyio
import anyio.to_thread
import httpx

from bowerbird.client.api import async_sends, async_streams
from bowerbird.client.call import Call, StreamCall
from bowerbird.client.calls import assistant, boards, events, items, lists, users
from bowerbird.client.errors import ClientError, error_of
from bowerbird.client.event_queue import EventQueue
from bowerbird.client.sync_client import Client
from bowerbird.client.transport import Connection, event_of, request_options, transport_errors

T = TypeVar("T")


class AsyncClient:
    """Calls of one server, each a coroutine."""

    recommend = async_sends(lists.recommend)
    rerank = async_sends(lists.rerank)
    search = async_sends(lists.search)
    search_by_picture = async_sends(lists.search_by_picture)
    find_similar = async_sends(lists.find_similar)
    find_bought_together = async_sends(lists.find_bought_together)
    find_complements = async_sends(lists.find_complements)
    find_what_goes_with = async_sends(lists.find_what_goes_with)
    complete = async_sends(lists.complete)
    complete_board = async_sends(lists.complete_board)
    list_trending = async_sends(lists.list_trending)
    list_popular = async_sends(lists.list_popular)
    list_new = async_sends(lists.list_new)
    get_item = async_sends(items.get_item)
    get_picture = async_sends(items.get_picture)
    put_items = async_sends(items.put_items)
    patch_items = async_sends(items.patch_items)
    patch_item = async_sends(items.patch_item)
    withdraw_item = async_sends(items.withdraw_item)
    list_users = async_sends(users.list_users)
    get_taste = async_sends(users.get_taste)
    get_interests = async_sends(users.get_interests)
    explain = async_sends(users.explain)
    find_similar_users = async_sends(users.find_similar_users)
    export_user = async_sends(users.export_user)
    erase_user = async_sends(users.erase_user)
    mute_interest = async_sends(users.mute_interest)
    unmute_interest = async_sends(users.unmute_interest)
    boost_interest = async_sends(users.boost_interest)
    unboost_interest = async_sends(users.unboost_interest)
    correct_interest = async_sends(users.correct_interest)
    exclude_item = async_sends(users.exclude_item)
    include_item = async_sends(users.include_item)
    watch_changes = async_streams(users.watch_changes)
    list_boards = async_sends(boards.list_boards)
    get_board = async_sends(boards.get_board)
    create_board = async_sends(boards.create_board)
    replace_board = async_sends(boards.replace_board)
    remove_board = async_sends(boards.remove_board)
    share_board = async_sends(boards.share_board)
    unshare_board = async_sends(boards.unshare_board)
    get_shared_board = async_sends(boards.get_shared_board)
    track = async_sends(events.track)
    join_users = async_sends(events.join_users)
    check_health = async_sends(events.check_health)
    chat = async_sends(assistant.chat)
    stream_chat = async_streams(assistant.stream_chat)
    embed = async_sends(assistant.embed)

    def __init__(self, url: str, api_key: str = "", **options: Any) -> None:
        """`options` are fields of `Connection`. Raises `InputError` for what is no HTTP address."""
        self.connection = Connection(url, api_key, **options)
        self._http = httpx.AsyncClient(**self.connection.options)

    @cached_property
    def event_queue(self) -> EventQueue:
        """Sends events in the background, from a thread; closing the client sends the rest."""
        return self._background.event_queue

    @cached_property
    def _background(self) -> Client:
        connection = self.connection
        return Client(
            connection.url, connection.api_key, timeout_s=connection.timeout_s, retries=connection.retries
        )

    async def send(self, call: Call[T]) -> T:
        """The answer to a call, which is sent again after errors that pass. Raises `ClientError`."""

        async def attempt() -> T:
            with transport_errors(self.connection.url):
                async with contextlib.aclosing(await self._open(call)) as response:
                    return call.read(await response.aread())

        return await self._repeated(call, attempt)

    async def stream(self, call: StreamCall[T]) -> AsyncIterator[T]:
        """The events that answer a call. Closing the iterator ends the work on the server."""
        response = await self._repeated(call, lambda: self._open(call))
        with transport_errors(self.connection.url):
            async with contextlib.aclosing(response):
                async for line in response.aiter_lines():
                    if (data := event_of(line)) is not None:
                        yield call.read(data)

    async def aclose(self) -> None:
        """Send the events that wait, and close the connections. Raises `EventsNotSent`."""
        try:
            if "_background" in self.__dict__:
                await anyio.to_thread.run_sync(self._background.close)
        finally:
            await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def _open(self, call: Call[T]) -> httpx.Response:
        """The response to a call, its body not read yet. Raises `ClientError`."""
        with transport_errors(self.connection.url):
            request = self._http.build_request(**request_options(call))
            response = await self._http.send(request, stream=True)
            if response.is_success:
                return response
            async with contextlib.aclosing(response):
                raise error_of(response.status_code, response.headers, await response.aread())

    async def _repeated(self, call: Call[Any], attempt: Callable[[], Awaitable[T]]) -> T:
        for n_failures in count(1):
            try:
                return await attempt()
            except ClientError as error:
                delay = self.connection.retries.delay_s(error, n_failures, call.is_repeatable)
                if delay is None:
                    raise
                await anyio.sleep(delay)
        raise AssertionError("never reached")
