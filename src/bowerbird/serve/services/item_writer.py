"""Changes of items by a shop's own systems: in force when answered, in this process and soon in others."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence

from anyio import CapacityLimiter, to_thread
from fastapi import HTTPException

from bowerbird.data.ingest.imports import import_records
from bowerbird.data.ingest.item_changes import ItemPatch, change_item, patch_items, withdraw_items
from bowerbird.data.items import Item
from bowerbird.data.readers.records import ItemDraft
from bowerbird.errors import InputError
from bowerbird.serve.app_state import AppState
from bowerbird.serve.bodies.item_changes import ItemsRequest
from bowerbird.serve.bodies.items import ItemsResult

ORIGIN = "http"
"""What imports name as their layout."""


class ItemWriter:
    """Changes items of one server's store, one request at a time: each publishes a catalogue."""

    def __init__(self, app_state: AppState) -> None:
        self._app_state = app_state
        self._thread = CapacityLimiter(1)

    async def put(self, request: ItemsRequest) -> ItemsResult:
        """Add items, or put them in the place of those with their ids; status 409 where none can be used."""

        if request.fault:
            raise HTTPException(409, request.fault)

        def put() -> ItemsResult:
            before = self._app_state.served.snapshot.imported
            n_new = sum(each.item_id not in before for each in request.items)
            drafts = (ItemDraft(each.as_item(), each.item_id, each.picture) for each in request.items)
            try:
                summary = import_records(self._app_state.store, ORIGIN, drafts, uuid.uuid4().hex)
            except InputError as error:
                raise HTTPException(409, str(error)) from None
            return ItemsResult(
                accepted=summary.items.accepted, new=n_new, pictures_broken=summary.images_broken
            )

        result = await to_thread.run_sync(put, limiter=self._thread)
        await self._follow()
        return result

    async def patch(self, patches: Sequence[ItemPatch]) -> None:
        """Change prices and stock: all, or none where an item is unknown (status 404)."""
        self._require_known([patch.item_id for patch in patches])
        if any(patch.values for patch in patches):
            await to_thread.run_sync(patch_items, self._app_state.store, patches, limiter=self._thread)
            await self._follow()

    async def change(self, item_id: str, change: Callable[[Item], Item]) -> None:
        """Put what `change` makes of an item in its place; status 404 for an unknown one."""
        self._require_known([item_id])
        await to_thread.run_sync(change_item, self._app_state.store, item_id, change, limiter=self._thread)
        await self._follow()

    async def withdraw(self, item_id: str) -> None:
        """Withdraw an item; status 404 for an unknown one."""
        self._require_known([item_id])
        await to_thread.run_sync(withdraw_items, self._app_state.store, [item_id], limiter=self._thread)
        await self._follow()

    async def _follow(self) -> None:
        await to_thread.run_sync(self._app_state.follow, limiter=self._thread)

    def _require_known(self, item_ids: Sequence[str]) -> None:
        imported = self._app_state.served.snapshot.imported
        unknown = [item_id for item_id in item_ids if item_id not in imported]
        if unknown:
            raise HTTPException(404, f"there is no item {unknown[0]!r}")
