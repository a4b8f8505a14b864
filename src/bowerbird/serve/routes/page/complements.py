"""What goes well with an item, by what is liked together: where there are no collections to learn it from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import numpy as np
from fastapi import APIRouter, HTTPException, Query

from bowerbird.recommend.completion.complements import Complements
from bowerbird.serve.app_state import AppState
from bowerbird.serve.bodies.base import Body
from bowerbird.serve.bodies.items import ItemBody
from bowerbird.serve.protection.keys import Role
from bowerbird.serve.protection.routes import RouteRules, guarded_router
from bowerbird.serve.served_snapshot import ServedSnapshot

Count = Annotated[int, Query(ge=1, le=200)]


class ComplementItem(ItemBody):
    """An item that goes well with others, and why."""

    score: float
    reason: str


class ComplementList(Body):
    """Items of other kinds that go well with some, best first."""

    items: list[ComplementItem]


def routes(app_state: AppState) -> APIRouter:
    """To be added before the routes of items, of which the bare item's matches everything."""
    router = guarded_router(RouteRules(Role.READ))

    @router.get("/items/{item_id:ids}/complements")
    def complements(item_id: str, n: Count = 8) -> ComplementList:
        """Items of other kinds that go well with one item."""
        served = app_state.served
        position = served.position_of(item_id)
        if position is None:
            raise HTTPException(404, f"there is no item {item_id!r}")
        return find_complements(served, [position], n)

    return router


def find_complements(served: ServedSnapshot, positions: Sequence[int], n: int) -> ComplementList:
    """What goes well with items by position; nothing for none."""
    if not positions:
        return ComplementList(items=[])
    complements = Complements(served.recommender.ranker).find(np.array(positions, np.int64), n)
    return ComplementList(
        items=[
            ComplementItem(**served.item(each.position), score=each.score, reason=each.reason)
            for each in complements
        ]
    )
