"""Changes of items by a shop's own systems: in force when answered, in this process and soon in others."""

from __future__ import annotations

import uuid

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, HTTPException

from bowerbird.data.ingest.imports import import_records
from bowerbird.data.ingest.item_changes import ItemPatch, patch_items, withdraw_items
from bowerbird.data.readers.records import ItemDraft
from bowerbird.serve.app_state import AppState
from bowerbird.serve.bodies.item_changes import (
    ItemsRequest,
    PatchesRequest,
    PricePatch,
)
from bowerbird.serve.bodies.items import ItemPageBody, ItemsResult, PatchesResult, Withdrawal
from bowerbird.serve.protection.keys import Role
from bowerbird.serve.protection.routes import KB, RouteRules, guarded_router

MAX_BODY_BYTES = 32_000 * KB
ORIGIN = "http"
"""What imports name as their layout."""


def routes(app_state: AppState) -> APIRouter:
    router = guarded_router(RouteRules(Role.ADMIN, MAX_BODY_BYTES))
    writer = CapacityLimiter(1)  # each change publishes a version of the catalogue

    @router.put("/items")
    async def put_items(body: ItemsRequest) -> ItemsResult:
        """Add items, or put them in the place of those with their ids."""
        return await to_thread.run_sync(_put_items, app_state, body, limiter=writer)

    @router.patch("/items")
    async def patch_many(body: PatchesRequest) -> PatchesResult:
        """Change prices and stock of many items."""
        patches = [each.as_patch(each.item_id) for each in body.items]
        await to_thread.run_sync(_patch, app_state, patches, limiter=writer)
        return PatchesResult(changed=len({patch.item_id for patch in patches}))

    @router.patch("/items/{item_id:ids}")
    async def patch_item(item_id: str, body: PricePatch) -> ItemPageBody:
        """Change an item's price and stock."""
        await to_thread.run_sync(_patch, app_state, [body.as_patch(item_id)], limiter=writer)
        served = app_state.served
        position = served.position_of(item_id)
        if position is None:
            raise HTTPException(404, f"the item {item_id!r} has no vector yet, or is withdrawn")
        return ItemPageBody(**served.item_page(position))

    @router.delete("/items/{item_id:ids}")
    async def withdraw(item_id: str) -> Withdrawal:
        """Withdraw an item: it leaves every answer; its events stay, and an upsert brings it back."""
        await to_thread.run_sync(_withdraw, app_state, item_id, limiter=writer)
        return Withdrawal(item_id=item_id, withdrawn=True)

    return router


def _put_items(app_state: AppState, body: ItemsRequest) -> ItemsResult:
    before = app_state.served.snapshot.imported
    n_new = sum(each.item_id not in before for each in body.items)
    drafts = (ItemDraft(each.as_item(), each.item_id, each.picture) for each in body.items)
    summary = import_records(app_state.store, ORIGIN, drafts, uuid.uuid4().hex)
    app_state.follow()
    return ItemsResult(accepted=summary.items.accepted, new=n_new, pictures_broken=summary.images_broken)


def _patch(app_state: AppState, patches: list[ItemPatch]) -> None:
    _require_known(app_state, [patch.item_id for patch in patches])
    if any(patch.values for patch in patches):
        patch_items(app_state.store, patches)
        app_state.follow()


def _withdraw(app_state: AppState, item_id: str) -> None:
    _require_known(app_state, [item_id])
    withdraw_items(app_state.store, [item_id])
    app_state.follow()


def _require_known(app_state: AppState, item_ids: list[str]) -> None:
    """Answer status 404 where the store has no item of an id."""
    imported = app_state.served.snapshot.imported
    unknown = [item_id for item_id in item_ids if item_id not in imported]
    if unknown:
        raise HTTPException(404, f"there is no item {unknown[0]!r}")
