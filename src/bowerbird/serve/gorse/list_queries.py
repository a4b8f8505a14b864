"""What Gorse's lists take in their addresses."""

from __future__ import annotations

import json
from typing import Annotated, Any

import numpy as np
from fastapi import Query, Request

from bowerbird.recommend.options import MAX_EXCLUDED
from bowerbird.serve.app_state import AppState
from bowerbird.serve.bodies.base import reject_invalid
from bowerbird.serve.bodies.lists import MAX_COUNT
from bowerbird.serve.gorse.bodies import DEFAULT_N, GorseListQuery
from bowerbird.serve.protection.access import Caller

MAX_CATEGORIES = 20
IN_CATEGORY: dict[str, Any] = {
    "parameters": [{"name": "in_category", "in": "path", "required": True, "schema": {"type": "string"}}]
}
"""What describes the category in a path, which `list_query` reads."""


def list_query(
    request: Request,
    category: Annotated[list[str], Query(max_length=MAX_CATEGORIES)] = [],  # noqa: B006
    n: Annotated[int, Query(ge=1, le=MAX_COUNT)] = DEFAULT_N,
    offset: Annotated[int, Query(ge=0, lt=MAX_COUNT)] = 0,
) -> GorseListQuery:
    """A request for n items behind an offset, which are in all of some categories.

    A list has `MAX_COUNT` places: behind an offset there are as many fewer.
    """
    in_path = request.path_params.get("in_category")
    names = [in_path] if in_path else [name for name in category if name]
    condition = json.dumps({"all_of": [{"category": [name]} for name in names]}) if names else None
    with reject_invalid():
        return GorseListQuery(n=min(n + offset, MAX_COUNT), offset=offset, filter=condition)


def without_seen(query: GorseListQuery, user: str, app_state: AppState, caller: Caller) -> GorseListQuery:
    """The same request without what a user has seen lately; as it is where no user is named."""
    if not user:
        return query
    caller.check_user(user)
    taste = app_state.served.taste
    taste.refresh()
    state, ids = taste.state(user), taste.catalogue.ids
    seen = [*state.seen_before.tolist(), *np.unique(state.items).tolist()][-MAX_EXCLUDED:]
    return query.model_copy(update={"exclude": [ids[position] for position in seen]})
