"""Gorse's users: here they come into being with their first event, and have no labels."""

from __future__ import annotations

from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, HTTPException, Query, Request

from bowerbird.serve.app_state import AppState
from bowerbird.serve.bodies.base import UserId
from bowerbird.serve.gorse.bodies import (
    DEFAULT_N,
    MAX_BATCH,
    GorseUser,
    GorseUserInput,
    GorseUserPatch,
    Success,
    UserPage,
)
from bowerbird.serve.gorse.cursors import read_cursor, write_cursor
from bowerbird.serve.protection.access import caller_of
from bowerbird.serve.protection.keys import Role
from bowerbird.serve.protection.routes import KB, RouteRules, guarded_router, joined_router
from bowerbird.serve.services.erasures import Eraser

MAX_BODY_BYTES = 4_000 * KB


def routes(app_state: AppState, eraser: Eraser) -> APIRouter:
    return joined_router(_insertion(), _single_users(app_state, eraser), _user_list(app_state))


def _insertion() -> APIRouter:
    router = guarded_router(RouteRules(Role.EVENTS_WRITE, MAX_BODY_BYTES))

    def check(users: list[GorseUserInput], request: Request) -> Success:
        for user in users:
            caller_of(request).check_user(user.UserId)
        return Success(RowAffected=len(users))

    @router.post("/api/user")
    async def insert_user(user: GorseUserInput, request: Request) -> Success:
        """Nothing to store: a user comes into being with the first event."""
        return check([user], request)

    @router.post("/api/users")
    async def insert_users(users: list[GorseUserInput], request: Request) -> Success:
        """The same for many users."""
        return check(users, request)

    return router


def _single_users(app_state: AppState, eraser: Eraser) -> APIRouter:
    router = guarded_router(RouteRules(Role.PROFILE))

    @router.get("/api/user/{user:id}")
    def get_user(user: UserId) -> GorseUser:
        """A user who has events."""
        taste = app_state.served.taste
        taste.refresh()
        if user not in taste:
            raise HTTPException(404, "this user has no events")
        return GorseUser(UserId=user)

    @router.patch("/api/user/{user:id}")
    async def modify_user(user: UserId, patch: GorseUserPatch) -> Success:
        """Refused where anything is to be stored."""
        return Success(RowAffected=1)

    @router.delete("/api/user/{user:id}")
    async def delete_user(user: UserId, request: Request) -> Success:
        """Erase a user, with all feedback."""
        return Success(RowAffected=int(await eraser.erase(user, request)))

    return router


def _user_list(app_state: AppState) -> APIRouter:
    router = guarded_router(RouteRules(Role.ADMIN))

    @router.get("/api/users")
    async def users(n: Annotated[int, Query(ge=1, le=MAX_BATCH)] = DEFAULT_N, cursor: str = "") -> UserPage:
        """Users who have events, in the order of their ids."""
        last = read_cursor(cursor, 1)[0] if cursor else ""
        taste = app_state.served.taste
        await to_thread.run_sync(taste.refresh)
        ids = await to_thread.run_sync(taste.users_after, last, n + 1)
        return UserPage(
            Cursor=write_cursor(ids[n - 1]) if len(ids) > n else "",
            Users=[GorseUser(UserId=user) for user in ids[:n]],
        )

    return router
