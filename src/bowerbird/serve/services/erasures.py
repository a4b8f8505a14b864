"""Erasures of users: acknowledged immediately, durable, and in force from the next answer on.

Another process rewrites the files (see `maintenance`), once for all queued users.
"""

from __future__ import annotations

from anyio import CapacityLimiter, to_thread
from fastapi import Request

from bowerbird.serve.app_state import AppState
from bowerbird.serve.protection.access import caller_of
from bowerbird.serve.protection.routes import Guard
from bowerbird.taste.control.forgetting import is_named


class Eraser:
    """Erases users of one server's store."""

    def __init__(self, app_state: AppState) -> None:
        self._app_state = app_state
        # A user who is not in the taste graph is searched for in every file. That may take seconds, and must
        # not occupy the threads that answer other requests.
        self._search_thread = CapacityLimiter(1)

    async def erase(self, user: str, request: Request) -> bool:
        """Erase a user; False where nothing names them. Later events under the same id are a new user's."""
        # First, so that what is on its way to a file is found there.
        await to_thread.run_sync(self._app_state.exposures.drop, {user})
        is_in_store = await to_thread.run_sync(self._is_known, user) or await to_thread.run_sync(
            is_named, self._app_state.store, user, limiter=self._search_thread
        )
        if is_in_store:
            await to_thread.run_sync(self._request_erasure, user)
            guard: Guard = request.app.state.guard
            await to_thread.run_sync(guard.audit.write, "erase a user", caller_of(request).name)
        return is_in_store

    def _is_known(self, user: str) -> bool:
        taste = self._app_state.served.taste
        taste.refresh()
        return user in taste or taste.erasure_of(user) is not None

    def _request_erasure(self, user: str) -> None:
        self._app_state.served.taste.request_erasures([user])
        self._app_state.dialogues.forget(user)
