"""`DELETE /users/{user}`: acknowledged at once, durable, and in force from the next answer on.

The files are rewritten by another process (see `shop.Training`), once for all who wait.
"""

from __future__ import annotations

from typing import Any

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter

from bowerbird.serve.app_state import Shop
from bowerbird.taste.control.forgetting import is_named


def routes(shop: Shop) -> APIRouter:
    router = APIRouter()
    # Whom the taste graph doesn't know is looked for in every file. That may take seconds, and must not take
    # the threads that others answer from.
    looking = CapacityLimiter(1)

    @router.delete("/users/{user}")
    async def forget(user: str) -> dict[str, Any]:
        """Erase a user. What happens under the same id from now on is of a new user."""

        def is_known() -> bool:
            taste = shop.now.taste
            taste.refresh()
            return user in taste or taste.erasure_of(user) is not None

        is_there = await to_thread.run_sync(is_known) or await to_thread.run_sync(
            is_named, shop.store, user, limiter=looking
        )
        if not is_there:
            return {"user": user, "events_erased": 0, "status": "nothing to erase"}
        await to_thread.run_sync(lambda: shop.now.taste.request_erasures([user]))
        return {"user": user, "events_erased": None, "status": "acknowledged"}

    return router
