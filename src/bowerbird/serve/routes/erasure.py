"""`DELETE /users/{user}`."""

from __future__ import annotations

from fastapi import APIRouter, Request

from bowerbird.serve.bodies.base import UserId
from bowerbird.serve.bodies.users import ErasureBody
from bowerbird.serve.protection.keys import Role
from bowerbird.serve.protection.routes import RouteRules, guarded_router
from bowerbird.serve.services.erasures import Eraser


def routes(eraser: Eraser) -> APIRouter:
    """Make the router of this resource."""
    router = guarded_router(RouteRules(Role.PROFILE))

    @router.delete("/users/{user:id}")
    async def forget(user: UserId, request: Request) -> ErasureBody:
        """Erase a user. Later events under the same id belong to a new user."""
        if await eraser.erase(user, request):
            return ErasureBody(user=user, events_erased=None, status="acknowledged")
        return ErasureBody(user=user, events_erased=0, status="nothing to erase")

    return router
