"""The client that waits for its answers. Safe to use from several threads."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from functools import cached_property
from itertools import count
from typing import Any, Self, TypeVar

import httpx

from bowerbird.client.api import sends, streams
from bowerbird.client.call import Call, StreamCall
from bowerbird.client.calls import assistant, boards, events, items, lists, users
from bowerbird.client.errors import ClientError, error_of
from bowerbird.client.event_queue import EventQueue
from bowerbird.client.transport import Connection, event_of, request_options, transport_errors

T = TypeVar("T")


class Client:
    """Calls of one server.

    >>> with Client("http://127.0.0.1:8080") as client:  # doctest: +SKIP
    ...     client.recommend("ann", n=4).items[0].title
    'Oak lamp'
    """

    recommend = sends(lists.recommend)
    rerank = sends(lists.rerank)
    search = sends(lists.search)
    search_by_picture = sends(lists.search_by_picture)
    find_similar = sends(lists.find_similar)
    find_bought_together = sends(lists.find_bought_together)
    find_complements = sends(lists.find_complements)
    find_what_goes_with = sends(lists.find_what_goes_with)
    complete = sends(lists.complete)
    complete_board = sends(lists.complete_board)
    list_trending = sends(lists.list_trending)
    list_popular = sends(lists.list_popular)
    list_new = sends(lists.list_new)
    get_item = sends(items.get_item)
    get_picture = sends(items.get_picture)
    put_items = sends(items.put_items)
    patch_items = sends(items.patch_items)
    patch_item = sends(items.patch_item)
    withdraw_item = sends(items.withdraw_item)
    list_users = sends(users.list_users)
    get_taste = sends(users.get_taste)
    get_interests = sends(users.get_interests)
    explain = sends(users.explain)
    find_similar_users = sends(users.find_similar_users)
    export_user = sends(users.export_user)
    erase_user = sends(users.erase_user)
    mute_interest = sends(users.mute_interest)
    unmute_interest = sends(users.unmute_interest)
    boost_interest = sends(users.boost_interest)
    unboost_interest = sends(users.unboost_interest)
    correct_interest = sends(users.correct_interest)
    exclude_item = sends(users.exclude_item)
    include_item = sends(users.include_item)
    watch_changes = streams(users.watch_changes)
    list_boards = sends(boards.list_boards)
    get_board = sends(boards.get_board)
    create_board = sends(boards.create_board)
    replace_board = sends(boards.replace_board)
    remove_board = sends(boards.remove_board)
    share_board = sends(boards.share_board)
    unshare_board = sends(boards.unshare_board)
    get_shared_board = sends(boards.get_shared_board)
    track = sends(events.track)
    join_users = sends(events.join_users)
    check_health = sends(events.check_health)
    chat = sends(assistant.chat)
    stream_chat = streams(assistant.stream_chat)
    embed = sends(assistant.embed)

    def __init__(self, url: str, api_key: str = "", **options: Any) -> None:
        """`options` are fields of `Connection`. Raises `InputError` for what is no HTTP address."""
        self.connection = Connection(url, api_key, **options)
        self._http = httpx.Client(**self.connection.options)

    @cached_property
    def event_queue(self) -> EventQueue:
        """Sends events in the background; closing the client sends the rest."""
        return EventQueue(self, retries=self.connection.retries)

    def send(self, call: Call[T]) -> T:
        """The answer to a call, which is sent again after errors that pass. Raises `ClientError`."""

        def attempt() -> T:
            with transport_errors(self.connection.url), contextlib.closing(self._open(call)) as response:
                return call.read(response.read())

        return self._repeated(call, attempt)

    def stream(self, call: StreamCall[T]) -> Iterator[T]:
        """The events that answer a call. Closing the iterator ends the work on the server."""
        response = self._repeated(call, lambda: self._open(call))
        with transport_errors(self.connection.url), contextlib.closing(response):
            for line in response.iter_lines():
                if (data := event_of(line)) is not None:
                    yield call.read(data)

    def close(self) -> None:
        """Send the events that wait, and close the connections. Raises `EventsNotSent`."""
        try:
            if "event_queue" in self.__dict__:
                self.event_queue.close()
        finally:
            self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _open(self, call: Call[T]) -> httpx.Response:
        """The response to a call, its body not read yet. Raises `ClientError`."""
        with transport_errors(self.connection.url):
            response = self._http.send(self._http.build_request(**request_options(call)), stream=True)
            if response.is_success:
                return response
            with contextlib.closing(response):
                raise error_of(response.status_code, response.headers, response.read())

    def _repeated(self, call: Call[Any], attempt: Callable[[], T]) -> T:
        for n_failures in count(1):
            try:
                return attempt()
            except ClientError as error:
                delay = self.connection.retries.delay_s(error, n_failures, call.is_repeatable)
                if delay is None:
                    raise
                time.sleep(delay)
        raise AssertionError("never reached")
