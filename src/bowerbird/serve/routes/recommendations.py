"""Recommendations for a user, a session or a conversation, and the order of a given list."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Annotated, Any

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, HTTPException, Query, Request
from starlette.responses import JSONResponse, Response

from bowerbird.data.events import Action
from bowerbird.errors import InputError
from bowerbird.recommend.lists.sessions import SessionEvent, session_state
from bowerbird.recommend.options import RecommendOptions
from bowerbird.recommend.recommendation import Recommendation
from bowerbird.serve.app_state import AppState
from bowerbird.serve.bodies.base import UserId
from bowerbird.serve.bodies.lists import (
    RecommendationRequest,
    RerankRequest,
    UserListQuery,
    WhoseList,
)
from bowerbird.serve.bodies.recommendations import Recommendations
from bowerbird.serve.pages import Page, now, positions_of
from bowerbird.serve.protection.access import caller_of
from bowerbird.serve.protection.keys import Role
from bowerbird.serve.protection.routes import KB, RouteRules, guarded_router
from bowerbird.serve.served_snapshot import ServedSnapshot
from bowerbird.taste.state.user_state import TasteState

MAX_BODY_BYTES = 600 * KB  # 500 excluded ids and a session of 500
MAX_FROM_CONVERSATION = 20
BODY: dict[int | str, dict[str, Any]] = {200: {"model": Recommendations}}


def routes(app_state: AppState) -> APIRouter:
    router = guarded_router(RouteRules(Role.READ, MAX_BODY_BYTES))
    # More threads than processors would only delay each other.
    threads = CapacityLimiter(os.cpu_count() or 1)

    async def run(answer: Callable[[], Response]) -> Response:
        return await to_thread.run_sync(answer, limiter=threads)

    @router.get("/users/{user:id}/recommendations", responses=BODY, response_model=None)
    async def for_user(user: UserId, query: Annotated[UserListQuery, Query()]) -> Response:
        """Items for a user, each with its reason; popular items for an unknown user."""

        def answer() -> Response:
            served = _refreshed(app_state)
            page = Page.of(app_state, served, query, "recommendations", user=user)
            seed = page.cursor.seed if query.seed is None else query.seed
            diversity, exploration = (
                min(1.0, max(0.0, share)) for share in (query.diversity, query.exploration)
            )
            options = RecommendOptions(
                Action(query.outcome), diversity, exploration, seed, rules=app_state.rules.read()
            )
            items = served.recommender.recommend(
                served.taste.state(user), page.n, page.eligible, options=options
            )
            return _response(page, items, user, [])

        return await run(answer)

    @router.post("/recommendations", responses=BODY, response_model=None)
    async def for_anybody(body: RecommendationRequest, request: Request) -> Response:
        """Items for a user, for a session that is not logged, or for what a conversation asks for."""
        body.user = caller_of(request).acting_user(body.user)
        return await run(lambda: _recommend(app_state, body))

    @router.post("/rerank", responses=BODY, response_model=None)
    async def rerank(body: RerankRequest, request: Request) -> Response:
        """Given items in the best order for a user or a session, also those seen before or sold out."""
        body.user = caller_of(request).acting_user(body.user)
        return await run(lambda: _rerank(app_state, body))

    return router


def _refreshed(app_state: AppState) -> ServedSnapshot:
    served = app_state.served
    served.taste.refresh()
    return served


def _recommend(app_state: AppState, body: RecommendationRequest) -> Response:
    served = _refreshed(app_state)
    page = Page.of(app_state, served, body, "recommendations", user=body.user)
    if body.messages:
        return _from_conversation(app_state, body, page)
    state, unknown = _state_of(body, served)
    seed = page.cursor.seed if body.seed is None else body.seed
    outcome = Action(body.outcome)
    options = RecommendOptions(outcome, body.diversity, body.exploration, seed, rules=app_state.rules.read())
    items = served.recommender.recommend(state, page.n, page.eligible, options=options)
    return _response(page, items, body.user, unknown)


def _rerank(app_state: AppState, body: RerankRequest) -> Response:
    served = _refreshed(app_state)
    positions, unknown = positions_of(body.item_ids, served)
    if not len(positions):
        raise HTTPException(404, "there is none of these items")
    asked = RecommendationRequest(user=body.user, filter=body.filter, exclude=body.exclude, n=1)
    page = Page.of(app_state, served, asked, body.surface or "rerank", user=body.user)
    state, unknown_events = _state_of(body, served)
    options = RecommendOptions(Action(body.outcome), body.diversity, use_reserve=False)
    items = served.recommender.rerank(state, positions[page.eligible[positions]], options)
    content = page.recommended(items) | {"next_cursor": None}
    return _json(served, content, body.user, [*unknown, *unknown_events])


def _state_of(body: WhoseList, served: ServedSnapshot) -> tuple[TasteState, list[str]]:
    """The state that a list is for, and the ids of its events that the catalogue does not know."""
    known = None if body.user is None else served.taste.state(body.user)
    if known is not None and not body.events:
        return known, []
    events = [SessionEvent(event.item_id, event.action, event.at) for event in body.events]
    return session_state(events, served.catalogue, now(), known)


def _from_conversation(app_state: AppState, body: RecommendationRequest, page: Page) -> Response:
    """What the assistant finds for the last message, as far as it passes the request's filter."""
    if body.messages[-1].role != "user":
        raise InputError("messages: the last one must have the role user")
    if body.events:
        raise InputError("messages and events: send one of the two")
    served = page.served
    assistant = served.assistant.without_model()
    earlier = [(message.role, message.content) for message in body.messages[:-1]]
    state = app_state.dialogues.state_before(body.user, earlier, assistant)
    text = body.messages[-1].content
    reply = assistant.reply(state, text, body.user, n=MAX_FROM_CONVERSATION)
    shown = [named for named in reply.shown if page.eligible[named.position]][: page.n]
    rows = [
        served.item(named.position)
        | {"score": 1.0 - rank / MAX_FROM_CONVERSATION, "reason": named.why, "source": "conversation"}
        | {"probability": {}, "propensity": 1.0, "promoted": False}
        for rank, named in enumerate(shown)
    ]
    return _json(served, page.answer([named.position for named in shown], rows), body.user, [])


def _response(page: Page, items: list[Recommendation], user: str | None, unknown: list[str]) -> Response:
    return _json(page.served, page.recommended(items), user, unknown)


def _json(
    served: ServedSnapshot, content: dict[str, object], user: str | None, unknown: list[str]
) -> Response:
    """Written without a check by its model, for speed; a test compares the two."""
    meaning = served.recommender.outcomes.meaning
    return JSONResponse({"user": user, "outcomes": meaning, "unknown": unknown, **content})
