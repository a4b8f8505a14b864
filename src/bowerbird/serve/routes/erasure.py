"""`DELETE /users/{user}`: acknowledged immediately, durable, and in force from the next answer on.

Another process rewrites the files (see `maintenance`), once for all queued users.
"""

from __future__ import annotations

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Request

from bowerbird.serve.app_state import AppState
from bowerbird.serve.bodies.base import UserId
from bowerbird.serve.bodies.users import ErasureBody
from bowerbird.serve.protection.access import caller_of
from bowerbird.serve.protection.keys import Role
from bowerbird.serve.protection.routes import Guard, RouteRules, guarded_router
from bowerbird.taste.control.forgetting import is_named


def routes(app_state: AppState) -> APIRouter:
    router = guarded_router(RouteRules(Role.PROFILE))
    # A user who is not in the taste graph is searched for in every file. That may take seconds, and must not
    # occupy the threads that answer other requests.
    search_thread = CapacityLimiter(1)

    @router.delete("/users/{user:id}")
    async def forget(user: UserId, request: Request) -> ErasureBody:
        """Erase a user. Later events under the same id belong to a new user."""

        app_state.exposures.drop_pending({user})

        def is_known() -> bool:
            taste = app_state.served.taste
            taste.refresh()
            return user in taste or taste.erasure_of(user) is not None

        is_in_store = await to_thread.run_sync(is_known) or await to_thread.run_sync(
            is_named, app_state.store, user, limiter=search_thread
        )
        if not is_in_store:
            return ErasureBody(user=user, events_erased=0, status="nothing to erase")

        def request_erasure() -> None:
            app_state.served.taste.request_erasures([user])
            app_state.dialogues.forget(user)
            guard: Guard = request.app.state.guard
            guard.audit.write("erase a user", caller_of(request).name)

        await to_thread.run_sync(request_erasure)
        return ErasureBody(user=user, events_erased=None, status="acknowledged")

    return router
