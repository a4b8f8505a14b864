"""Lists for nobody in particular: search, similar items, charts, and what goes with an item."""

from __future__ import annotations

from typing import Annotated, Any

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Query, Request

from bowerbird.errors import InputError
from bowerbird.recommend.lists.charts import Chart, best_of
from bowerbird.recommend.lists.together import LiveBaskets
from bowerbird.recommend.reasons import Reason
from bowerbird.serve.app_state import AppState
from bowerbird.serve.bodies.items import RelatedItems, ScoredItems
from bowerbird.serve.bodies.lists import (
    CompletionQuery,
    CompletionRequest,
    ListQuery,
    PictureQuery,
    RelatedQuery,
    SearchQuery,
    TrendingQuery,
)
from bowerbird.serve.pages import Page
from bowerbird.serve.protection.keys import Role
from bowerbird.serve.protection.routes import KB, RouteRules, guarded_router, joined_router
from bowerbird.serve.services import searches
from bowerbird.serve.services.charts import chart
from bowerbird.serve.services.completions import complete, related
from bowerbird.serve.services.items import known_position

MAX_PICTURE_BYTES = 20 * 2**20
MAX_PICTURE_SEARCHES = 4
MAX_COMPLETIONS = 2
PICTURE_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            f"image/{name}": {"schema": {"type": "string", "format": "binary"}}
            for name in ("jpeg", "png", "webp", "gif", "avif")
        },
    }
}

MAX_BODY_BYTES = 600 * KB  # 500 excluded ids


def routes(app_state: AppState) -> APIRouter:
    reading = guarded_router(RouteRules(Role.READ))
    _add_searches(reading, app_state)
    _add_charts(reading, app_state)
    return joined_router(_picture_search(app_state), _completion(app_state), reading)


def _picture_search(app_state: AppState) -> APIRouter:
    router = guarded_router(RouteRules(Role.READ, MAX_PICTURE_BYTES, is_json=False))
    # Threads of their own: searches that wait for the decoder must not hold up what needs none.
    threads = CapacityLimiter(MAX_PICTURE_SEARCHES)

    @router.post("/search", openapi_extra=PICTURE_BODY)
    async def search_by_picture(request: Request, query: Annotated[PictureQuery, Query()]) -> ScoredItems:
        """Items like a picture, whose encoded bytes are the body; a text describes the change."""
        picture = await request.body()
        if not picture:
            raise InputError("the body is empty: send a picture's bytes")
        return await to_thread.run_sync(
            searches.search_by_picture, app_state, query, picture, limiter=threads
        )

    return router


def _add_searches(router: APIRouter, app_state: AppState) -> None:
    @router.get("/search")
    def search(query: Annotated[SearchQuery, Query()]) -> ScoredItems:
        """Items by text, or like an item; with an item, the text describes the change.

        Without either, all that pass the filter, the most popular first.
        """
        return searches.search(app_state, query)

    @router.get("/items/{item_id:ids}/similar")
    def similar(item_id: str, query: Annotated[ListQuery, Query()]) -> ScoredItems:
        """Items like one item."""
        return searches.similar_items(app_state, item_id, query)

    @router.get("/items/{item_id:ids}/bought-together")
    def bought_together(item_id: str, query: Annotated[RelatedQuery, Query()]) -> RelatedItems:
        """Items that at least two users bought, or put into a cart, on one day with this one."""
        served = app_state.served
        position = known_position(item_id, served)
        page = Page.of(app_state, served, query, "bought-together", item_id)
        baskets = LiveBaskets.open(served.snapshot).current()
        scores, n_users = baskets.bought_with(position, page.sold)
        best = best_of(scores, page.sold, page.n, served.catalogue.articles)
        reasons = [Reason("bought_together", {"count": int(n_users[row])}) for row, _ in best]
        return related(page, best, reasons)


def _add_charts(router: APIRouter, app_state: AppState) -> None:
    @router.get("/trending")
    def trending(query: Annotated[TrendingQuery, Query()]) -> ScoredItems:
        """Items by their likers, each weighted by the age of the latest like (exponential decay)."""
        return chart(app_state, Chart.TRENDING, query, query.half_life_days)

    @router.get("/popular")
    def popular(query: Annotated[ListQuery, Query()]) -> ScoredItems:
        """Items by their likes when the ranker was trained, recent ones counting more."""
        return chart(app_state, Chart.POPULAR, query)

    @router.get("/new")
    def new(query: Annotated[ListQuery, Query()]) -> ScoredItems:
        """Items by their launch, the newest first; the score is the time in seconds since 1970."""
        return chart(app_state, Chart.NEW, query)


def _completion(app_state: AppState) -> APIRouter:
    router = guarded_router(RouteRules(Role.READ, MAX_BODY_BYTES))
    # Threads of their own: the first completion after an import may train a model.
    threads = CapacityLimiter(MAX_COMPLETIONS)

    @router.post("/complete")
    async def complete_set(body: CompletionRequest) -> RelatedItems:
        """Items that a set (a basket, a board, an outfit) misses, by what stands together in collections."""
        return await to_thread.run_sync(complete, app_state, body.item_ids, body, limiter=threads)

    @router.get("/items/{item_id:ids}/goes-well-with")
    async def goes_well_with(item_id: str, query: Annotated[CompletionQuery, Query()]) -> RelatedItems:
        """Items that complete a set which holds this one, by what stands together in collections."""
        known_position(item_id, app_state.served)
        return await to_thread.run_sync(complete, app_state, [item_id], query, limiter=threads)

    return router
