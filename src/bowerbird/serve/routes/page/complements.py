"""What of other kinds goes well with an item or a board, by what is liked together and by likeness.

Every store can answer it. What stands together in collections, and what is bought together, are other
questions: see `lists`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import numpy as np
from fastapi import APIRouter, Query

from bowerbird.recommend.completion.complements import Complements
from bowerbird.serve.app_state import AppState
from bowerbird.serve.bodies.items import RelatedItems
from bowerbird.serve.bodies.lists import Count, RelatedQuery
from bowerbird.serve.pages import Page
from bowerbird.serve.protection.keys import Role
from bowerbird.serve.protection.routes import RouteRules, guarded_router
from bowerbird.serve.services.completions import related
from bowerbird.serve.services.items import known_position


class ComplementQuery(RelatedQuery):
    """Of complements."""

    n: Count = 8


def routes(app_state: AppState) -> APIRouter:
    """To be added before the routes of items, of which the bare item's matches everything."""
    router = guarded_router(RouteRules(Role.READ))

    @router.get("/items/{item_id:ids}/complements")
    def complements(item_id: str, query: Annotated[ComplementQuery, Query()]) -> RelatedItems:
        """Items of other kinds that go well with one item, by likes and likeness."""
        served = app_state.served
        position = known_position(item_id, served)
        return find_complements(Page.of(app_state, served, query, "complements", item_id), [position])

    return router


def find_complements(page: Page, positions: Sequence[int]) -> RelatedItems:
    """What goes well with items by position; nothing for none."""
    best = []
    if positions:
        complements = Complements(page.served.recommender.ranker)
        best = complements.find(np.array(positions, np.int64), page.n, page.eligible)
    return related(page, [(each.position, each.score) for each in best], [each.explanation for each in best])
