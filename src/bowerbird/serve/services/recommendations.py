"""Recommendations for a user, a session or a conversation, and the order of a given list.

Answers are JSON values, written without a check by their model, for speed; a test compares the two.
"""

from __future__ import annotations

from typing import Any

from fastapi import HTTPException

from bowerbird.data.events import Action
from bowerbird.errors import InputError
from bowerbird.recommend.lists.sessions import SessionEvent, session_state
from bowerbird.recommend.options import RecommendOptions
from bowerbird.serve.app_state import AppState
from bowerbird.serve.bodies.lists import RecommendationRequest, RerankRequest, UserListQuery, WhoseList
from bowerbird.serve.pages import Page, now, positions_of
from bowerbird.serve.served_snapshot import ServedSnapshot
from bowerbird.taste.state.user_state import TasteState

MAX_FROM_CONVERSATION = 20
Content = dict[str, Any]
"""What `Recommendations` describes."""


def recommend_to_user(app_state: AppState, user: str, query: UserListQuery) -> Content:
    """Items for a user; popular ones for an unknown user."""
    served = _refreshed(app_state)
    page = Page.of(app_state, served, query, "recommendations", user=user)
    seed = page.cursor.seed if query.seed is None else query.seed
    diversity, exploration = (min(1.0, max(0.0, share)) for share in (query.diversity, query.exploration))
    options = RecommendOptions(
        Action(query.outcome), diversity, exploration, seed, rules=app_state.rules.read()
    )
    return _list(page, served.taste.state(user), options, user, [])


def recommend(app_state: AppState, request: RecommendationRequest) -> Content:
    """Items for whom a request names. Raises `InputError` for a conversation that makes no sense."""
    served = _refreshed(app_state)
    page = Page.of(app_state, served, request, "recommendations", user=request.user)
    if request.messages:
        return _from_conversation(app_state, request, page)
    state, unknown = _state_of(request, served)
    seed = page.cursor.seed if request.seed is None else request.seed
    outcome = Action(request.outcome)
    options = RecommendOptions(
        outcome, request.diversity, request.exploration, seed, rules=app_state.rules.read()
    )
    return _list(page, state, options, request.user, unknown)


def rerank(app_state: AppState, request: RerankRequest) -> Content:
    """Given items in the best order; status 404 where all of them are unknown."""
    served = _refreshed(app_state)
    positions, unknown = positions_of(request.item_ids, served)
    if not len(positions):
        raise HTTPException(404, "there is none of these items")
    list_request = RecommendationRequest(
        user=request.user, filter=request.filter, exclude=request.exclude, language=request.language, n=1
    )
    page = Page.of(app_state, served, list_request, request.surface or "rerank", user=request.user)
    state, unknown_events = _state_of(request, served)
    options = RecommendOptions(Action(request.outcome), request.diversity, use_reserve=False)
    items = served.recommender.rerank(state, positions[page.eligible[positions]], options)
    content = page.recommended(items) | {"next_cursor": None}
    return _content(served, content, request.user, [*unknown, *unknown_events])


def _refreshed(app_state: AppState) -> ServedSnapshot:
    served = app_state.served
    served.taste.refresh()
    return served


def _state_of(request: WhoseList, served: ServedSnapshot) -> tuple[TasteState, list[str]]:
    """The state that a list is for, and the ids of its events that the catalogue does not know."""
    known = None if request.user is None else served.taste.state(request.user)
    if known is not None and not request.events:
        return known, []
    events = [SessionEvent(event.item_id, event.action, event.at) for event in request.events]
    return session_state(events, served.catalogue, now(), known)


def _from_conversation(app_state: AppState, request: RecommendationRequest, page: Page) -> Content:
    """What the assistant finds for the last message, as far as it passes the request's filter."""
    if request.messages[-1].role != "user":
        raise InputError("messages: the last one must have the role user")
    if request.events:
        raise InputError("messages and events: send one of the two")
    served = page.served
    assistant = served.assistant.without_model()
    earlier = [(message.role, message.content) for message in request.messages[:-1]]
    state = app_state.dialogues.state_before(request.user, earlier, assistant)
    text = request.messages[-1].content
    reply = assistant.reply(state, text, request.user, n=MAX_FROM_CONVERSATION)
    shown = [item for item in reply.shown if page.eligible[item.position]][: page.n]
    rows = [
        served.item(item.position)
        | {"score": 1.0 - rank / MAX_FROM_CONVERSATION, "reason": item.why, "source": "conversation"}
        | {"probability": {}, "propensity": 1.0, "promoted": False}
        for rank, item in enumerate(shown)
    ]
    return _content(served, page.answer([item.position for item in shown], rows), request.user, [])


def _list(
    page: Page, state: TasteState, options: RecommendOptions, user: str | None, unknown: list[str]
) -> Content:
    served = page.served
    with served.assistant.parts.turns.recommendation():
        items = served.recommender.recommend(state, page.n, page.eligible, options=options)
        return _content(served, page.recommended(items), user, unknown)


def _content(served: ServedSnapshot, content: Content, user: str | None, unknown: list[str]) -> Content:
    return {"user": user, "outcomes": served.recommender.outcomes.meaning, "unknown": unknown, **content}
