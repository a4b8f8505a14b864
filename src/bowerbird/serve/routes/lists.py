"""Lists for nobody in particular: search, similar items, charts, and what goes with an item."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, HTTPException, Query, Request

from bowerbird.assist.languages.queries import query_for_catalogue
from bowerbird.errors import InputError
from bowerbird.recommend.completion.completer import Completer
from bowerbird.recommend.lists.charts import Chart, best_of, chart_scores
from bowerbird.recommend.lists.together import LiveBaskets
from bowerbird.serve.app_state import AppState
from bowerbird.serve.bodies.items import RelatedItems, ScoredItems
from bowerbird.serve.bodies.lists import (
    CompletionRequest,
    ListQuery,
    PictureQuery,
    SearchQuery,
    TrendingQuery,
)
from bowerbird.serve.pages import Page, now, positions_of
from bowerbird.serve.protection.keys import Role
from bowerbird.serve.protection.routes import KB, RouteRules, guarded_router
from bowerbird.serve.routes.items import known_position
from bowerbird.serve.served_snapshot import ServedSnapshot

if TYPE_CHECKING:
    from bowerbird.embed.search.searcher import SearchHit

MAX_PICTURE_BYTES = 20 * 2**20
MAX_PICTURE_SEARCHES = 4
MAX_COMPLETIONS = 2
MAX_QUERY_LENGTH = 2000  # characters
PICTURE_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            f"image/{name}": {"schema": {"type": "string", "format": "binary"}}
            for name in ("jpeg", "png", "webp", "gif", "avif")
        },
    }
}


def routes(app_state: AppState) -> APIRouter:
    router = APIRouter()
    router.include_router(_picture_search(app_state))
    router.include_router(_completion(app_state))
    reading = guarded_router(RouteRules(Role.READ))
    _add_searches(reading, app_state)
    _add_charts(reading, app_state)
    router.include_router(reading)
    return router


def _picture_search(app_state: AppState) -> APIRouter:
    router = guarded_router(RouteRules(Role.READ, MAX_PICTURE_BYTES, is_json=False))
    # Threads of their own: searches that wait for the decoder must not hold up what needs none.
    threads = CapacityLimiter(MAX_PICTURE_SEARCHES)

    @router.post("/search", openapi_extra=PICTURE_BODY)
    async def search_by_picture(request: Request, query: Annotated[PictureQuery, Query()]) -> ScoredItems:
        """Items like a picture, whose encoded bytes are the body; a text describes the change."""
        picture, served = await request.body(), app_state.served
        if not picture:
            raise InputError("the body is empty: send a picture's bytes")

        def answer() -> ScoredItems:
            page = Page.of(
                app_state, served, query, "search", hashlib.blake2b(picture, digest_size=8).hexdigest()
            )
            text = _query_text(query.q, served)
            hits = served.searcher.search(text=text, image=picture, n=page.n, allowed=page.eligible)
            return _scored(page, hits)

        return await to_thread.run_sync(answer, limiter=threads)

    return router


def _query_text(query: str, served: ServedSnapshot) -> str | None:
    """The text of a search, cut to its longest and in the catalogue's language where it can be; or None."""
    text = query[:MAX_QUERY_LENGTH].strip()
    return query_for_catalogue(text, served.snapshot) if text else None


def _scored(page: Page, hits: list[SearchHit]) -> ScoredItems:
    return ScoredItems(**page.scored([(hit.position, hit.score) for hit in hits]))


def _add_searches(router: APIRouter, app_state: AppState) -> None:
    @router.get("/search")
    def search(query: Annotated[SearchQuery, Query()]) -> ScoredItems:
        """Items by text, or like an item; with an item, the text describes the change."""
        served = app_state.served
        if query.item is not None:
            known_position(query.item, served)
        if not query.q.strip() and query.item is None:
            raise InputError("name what to search for: ?q=TEXT or ?item=ID")
        page, text = Page.of(app_state, served, query, "search"), _query_text(query.q, served)
        hits = served.searcher.search(text=text, item=query.item, n=page.n, allowed=page.eligible)
        return _scored(page, hits)

    @router.get("/items/{item_id:ids}/similar")
    def similar(item_id: str, query: Annotated[ListQuery, Query()]) -> ScoredItems:
        """Items like one item."""
        served = app_state.served
        known_position(item_id, served)
        page = Page.of(app_state, served, query, "similar", item_id)
        return _scored(page, served.searcher.search(item=item_id, n=page.n, allowed=page.eligible))

    @router.get("/items/{item_id:ids}/bought-together")
    def bought_together(item_id: str, query: Annotated[ListQuery, Query()]) -> RelatedItems:
        """Items that at least two users bought, or put into a cart, on one day with this one."""
        served = app_state.served
        position = known_position(item_id, served)
        page = Page.of(app_state, served, query, "bought-together", item_id)
        baskets = LiveBaskets.open(served.snapshot).current()
        scores, n_users = baskets.bought_with(position, page.sold)
        best = best_of(scores, page.sold, page.n, served.catalogue.articles)
        reasons = [f"bought together by {n_users[row]} users" for row, _ in best]
        return _related(page, best, reasons)


def _related(page: Page, best: Sequence[tuple[int, float]], reasons: list[str]) -> RelatedItems:
    rows = [
        page.served.item(position) | {"score": score, "propensity": 1.0, "reason": reason}
        for (position, score), reason in zip(best, reasons, strict=True)
    ]
    return RelatedItems(**page.answer([position for position, _ in best], rows))


def _add_charts(router: APIRouter, app_state: AppState) -> None:
    def chart(name: Chart, query: ListQuery, half_life_days: float = 7.0) -> ScoredItems:
        served = app_state.served
        served.taste.refresh()
        page = Page.of(app_state, served, query, name.value)
        scores = chart_scores(name, served.recommender, now(), half_life_days)
        return ScoredItems(**page.scored(best_of(scores, page.sold, page.n, served.catalogue.articles)))

    @router.get("/trending")
    def trending(query: Annotated[TrendingQuery, Query()]) -> ScoredItems:
        """Items by their likers, each weighted by the age of the latest like (exponential decay)."""
        return chart(Chart.TRENDING, query, query.half_life_days)

    @router.get("/popular")
    def popular(query: Annotated[ListQuery, Query()]) -> ScoredItems:
        """Items by their likes when the ranker was trained, recent ones counting more."""
        return chart(Chart.POPULAR, query)

    @router.get("/new")
    def new(query: Annotated[ListQuery, Query()]) -> ScoredItems:
        """Items by their launch, the newest first; the score is the time in seconds since 1970."""
        return chart(Chart.NEW, query)


def _completion(app_state: AppState) -> APIRouter:
    router = guarded_router(RouteRules(Role.READ, 64 * KB))
    # Threads of their own: the first completion after an import may train a model.
    threads = CapacityLimiter(MAX_COMPLETIONS)

    def complete(served: ServedSnapshot, item_ids: list[str], n: int) -> RelatedItems:
        if not served.snapshot.collections:
            raise HTTPException(404, "this shop has no collections (boards, outfits) to learn from")
        completions = Completer.open(served.snapshot).complete(item_ids, n)
        page = Page.of(app_state, served, ListQuery(n=n), "complete", *item_ids)
        best = [(served.catalogue.position[each.item_id], each.score) for each in completions]
        body = _related(page, best, [each.reason for each in completions])
        return body.model_copy(update={"next_cursor": None})

    @router.post("/complete")
    async def complete_set(body: CompletionRequest) -> RelatedItems:
        """Items that a set (a basket, a board, an outfit) misses, by what stands together in collections."""
        served = app_state.served
        positions, _ = positions_of(body.item_ids, served)
        if not len(positions):
            raise HTTPException(404, "there is none of these items")
        ids = [served.catalogue.ids[position] for position in np.sort(positions)]
        return await to_thread.run_sync(complete, served, ids, body.n, limiter=threads)

    @router.get("/items/{item_id:ids}/goes-well-with")
    async def goes_well_with(item_id: str, n: Annotated[int, Query(ge=1, le=200)] = 10) -> RelatedItems:
        """Items that complete a set which holds this one, by what stands together in collections."""
        served = app_state.served
        known_position(item_id, served)
        return await to_thread.run_sync(complete, served, [item_id], n, limiter=threads)

    return router
