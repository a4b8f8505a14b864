"""Single items and their pictures; the list of users, and interests of one."""

from __future__ import annotations

import hashlib
from enum import IntEnum
from functools import lru_cache
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query, Request
from starlette.responses import Response

from bowerbird.data.files.images import small_copy
from bowerbird.serve.app_state import AppState
from bowerbird.serve.bodies.base import UserId
from bowerbird.serve.bodies.interests import InterestBody, InterestList
from bowerbird.serve.bodies.items import ItemPageBody
from bowerbird.serve.bodies.users import UserIds
from bowerbird.serve.protection.keys import Role
from bowerbird.serve.protection.routes import RouteRules, guarded_router, joined_router
from bowerbird.serve.services.items import known_position
from bowerbird.serve.services.json_ld import encode_json_ld

PICTURE_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {
            f"image/{name}": {"schema": {"type": "string", "format": "binary"}}
            for name in ("jpeg", "png", "webp")
        }
    },
    304: {"description": "The client's picture, named by If-None-Match, is still the same."},
}
JSON_LD = "application/ld+json"
JSON_LD_ANSWER: dict[int | str, dict[str, Any]] = {
    200: {"content": {JSON_LD: {"schema": {"type": "object"}}}}
}
PICTURE_CACHING = "public, max-age=3600, stale-while-revalidate=86400"
MAX_CACHED_COPIES = 1000
"""Scaled pictures in memory, some 20 MB: those of first views are asked for by every visitor."""
Count = Annotated[int, Query(ge=1, le=200)]


class PictureSize(IntEnum):
    """Pixels of a picture's longer side."""

    SMALL, MEDIUM, LARGE = 224, 448, 896


def routes(app_state: AppState) -> APIRouter:
    """Ids may contain a slash, so they are paths, and these routes come after all with a fixed end."""
    reading = guarded_router(RouteRules(Role.READ))
    _add_interests(reading, app_state)
    _add_item(reading, app_state)
    return joined_router(_user_list(app_state), _pictures(app_state), reading)


def _user_list(app_state: AppState) -> APIRouter:
    router = guarded_router(RouteRules(Role.ADMIN))

    @router.get("/users")
    def users(n: Count = 50) -> UserIds:
        """The most active users."""
        taste = app_state.served.taste
        taste.refresh()
        return UserIds(users=taste.users(n))

    return router


def _add_interests(router: APIRouter, app_state: AppState) -> None:
    @router.get("/users/{user:id}/interests")
    def interests(user: UserId) -> InterestList:
        """Interests of a user, strongest first."""
        taste = app_state.served.taste
        taste.refresh()
        interests = taste.interests(taste.state(user))
        bodies = [InterestBody(**interest.as_dict()) for interest in interests]
        return InterestList(user=user, interests=bodies)


def _pictures(app_state: AppState) -> APIRouter:
    """Pictures need no key: pages show them by address, and anybody who visits the shop sees them."""
    router = guarded_router(RouteRules())

    @router.get("/items/{item_id:ids}/image", responses=PICTURE_ANSWERS, response_class=Response)
    def image(item_id: str, request: Request, size: PictureSize | None = None) -> Response:
        """An item's picture, as it is or at most `size` pixels wide and high; never enlarged."""
        served = app_state.served
        encoded = served.catalogue.image(known_position(item_id, served))
        if encoded is None:
            raise HTTPException(404, f"the item {item_id!r} has no picture")
        tag = hashlib.blake2b(encoded, digest_size=12, salt=str(size or 0).encode()).hexdigest()
        headers = {"Cache-Control": PICTURE_CACHING, "ETag": f'"{tag}"'}
        if tag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        content = encoded if size is None else _small_copy(encoded, size)
        return Response(content, media_type=_media_type(content), headers=headers)

    return router


@lru_cache(maxsize=MAX_CACHED_COPIES)
def _small_copy(encoded: bytes, size: int) -> bytes:
    return small_copy(encoded, size)


def _add_item(router: APIRouter, app_state: AppState) -> None:
    @router.get("/items/{item_id:ids}/json-ld", responses=JSON_LD_ANSWER, response_class=Response)
    def json_ld(item_id: str) -> Response:
        """The item as schema.org `Product`, to be put into the shop's page of it."""
        served = app_state.served
        item = served.catalogue.item(known_position(item_id, served))
        return Response(encode_json_ld(item), media_type=JSON_LD)

    @router.get("/items/{item_id:item}")
    def item(item_id: str) -> ItemPageBody:
        """One item, with all its fields and the variants of its article."""
        served = app_state.served
        return ItemPageBody(**served.item_page(known_position(item_id, served)))


def _media_type(encoded: bytes) -> str:
    if encoded[:4] == b"\x89PNG":
        return "image/png"
    return "image/webp" if encoded[8:12] == b"WEBP" else "image/jpeg"
