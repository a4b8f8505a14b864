"""Changes of items by a shop's own systems: in force when answered."""

from __future__ import annotations

from fastapi import APIRouter, HTTPException

from bowerbird.serve.app_state import AppState
from bowerbird.serve.bodies.errors import ErrorBody
from bowerbird.serve.bodies.item_changes import ItemsRequest, PatchesRequest, PricePatch
from bowerbird.serve.bodies.items import ItemPageBody, ItemsResult, PatchesResult, Withdrawal
from bowerbird.serve.protection.keys import Role
from bowerbird.serve.protection.routes import KB, RouteRules, guarded_router
from bowerbird.serve.services.item_writer import ItemWriter

MAX_BODY_BYTES = 32_000 * KB


def routes(app_state: AppState, writer: ItemWriter) -> APIRouter:
    """Make the router of this resource."""
    router = guarded_router(RouteRules(Role.ADMIN, MAX_BODY_BYTES))

    @router.put("/items", responses={409: {"model": ErrorBody, "description": "Items that can't be used."}})
    async def put_items(body: ItemsRequest) -> ItemsResult:
        """Add items, or put them in the place of those with their ids."""
        return await writer.put(body)

    @router.patch("/items")
    async def patch_many(body: PatchesRequest) -> PatchesResult:
        """Change prices and stock of many items."""
        patches = [each.as_patch(each.item_id) for each in body.items]
        await writer.patch(patches)
        return PatchesResult(changed=len({patch.item_id for patch in patches}))

    @router.patch("/items/{item_id:item}")
    async def patch_item(item_id: str, body: PricePatch) -> ItemPageBody:
        """Change an item's price and stock."""
        await writer.patch([body.as_patch(item_id)])
        served = app_state.served
        position = served.position_of(item_id)
        if position is None:
            raise HTTPException(404, f"the item {item_id!r} has no vector yet, or is withdrawn")
        return ItemPageBody(**served.item_page(position))

    @router.delete("/items/{item_id:item}")
    async def withdraw(item_id: str) -> Withdrawal:
        """Withdraw an item: it leaves every answer; its events stay, and an upsert brings it back."""
        await writer.withdraw(item_id)
        return Withdrawal(item_id=item_id, withdrawn=True)

    return router
