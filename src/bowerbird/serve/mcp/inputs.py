"""What tools take. A field that is not declared is an error, as over HTTP."""

from __future__ import annotations

import json
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_validator

from bowerbird.serve.bodies.base import UserId
from bowerbird.serve.bodies.lists import Cursor, Excluded, Filter, ItemId, Outcome, RequestBase

MAX_LOOKUP = 50
MAX_LISTED = 50
"""More items than a model's context should hold."""
MAX_COMPARED = 4

Count = Annotated[int, Field(ge=1, le=MAX_LISTED)]


def _from_text(value: Any) -> Any:
    """Read JSON that a model wrote as a text: some clients do that to every object."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        raise ValueError('not a filter: write {"price": {"max": 60}, "in_stock": true}') from None


FilterOrText = Annotated[Filter | None, BeforeValidator(_from_text)]


class ListInput(RequestBase):
    """What every list takes."""

    filter: FilterOrText = None
    """Conditions that every item must meet: {"price": {"max": 60}, "in_stock": true}."""
    exclude: Excluded = Field(default=[])
    """Ids of items to leave out."""
    n: Count = 10
    """How many items."""
    cursor: Cursor | None = None
    """`next_cursor` of the page before; all else but `n` must be as it was."""


class SearchInput(ListInput):
    """A search."""

    query: Annotated[str, Field(max_length=2000)] = ""
    """What is looked for, in words; with `similar_to` the change ("but smaller")."""
    similar_to: ItemId | None = None
    """Id of an item that the results should be like."""

    @model_validator(mode="after")
    def _check_query(self) -> SearchInput:
        if not self.query.strip() and self.similar_to is None:
            raise ValueError("name what to search for: a query, or the id of an item in similar_to")
        return self


class LookupInput(RequestBase):
    """Items by their ids."""

    item_ids: Annotated[list[ItemId], Field(min_length=1, max_length=MAX_LOOKUP)]


class ProductInput(RequestBase):
    """One item."""

    item_id: ItemId


class RecommendInput(ListInput):
    """Whom a list is for. Without a user and items it is of what is popular."""

    user: UserId | None = None
    """Id of a user whose events the shop has."""
    viewed: Annotated[list[ItemId], Field(max_length=100)] = Field(default=[])
    """Ids of items that a visitor looked at, oldest first; they are not logged."""
    outcome: Outcome = "click"
    """What to optimise for."""


class CompleteInput(RequestBase):
    """A set (a basket, a board, an outfit)."""

    item_ids: Annotated[list[ItemId], Field(min_length=1, max_length=MAX_LOOKUP)]
    n: Count = 8


class CompareInput(RequestBase):
    """Items to put side by side."""

    item_ids: Annotated[list[ItemId], Field(min_length=2, max_length=MAX_COMPARED)]


class ExplainInput(RequestBase):
    """An item, and the user whom it may suit."""

    item_id: ItemId
    user: UserId | None = None
    """May be left out where the connection is one user's."""


class SaveInput(ExplainInput):
    """An item to save for a user."""

    recommendation_id: Annotated[str, Field(min_length=1, max_length=100)] | None = None
    """Of the list that the item was on: the shop learns which lists were good."""
