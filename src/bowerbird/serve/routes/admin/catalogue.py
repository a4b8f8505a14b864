"""The catalogue as an operator sees it: every imported item, also what is never shown, and what is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated
from urllib.parse import quote

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Query
from pydantic import Field

from bowerbird.recommend.filtering.faults import Fault, FaultyCatalogue
from bowerbird.serve.app_state import AppState
from bowerbird.serve.bodies.base import Body
from bowerbird.serve.bodies.lists import Count, RequestBase
from bowerbird.serve.protection.keys import Role
from bowerbird.serve.protection.routes import RouteRules, guarded_router
from bowerbird.serve.served_snapshot import ServedSnapshot

WITHOUT_PICTURE = (Fault.NO_PICTURE, Fault.PICTURE_UNREAD)


class CatalogueQuery(RequestBase):
    """Which items to list."""

    q: Annotated[str, Field(max_length=200)] = ""
    """A part of the id, the title or the brand."""
    fault: Fault | None = None
    start: Annotated[int, Field(ge=0)] = 0
    """Items to leave out."""
    n: Count = 24


class CatalogueItem(Body):
    """An imported item."""

    item_id: str
    title: str
    price: float | None
    currency: str
    brand: str
    category: list[str]
    availability: str
    image: str | None
    """Address of its picture; empty where it has none, or is in no list."""
    faults: list[Fault]
    picture_fault: str
    """Why its link has no picture; empty where no fetch says."""


class CataloguePage(Body):
    """A page of the catalogue, in import order."""

    total: int
    """Items that match."""
    items: list[CatalogueItem]
    faults: dict[Fault, int]
    """Number of all imported items with each fault."""
    imported: int


def routes(app_state: AppState) -> APIRouter:
    """Make the router of this resource."""
    router, thread = guarded_router(RouteRules(Role.ADMIN)), CapacityLimiter(1)

    @router.get("/catalogue")
    async def catalogue(query: Annotated[CatalogueQuery, Query()]) -> CataloguePage:
        """Imported items with what is wrong with them."""
        return await to_thread.run_sync(_page, app_state, query, limiter=thread)

    return router


def _page(app_state: AppState, query: CatalogueQuery) -> CataloguePage:
    served = app_state.served
    snapshot = served.snapshot
    of = ("catalogue", "vectors")
    faulty = snapshot.open_once("faulty catalogue", lambda: FaultyCatalogue(snapshot), of=of)
    matches = faulty.find(query.q.strip(), query.fault)
    rows = matches[query.start : query.start + query.n]
    reasons = faulty.picture_faults(rows)
    return CataloguePage(
        total=len(matches),
        items=[_item(served, faulty, row, reasons) for row in rows.tolist()],
        faults={fault: int(mask.sum()) for fault, mask in faulty.masks.items()},
        imported=len(faulty.catalogue),
    )


def _item(
    served: ServedSnapshot, faulty: FaultyCatalogue, row: int, reasons: Mapping[str, str]
) -> CatalogueItem:
    item, faults = faulty.catalogue.item(row), faulty.faults_of(row)
    is_shown = served.position_of(item.item_id) is not None and not set(faults) & set(WITHOUT_PICTURE)
    return CatalogueItem(
        item_id=item.item_id,
        title=item.title,
        price=item.price,
        currency=item.currency,
        brand=item.brand,
        category=list(item.category),
        availability=item.availability,
        image=f"/items/{quote(item.item_id, safe='')}/image" if is_shown else None,
        faults=faults,
        picture_fault=reasons.get(item.image_link, ""),
    )
