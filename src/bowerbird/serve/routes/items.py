"""People and items: recommendations, interests, search, single items and their pictures."""

from __future__ import annotations

import os
import time
from typing import Annotated, Any

import numpy as np
from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, HTTPException, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response

from bowerbird.data.events import Action
from bowerbird.errors import InputError
from bowerbird.recommend.options import RecommendOptions
from bowerbird.serve.app_state import Shop
from bowerbird.serve.served_snapshot import Stages

MOST_PICTURE_BYTES = 20 * 2**20
LONGEST_QUERY = 2000  # characters
Count = Annotated[int, Query(ge=1, le=200)]
HalfLife = Annotated[float, Query(gt=0, le=3650)]


def routes(shop: Shop) -> APIRouter:
    router = APIRouter()
    _people(router, shop)
    _items(router, shop)
    return router


def _people(router: APIRouter, shop: Shop) -> None:
    @router.get("/users")
    def users(n: Count = 50) -> dict[str, Any]:
        """The most active people."""
        taste = shop.now.taste
        taste.refresh()
        return {"users": taste.users(n)}

    # Whoever asks at once with more than there are processors would only wait together, and longer.
    answering = CapacityLimiter(os.cpu_count() or 1)

    @router.get("/users/{user}/recommendations")
    async def recommendations(
        user: str,
        n: Count = 20,
        outcome: Action = Action.CLICK,
        diversity: float = 0.2,
        exploration: float = 0.0,
        seed: int | None = None,
        price_min: float | None = None,
        price_max: float | None = None,
        category: str | None = None,
    ) -> Response:
        """Items for a person, each with its reason; for a stranger what is popular."""
        diversity, exploration = min(1.0, max(0.0, diversity)), min(1.0, max(0.0, exploration))
        options = RecommendOptions(
            outcome, diversity, exploration, seed, price_min, price_max, category, shop.boosts
        )

        def answer() -> Response:
            now = shop.now
            now.taste.refresh()
            found = now.recommender.recommend_user(user, n, options)
            items = [now.item(one.position) | one.as_dict() for one in found]
            return JSONResponse({"user": user, "outcomes": now.recommender.outcomes.meaning, "items": items})

        return await to_thread.run_sync(answer, limiter=answering)

    @router.get("/users/{user}/interests")
    def interests(user: str) -> dict[str, Any]:
        """What a person is drawn to, strongest first."""
        taste = shop.now.taste
        taste.refresh()
        found = taste.interests(taste.state(user))
        return {"user": user, "interests": [one.as_dict() for one in found]}


def _items(router: APIRouter, shop: Shop) -> None:
    # Ids may hold a slash, so they are paths, and the bare item comes last.
    def found(hits: Any, now: Stages) -> dict[str, Any]:
        return {"items": [now.item(hit.position) | {"score": hit.score} for hit in hits]}

    def position_of(item_id: str, now: Stages) -> int:
        position = now.catalogue.position.get(item_id)
        if position is None or now.catalogue.withdrawn[position]:
            raise HTTPException(404, f"there is no item {item_id!r}")
        return position

    @router.get("/search")
    def search(q: str = "", item: str | None = None, n: Count = 20) -> dict[str, Any]:
        """Items by text, or like an item; with an item, the text says what shall be different."""
        now = shop.now
        if item is not None:
            position_of(item, now)
        if not q.strip() and item is None:
            raise InputError("say what to search for: ?q=TEXT or ?item=ID")
        return found(now.searcher.search(text=q[:LONGEST_QUERY].strip() or None, item=item, n=n), now)

    @router.post("/search")
    async def search_by_picture(request: Request, q: str = "", n: Count = 20) -> JSONResponse:
        """Items like a picture, whose encoded bytes are the body; a text says what shall be different."""
        picture, now = b"", shop.now
        async for part in request.stream():
            picture += part
            if len(picture) > MOST_PICTURE_BYTES:
                raise HTTPException(413, "the picture is larger than 20 MB: scale it down")
        hits = await run_in_threadpool(
            lambda: now.searcher.search(text=q[:LONGEST_QUERY].strip() or None, image=picture, n=n)
        )
        return JSONResponse(found(hits, now))

    @router.get("/trending")
    def trending(n: Count = 20, half_life_days: HalfLife = 7.0) -> dict[str, Any]:
        """What is liked just now, by everybody's latest likes: counted by people, decayed by age."""
        now = shop.now
        now.taste.refresh()
        liked = now.taste.trending(time.time_ns() // 1000, half_life_days)
        liked = np.where(now.catalogue.available, liked, 0.0)
        best = np.argsort(-liked, kind="stable")[:n]
        return {
            "items": [now.item(int(k)) | {"score": float(liked[k])} for k in best if liked[k] > 0],
        }

    @router.get("/items/{item_id:path}/similar")
    def similar(item_id: str, n: Count = 20) -> dict[str, Any]:
        """Items like one item."""
        now = shop.now
        position_of(item_id, now)
        return found(now.searcher.search(item=item_id, n=n), now)

    @router.get("/items/{item_id:path}/image")
    def image(item_id: str) -> Response:
        """An item's picture."""
        now = shop.now
        encoded = now.catalogue.image(position_of(item_id, now))
        if encoded is None:
            raise HTTPException(404, f"the item {item_id!r} has no picture")
        headers = {"Cache-Control": "public, max-age=86400"}
        return Response(encoded, media_type=_media_type(encoded), headers=headers)

    @router.get("/items/{item_id:path}")
    def item(item_id: str) -> dict[str, Any]:
        """One item."""
        now = shop.now
        return now.item(position_of(item_id, now))


def _media_type(encoded: bytes) -> str:
    if encoded[:4] == b"\x89PNG":
        return "image/png"
    return "image/webp" if encoded[8:12] == b"WEBP" else "image/jpeg"
