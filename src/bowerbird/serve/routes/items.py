"""Recommendations and interests of users, search, trending items, single items and their pictures."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, HTTPException, Query, Request
from pydantic import FiniteFloat
from starlette.responses import JSONResponse, Response

from bowerbird.assist.languages.queries import query_for_catalogue
from bowerbird.data.events import Action
from bowerbird.errors import InputError
from bowerbird.recommend.options import RecommendOptions
from bowerbird.serve.app_state import AppState
from bowerbird.serve.bodies import (
    InterestBody,
    InterestList,
    ItemPageBody,
    Recommendations,
    ScoredItem,
    ScoredItems,
    UserId,
    UserIds,
)
from bowerbird.serve.protection.keys import Role
from bowerbird.serve.protection.routes import RouteRules, guarded_router
from bowerbird.serve.served_snapshot import ServedSnapshot

if TYPE_CHECKING:
    from bowerbird.embed.search.searcher import SearchHit

MAX_PICTURE_BYTES = 20 * 2**20
MAX_PICTURE_SEARCHES = 4
PICTURES: dict[str, Any] = {"image/jpeg": {}, "image/png": {}, "image/webp": {}}
MAX_QUERY_LENGTH = 2000  # characters
Count = Annotated[int, Query(ge=1, le=200)]

Seed = Annotated[int | None, Query(ge=0, lt=2**63)]
HalfLife = Annotated[float, Query(gt=0, le=3650)]


def routes(app_state: AppState) -> APIRouter:
    router = APIRouter()
    router.include_router(_user_list(app_state))
    reading = guarded_router(RouteRules(Role.READ))
    _add_user_routes(reading, app_state)
    router.include_router(_picture_search(app_state))
    router.include_router(_pictures(app_state))
    _add_item_routes(reading, app_state)
    router.include_router(reading)
    return router


def _user_list(app_state: AppState) -> APIRouter:
    router = guarded_router(RouteRules(Role.ADMIN))

    @router.get("/users")
    def users(n: Count = 50) -> UserIds:
        """The most active users."""
        taste = app_state.served.taste
        taste.refresh()
        return UserIds(users=taste.users(n))

    return router


def _picture_search(app_state: AppState) -> APIRouter:
    router = guarded_router(RouteRules(Role.READ, MAX_PICTURE_BYTES, is_json=False))
    # Threads of their own: searches that wait for the decoder must not hold up what needs none.
    threads = CapacityLimiter(MAX_PICTURE_SEARCHES)

    @router.post("/search")
    async def search_by_picture(request: Request, q: str = "", n: Count = 20) -> ScoredItems:
        """Items like a picture, whose encoded bytes are the body; a text describes the change."""
        picture, served = await request.body(), app_state.served
        text = _query_text(q, served)
        hits = await to_thread.run_sync(
            lambda: served.searcher.search(text=text, image=picture, n=n), limiter=threads
        )
        return scored_items(served, [(hit.position, hit.score) for hit in hits])

    return router


def _add_user_routes(router: APIRouter, app_state: AppState) -> None:
    # More threads than processors would only delay each other.
    threads = CapacityLimiter(os.cpu_count() or 1)

    @router.get("/users/{user:id}/recommendations", responses={200: {"model": Recommendations}})
    async def recommendations(
        user: UserId,
        n: Count = 20,
        outcome: Action = Action.CLICK,
        diversity: FiniteFloat = 0.2,
        exploration: FiniteFloat = 0.0,
        seed: Seed = None,
        price_min: FiniteFloat | None = None,
        price_max: FiniteFloat | None = None,
        category: str | None = None,
    ) -> Response:
        """Items for a user, each with its reason; popular items for an unknown user."""
        diversity, exploration = min(1.0, max(0.0, diversity)), min(1.0, max(0.0, exploration))
        options = RecommendOptions(
            outcome, diversity, exploration, seed, price_min, price_max, category, app_state.boosts
        )

        def answer() -> Response:
            served = app_state.served
            served.taste.refresh()
            recommendations = served.recommender.recommend_user(user, n, options)
            items = [served.item(each.position) | each.as_dict() for each in recommendations]
            return JSONResponse(
                {"user": user, "outcomes": served.recommender.outcomes.meaning, "items": items}
            )

        return await to_thread.run_sync(answer, limiter=threads)

    @router.get("/users/{user:id}/interests")
    def interests(user: UserId) -> InterestList:
        """Interests of a user, strongest first."""
        taste = app_state.served.taste
        taste.refresh()
        interests = taste.interests(taste.state(user))
        bodies = [InterestBody(**interest.as_dict()) for interest in interests]
        return InterestList(user=user, interests=bodies)


def _position_of(item_id: str, served: ServedSnapshot) -> int:
    """The position of an item; status 404 for an unknown one."""
    position = served.position_of(item_id)
    if position is None:
        raise HTTPException(404, f"there is no item {item_id!r}")
    return position


def _pictures(app_state: AppState) -> APIRouter:
    """Pictures need no key: pages show them by address, and anybody who visits the shop sees them."""
    router = guarded_router(RouteRules())

    @router.get("/items/{item_id:ids}/image", responses={200: {"content": PICTURES}}, response_class=Response)
    def image(item_id: str) -> Response:
        """An item's picture."""
        served = app_state.served
        encoded = served.catalogue.image(_position_of(item_id, served))
        if encoded is None:
            raise HTTPException(404, f"the item {item_id!r} has no picture")
        headers = {"Cache-Control": "public, max-age=86400"}
        return Response(encoded, media_type=_media_type(encoded), headers=headers)

    return router


def _query_text(query: str, served: ServedSnapshot) -> str | None:
    """The text of a search, cut to its longest and in the catalogue's language where it can be; or None."""
    text = query[:MAX_QUERY_LENGTH].strip()
    return query_for_catalogue(text, served.snapshot) if text else None


def _add_item_routes(router: APIRouter, app_state: AppState) -> None:
    # Ids may contain a slash, so they are paths, and the route of the bare item comes last.
    def as_response(hits: Sequence[SearchHit], served: ServedSnapshot) -> ScoredItems:
        return scored_items(served, [(hit.position, hit.score) for hit in hits])

    @router.get("/search")
    def search(q: str = "", item: str | None = None, n: Count = 20) -> ScoredItems:
        """Items by text, or like an item; with an item, the text describes the change."""
        served = app_state.served
        if item is not None:
            _position_of(item, served)
        if not q.strip() and item is None:
            raise InputError("name what to search for: ?q=TEXT or ?item=ID")
        return as_response(served.searcher.search(text=_query_text(q, served), item=item, n=n), served)

    @router.get("/trending")
    def trending(n: Count = 20, half_life_days: HalfLife = 7.0) -> ScoredItems:
        """Items by their likers, each weighted by the age of the latest like (exponential decay)."""
        served = app_state.served
        served.taste.refresh()
        scores = served.taste.trending(time.time_ns() // 1000, half_life_days)
        scores = np.where(served.catalogue.available, scores, 0.0)
        order = np.argsort(-scores, kind="stable")
        best = order[served.catalogue.articles.first_rows(order)][:n]
        trending = [(int(position), float(scores[position])) for position in best if scores[position] > 0]
        return scored_items(served, trending)

    @router.get("/items/{item_id:ids}/similar")
    def similar(item_id: str, n: Count = 20) -> ScoredItems:
        """Items like one item."""
        served = app_state.served
        _position_of(item_id, served)
        return as_response(served.searcher.search(item=item_id, n=n), served)

    @router.get("/items/{item_id:ids}")
    def item(item_id: str) -> ItemPageBody:
        """One item, with all its fields and the variants of its article."""
        served = app_state.served
        return ItemPageBody(**served.item_page(_position_of(item_id, served)))


def scored_items(served: ServedSnapshot, scores: Sequence[tuple[int, float]]) -> ScoredItems:
    """The body for items by position, with their scores, in this order."""
    return ScoredItems(items=[ScoredItem(**served.item(position), score=score) for position, score in scores])


def _media_type(encoded: bytes) -> str:
    if encoded[:4] == b"\x89PNG":
        return "image/png"
    return "image/webp" if encoded[8:12] == b"WEBP" else "image/jpeg"
