"""What the words of a search mean, as the assistant reads them: "green lamp under 60" has three filters."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from fastapi import APIRouter, Query

from bowerbird.assist.languages.queries import query_for_catalogue
from bowerbird.assist.request import Order, Request
from bowerbird.assist.understand.readable import unmentioned_words
from bowerbird.assist.understand.understanding import understand
from bowerbird.errors import InputError
from bowerbird.serve.app_state import AppState
from bowerbird.serve.bodies.base import Body
from bowerbird.serve.protection.keys import Role
from bowerbird.serve.protection.routes import RouteRules, guarded_router
from bowerbird.serve.served_snapshot import ServedSnapshot

ORDERS: dict[Order, Literal["cheapest", "dearest"]] = {
    Order.CHEAPEST: "cheapest",
    Order.MOST_EXPENSIVE: "dearest",
}


class SearchReading(Body):
    """Filters and what is left to search for."""

    words: str
    unknown: str
    """The words, where no item mentions any of them: what is listed then comes close in meaning only."""
    kind: str | None
    """A category, where the words name one."""
    colour: str | None
    price_min: float | None
    price_max: float | None
    order: Literal["best", "cheapest", "dearest"]


def routes(app_state: AppState) -> APIRouter:
    """Make the router of this resource."""
    router = guarded_router(RouteRules(Role.READ))

    @router.get("/search/reading")
    def reading(q: Annotated[str, Query(min_length=1, max_length=2000)]) -> SearchReading:
        """The filters that the words of a search name, and the words that remain."""
        served = app_state.served
        if served.position_of(q.strip()) is not None:  # an id has no meaning
            return _as_reading(Request(words=q), "")
        request = _read(q, served)
        return _as_reading(request, unmentioned_words(request, served.assistant.parts.lexicon))

    return router


def _read(text: str, served: ServedSnapshot) -> Request:
    parts = served.assistant.parts
    try:
        return understand(
            query_for_catalogue(text, served.snapshot),
            parts.vocabulary,
            real_words=parts.lexicon.items_by_stem,
            is_aside=parts.is_aside,
        )
    except InputError:  # no word in it
        return Request(words=text)


def _as_reading(request: Request, unknown: str) -> SearchReading:
    return SearchReading(
        words=request.words,
        unknown=unknown,
        kind=_only(request, "type"),
        colour=_only(request, "colour") or _only(request, "color"),
        price_min=request.price.low or None,
        price_max=request.price.high if math.isfinite(request.price.high) else None,
        order=ORDERS.get(request.order, "best"),
    )


def _only(request: Request, facet: str) -> str | None:
    """The value of a facet, where the words leave no choice."""
    values = request.facets.get(facet, frozenset())
    return next(iter(values)) if len(values) == 1 else None
