"""Recommendations for a user, a session or a conversation, and the order of a given list."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Annotated, Any

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Query, Request
from starlette.responses import JSONResponse, Response

from bowerbird.serve.app_state import AppState
from bowerbird.serve.bodies.base import UserId
from bowerbird.serve.bodies.lists import RecommendationRequest, RerankRequest, UserListQuery
from bowerbird.serve.bodies.recommendations import Recommendations
from bowerbird.serve.protection.access import caller_of
from bowerbird.serve.protection.keys import Role
from bowerbird.serve.protection.routes import KB, RouteRules, guarded_router
from bowerbird.serve.services import recommendations
from bowerbird.serve.services.recommendations import Content

MAX_BODY_BYTES = 4_000 * KB  # 500 excluded ids, a session of 500, or a long conversation
BODY: dict[int | str, dict[str, Any]] = {200: {"model": Recommendations}}


def routes(app_state: AppState) -> APIRouter:
    """Make the router of this resource."""
    router = guarded_router(RouteRules(Role.READ, MAX_BODY_BYTES))
    # More threads than processors would only delay each other.
    threads = CapacityLimiter(os.cpu_count() or 1)

    async def run(answer: Callable[[], Content]) -> Response:
        return JSONResponse(await to_thread.run_sync(answer, limiter=threads))

    @router.get("/users/{user:id}/recommendations", responses=BODY, response_model=None)
    async def for_user(user: UserId, query: Annotated[UserListQuery, Query()]) -> Response:
        """Items for a user, each with its reason; popular items for an unknown user."""
        return await run(lambda: recommendations.recommend_to_user(app_state, user, query))

    @router.post("/recommendations", responses=BODY, response_model=None)
    async def for_anybody(body: RecommendationRequest, request: Request) -> Response:
        """Items for a user, for a session that is not logged, or for what a conversation asks for."""
        body.user = caller_of(request).acting_user(body.user)
        return await run(lambda: recommendations.recommend(app_state, body))

    @router.post("/rerank", responses=BODY, response_model=None)
    async def rerank(body: RerankRequest, request: Request) -> Response:
        """Given items in the best order for a user or a session, also those seen before or sold out."""
        body.user = caller_of(request).acting_user(body.user)
        return await run(lambda: recommendations.rerank(app_state, body))

    return router
