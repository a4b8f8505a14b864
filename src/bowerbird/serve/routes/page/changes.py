"""`GET /users/{user}/changes`: server-sent events, one whenever a user's taste or boards change.

One look at the log serves all who listen, in whichever process or window the change was made.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Hashable, Sequence
from typing import Any, Literal

from anyio import to_thread
from fastapi import APIRouter
from sse_starlette import EventSourceResponse, ServerSentEvent

from bowerbird.serve.app_state import AppState
from bowerbird.serve.bodies.base import UserId
from bowerbird.serve.protection.errors import Overloaded
from bowerbird.serve.protection.keys import Role
from bowerbird.serve.protection.routes import RouteRules, guarded_router
from bowerbird.taste.control.boards import Boards

POLL_S = 0.5
PING_S = 15
MAX_LISTENERS = 500  # of one process
Kind = Literal["start", "taste", "boards"]
Stamps = dict[Kind, Hashable]
"""Values that differ after a change."""


class ChangeFeed:
    """Tells listeners what changed of their users. For one event loop; it polls while anybody listens."""

    def __init__(self, app_state: AppState) -> None:
        self._app_state = app_state
        self._boards = Boards(app_state.store.path)
        self._listeners: dict[asyncio.Queue[Kind], str] = {}
        self._last_stamps: dict[str, Stamps] = {}
        self._poller: asyncio.Task[None] | None = None

    @property
    def is_full(self) -> bool:
        """Whether no further listener is taken."""
        return len(self._listeners) >= MAX_LISTENERS

    async def changes(self, user: str) -> AsyncIterator[Kind]:
        """`start`, then what changes of a user, as long as it is asked for."""
        queue: asyncio.Queue[Kind] = asyncio.Queue()
        if user not in self._listeners.values():
            self._last_stamps |= await to_thread.run_sync(self._stamps, [user])
        self._listeners[queue] = user
        if self._poller is None or self._poller.done():
            self._poller = asyncio.create_task(self._poll())
        try:
            yield "start"
            while True:
                yield await queue.get()
        finally:
            del self._listeners[queue]

    async def _poll(self) -> None:
        while self._listeners:
            now = await to_thread.run_sync(self._stamps, sorted(set(self._listeners.values())))
            for queue, user in self._listeners.items():
                before = self._last_stamps.get(user, {})
                for kind, stamp in now.get(user, before).items():
                    if before.get(kind, stamp) != stamp:
                        queue.put_nowait(kind)
            self._last_stamps |= now
            await asyncio.sleep(POLL_S)
        self._last_stamps.clear()

    def _stamps(self, users: Sequence[str]) -> dict[str, Stamps]:
        graph = self._app_state.served.taste
        graph.refresh()
        return {user: self._stamps_of(user) for user in users}

    def _stamps_of(self, user: str) -> Stamps:
        graph = self._app_state.served.taste
        state, overrides = graph.stored_state(user), graph.overrides_of(user)
        taste = (len(state.items), state.last_at, len(state.seen_before), repr(overrides))
        return {
            "taste": taste,
            "boards": tuple(self._boards.of_user(self._app_state.store.log.user_of(user))),
        }


def routes(app_state: AppState) -> APIRouter:
    """Make the router of this resource."""
    router, feed = guarded_router(RouteRules(Role.PROFILE)), ChangeFeed(app_state)
    content: dict[str, Any] = {"text/event-stream": {}}

    @router.get("/users/{user:id}/changes", response_model=None, responses={200: {"content": content}})
    async def changes(user: UserId) -> EventSourceResponse:
        """Events without an end: `{"changed": "start"}`, then `taste` or `boards` at each change."""

        if feed.is_full:
            raise Overloaded("too many windows listen for changes: try again later")

        async def events() -> AsyncIterator[ServerSentEvent]:
            async for kind in feed.changes(user):
                yield ServerSentEvent(json.dumps({"changed": kind}), sep="\n")

        return EventSourceResponse(events(), ping=PING_S, sep="\n")

    return router
