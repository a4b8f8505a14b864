"""Gorse's items, in the catalogue."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, HTTPException, Query

from bowerbird.data.items import Item
from bowerbird.errors import InputError
from bowerbird.serve.app_state import AppState
from bowerbird.serve.bodies.item_changes import MAX_ITEMS, ItemsRequest
from bowerbird.serve.bodies.lists import MAX_COUNT, SearchQuery
from bowerbird.serve.gorse.bodies import (
    DEFAULT_N,
    GorseItem,
    GorseItemInput,
    GorseItemPatch,
    ItemPage,
    Success,
)
from bowerbird.serve.gorse.cursors import read_cursor, write_cursor
from bowerbird.serve.gorse.items import changed_item, gorse_item, item_input
from bowerbird.serve.protection.keys import Role
from bowerbird.serve.protection.routes import KB, RouteRules, guarded_router, joined_router
from bowerbird.serve.services.item_writer import ItemWriter
from bowerbird.serve.services.searches import search

MAX_BODY_BYTES = 32_000 * KB


def routes(app_state: AppState, writer: ItemWriter) -> APIRouter:
    return joined_router(_changes(app_state, writer), _reading(app_state))


def _changes(app_state: AppState, writer: ItemWriter) -> APIRouter:
    router = guarded_router(RouteRules(Role.ADMIN, MAX_BODY_BYTES))

    async def put(items: list[GorseItemInput]) -> Success:
        if len(items) > MAX_ITEMS:
            raise InputError(f"{len(items):,} items: send at most {MAX_ITEMS:,} at a time")
        latest = {item.ItemId: item_input(item) for item in items}
        if latest:
            await writer.put(ItemsRequest(items=list(latest.values())))
        return Success(RowAffected=len(items))

    async def change(item_id: str, make: Callable[[Item], Item]) -> Success:
        _known_item(app_state, item_id)
        await writer.change(item_id, make)
        return Success(RowAffected=1)

    @router.post("/api/item")
    async def insert_item(item: GorseItemInput) -> Success:
        """Add an item, or put it in the place of the one with its id."""
        return await put([item])

    @router.post("/api/items")
    async def insert_items(items: list[GorseItemInput]) -> Success:
        """Add many: all of them, or none."""
        return await put(items)

    @router.patch("/api/item/{item_id:id}")
    async def modify_item(item_id: str, patch: GorseItemPatch) -> Success:
        """Change what is sent of an item; null is not a change."""
        changes = patch.model_dump(exclude_none=True)
        return await change(item_id, lambda item: changed_item(item, changes))

    @router.delete("/api/item/{item_id:id}")
    async def delete_item(item_id: str) -> Success:
        """Withdraw an item: it leaves every answer; its feedback stays, and an insertion brings it back."""
        await writer.withdraw(item_id)
        return Success(RowAffected=1)

    @router.put("/api/item/{item_id:id}/category/{category:id}")
    async def insert_category(item_id: str, category: str) -> Success:
        """Add a category to an item."""
        return await change(item_id, lambda item: _with_category(item, category))

    @router.delete("/api/item/{item_id:id}/category/{category:id}")
    async def delete_category(item_id: str, category: str) -> Success:
        """Take a category from an item."""
        return await change(item_id, lambda item: _without_category(item, category))

    return router


def _with_category(item: Item, category: str) -> Item:
    return changed_item(item, {"Categories": list(dict.fromkeys([*item.category, category]))})


def _without_category(item: Item, category: str) -> Item:
    return replace(item, category=tuple(name for name in item.category if name != category))


def _reading(app_state: AppState) -> APIRouter:
    router = guarded_router(RouteRules(Role.READ))

    @router.get("/api/items")
    def list_items(
        n: Annotated[int, Query(ge=1, le=MAX_ITEMS)] = DEFAULT_N, cursor: str = "", q: str = ""
    ) -> ItemPage:
        """Items in the order of their import; with `q` those that a search finds."""
        if q:
            hits = search(app_state, SearchQuery(q=q, n=min(n, MAX_COUNT))).items
            return ItemPage(
                Cursor="", Items=[gorse_item(_known_item(app_state, hit.item_id)) for hit in hits]
            )
        return _page(app_state, n, cursor)

    @router.get("/api/item/{item_id:id}")
    def item(item_id: str) -> GorseItem:
        """One item."""
        return gorse_item(_known_item(app_state, item_id))

    return router


def _page(app_state: AppState, n: int, cursor: str) -> ItemPage:
    """The n items after that of a cursor."""
    imported, first = app_state.served.snapshot.imported, 0
    if cursor:
        (last,) = read_cursor(cursor, 1)
        first = imported.position.get(last, len(imported)) + 1
    rows = [row for row in range(first, len(imported)) if not imported.withdrawn[row]]
    items = [imported.item(row) for row in rows[:n]]
    following = write_cursor(items[-1].item_id) if len(rows) > n else ""
    return ItemPage(Cursor=following, Items=[gorse_item(item) for item in items])


def _known_item(app_state: AppState, item_id: str) -> Item:
    """An imported item, whether it has a vector or not; status 404 for one that is unknown or withdrawn."""
    imported = app_state.served.snapshot.imported
    position = imported.position.get(item_id)
    if position is None or imported.withdrawn[position]:
        raise HTTPException(404, f"there is no item {item_id!r}")
    return imported.item(position)
