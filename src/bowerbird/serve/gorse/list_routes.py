"""Gorse's lists: recommendations for users and sessions, neighbours, what is popular and what is new."""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime
from itertools import accumulate
from typing import Annotated

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Depends, Header, HTTPException, Query, Request

from bowerbird.data.events import Event
from bowerbird.errors import InputError
from bowerbird.recommend.filtering.filters import parse_filter
from bowerbird.recommend.lists.charts import Chart
from bowerbird.serve.app_state import AppState
from bowerbird.serve.bodies.base import UserId, reject_invalid
from bowerbird.serve.bodies.items import ScoredItems
from bowerbird.serve.bodies.lists import MAX_SESSION, SessionEventBody
from bowerbird.serve.gorse.bodies import (
    FeedbackInput,
    GorseListQuery,
    GorseRecommendationRequest,
    Score,
)
from bowerbird.serve.gorse.feedback import action_of, event_of
from bowerbird.serve.gorse.list_queries import IN_CATEGORY, list_query, without_seen
from bowerbird.serve.protection.access import caller_of
from bowerbird.serve.protection.keys import Role
from bowerbird.serve.protection.routes import KB, RouteRules, guarded_router
from bowerbird.serve.services.charts import chart
from bowerbird.serve.services.event_receiver import EventReceiver
from bowerbird.serve.services.recommendations import recommend
from bowerbird.serve.services.searches import similar_items

ListQuery = Annotated[GorseListQuery, Depends(list_query)]
SeenBy = Annotated[str, Query(alias="user-id")]
CHARTS = {"latest": Chart.NEW, "popular": Chart.POPULAR, "trending": Chart.TRENDING}
NO_DELAY = "write-back-delay: events count from the moment when they are logged; leave it out, or send 0s"
NO_NEIGHBOURS = (
    "users with a similar taste are not named here: GET /users/{user}/taste/similar-users counts them"
)
ZERO_DURATION = r"^(0+(\.0+)?(h|m|s|ms|us|µs|ns)?)*$"
WRITE_BACK_DELAY = Query(alias="write-back-delay", json_schema_extra={"pattern": ZERO_DURATION})


def routes(app_state: AppState, receiver: EventReceiver) -> APIRouter:
    """Make the router of these calls."""
    router = guarded_router(RouteRules(Role.READ, 600 * KB))
    _add_recommendations(router, app_state, receiver)
    _add_neighbours(router, app_state)
    _add_charts(router, app_state)
    return router


def _add_recommendations(router: APIRouter, app_state: AppState, receiver: EventReceiver) -> None:
    # More threads than processors would only delay each other.
    threads = CapacityLimiter(os.cpu_count() or 1)

    async def scores_for(request: GorseRecommendationRequest) -> list[Score]:
        """A list in Gorse's form: along it scores never rise, though diversity may have moved an item up."""
        answer = await to_thread.run_sync(recommend, app_state, request, limiter=threads)
        scores = accumulate((row["score"] for row in answer["items"]), min)
        return [
            Score(Id=row["item_id"], Score=score) for row, score in zip(answer["items"], scores, strict=True)
        ]

    @router.get("/api/recommend/{user:id}")
    @router.get("/api/recommend/{user:id}/", include_in_schema=False)
    @router.get("/api/recommend/{user:id}/{in_category:id}", openapi_extra=IN_CATEGORY)
    async def for_user(
        request: Request,
        user: UserId,
        query: ListQuery,
        write_back_type: Annotated[str, Query(alias="write-back-type")] = "",
        write_back_delay: Annotated[str, WRITE_BACK_DELAY] = "",
        x_api_version: Annotated[str, Header()] = "",
    ) -> list[str] | list[Score]:
        """Items for a user: their ids, or with `X-API-Version: 2` ids and scores."""
        if not re.fullmatch(ZERO_DURATION, write_back_delay):
            raise InputError(NO_DELAY)
        scores = await scores_for(_recommendation_request(query, user))
        if write_back_type:
            caller_of(request).check_role(Role.EVENTS_WRITE)
            now, action = datetime.now(UTC), action_of(write_back_type)
            await receiver.receive([Event(user, score.Id, action, now) for score in scores])
        return scores if x_api_version.strip() == "2" else [score.Id for score in scores]

    @router.post("/api/session/recommend")
    @router.post("/api/session/recommend/{in_category:id}", openapi_extra=IN_CATEGORY)
    async def for_session(feedback: list[FeedbackInput], query: ListQuery) -> list[Score]:
        """Items for a session, whose feedback is not logged."""
        return await scores_for(_recommendation_request(query, None, feedback))


def _recommendation_request(
    query: GorseListQuery, user: str | None, feedback: list[FeedbackInput] | None = None
) -> GorseRecommendationRequest:
    """The request for a user, or for a session with some feedback, whose items are not shown again."""
    events = [event_of(entry) for entry in feedback or ()]
    if len(events) > MAX_SESSION:
        raise InputError(f"{len(events):,} entries: send the latest {MAX_SESSION}")
    with reject_invalid():
        return GorseRecommendationRequest(
            user=user,
            events=[
                SessionEventBody(item_id=each.item_id, action=each.action, at=each.at) for each in events
            ],
            exclude=list({event.item_id for event in events}),
            n=query.n,
            offset=query.offset,
            filter=parse_filter(query.filter) if query.filter else None,
        )


def _add_neighbours(router: APIRouter, app_state: AppState) -> None:
    @router.get("/api/item/{item_id:id}/neighbors")
    @router.get("/api/item/{item_id:id}/neighbors/", include_in_schema=False)
    @router.get("/api/item/{item_id:id}/neighbors/{in_category:id}", openapi_extra=IN_CATEGORY)
    def neighbours(item_id: str, query: ListQuery, request: Request, seen_by: SeenBy = "") -> list[Score]:
        """Items like one item."""
        query = without_seen(query, seen_by, app_state, caller_of(request))
        return _scores(similar_items(app_state, item_id, query))

    @router.get("/api/user/{user:id}/neighbors")
    @router.get("/api/user/{user:id}/neighbors/", include_in_schema=False)
    def user_neighbours(user: UserId) -> list[Score]:
        """Not answered (404): a taste is shown to its own user only."""
        raise HTTPException(404, NO_NEIGHBOURS)


def _add_charts(router: APIRouter, app_state: AppState) -> None:
    def add(path: str, name: str) -> None:
        @router.get(path, summary=f"What is {name}")
        @router.get(
            path + "/{in_category:id}", summary=f"What is {name}, of a category", openapi_extra=IN_CATEGORY
        )
        def ranked_items(query: ListQuery, request: Request, seen_by: SeenBy = "") -> list[Score]:
            return scores_of(name, query, request, seen_by)

    def scores_of(name: str, query: GorseListQuery, request: Request, seen_by: str) -> list[Score]:
        if name not in CHARTS:
            raise HTTPException(404, f"there is no list {name[:40]!r}: there are {', '.join(CHARTS)}")
        query = without_seen(query, seen_by, app_state, caller_of(request))
        return _scores(chart(app_state, CHARTS[name], query))

    add("/api/latest", "latest")
    add("/api/popular", "popular")

    @router.get("/api/non-personalized/{name:id}")
    def non_personalized(name: str, query: ListQuery, request: Request, seen_by: SeenBy = "") -> list[Score]:
        """What is `latest`, `popular` or `trending`."""
        return scores_of(name, query, request, seen_by)


def _scores(answer: ScoredItems) -> list[Score]:
    return [Score(Id=item.item_id, Score=item.score) for item in answer.items]
