"""What requests for lists of items may hold: in addresses, and in JSON."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, FiniteFloat

from bowerbird.data.events import Action
from bowerbird.ids import MAX_ID_LENGTH
from bowerbird.recommend.filtering.filters import ItemFilter
from bowerbird.recommend.options import MAX_EXCLUDED
from bowerbird.recommend.reasons import ENGLISH, ReasonLanguage
from bowerbird.serve.bodies.base import NUMBER, Moment, UserId

MAX_COUNT = 200
MAX_SESSION = 500
MAX_CURSOR = 7000  # characters
MAX_INTEGER = 2**53 - 1
"""The largest that JSON's numbers hold exactly everywhere."""

ItemId = Annotated[str, Field(min_length=1, max_length=MAX_ID_LENGTH)]
Excluded = Annotated[list[ItemId], Field(max_length=MAX_EXCLUDED)]
Count = Annotated[int, Field(ge=1, le=MAX_COUNT), NUMBER]
Cursor = Annotated[str, Field(min_length=1, max_length=MAX_CURSOR)]
Share = Annotated[float, Field(ge=0, le=1), NUMBER]
Seed = Annotated[int, Field(ge=0, le=MAX_INTEGER), NUMBER]
Outcome = Literal["click", "save", "purchase"]


def _as_record(value: object) -> object:
    """Refuse 1 for true and the like, which pydantic would take in a record of another package."""
    if isinstance(value, dict):
        try:
            msgspec.convert(value, ItemFilter)
        except msgspec.ValidationError as error:
            raise ValueError(str(error)) from None
    return value


Filter = Annotated[ItemFilter, BeforeValidator(_as_record)]
"""Conditions on the fields of items, as JSON."""


class RequestBase(BaseModel):
    """Base of all requests: a field that is not declared is an error."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class ListQuery(RequestBase):
    """What every list takes in its address."""

    n: Count = 20
    cursor: Cursor | None = None
    """`next_cursor` of the page before; everything but `n` must be as it was."""
    filter: Annotated[str, Field(max_length=8000)] | None = None
    """A filter as JSON: {"price": {"max": 60}, "in_stock": true}; see `ItemFilter`."""
    exclude: Excluded = []
    """Ids of items to leave out; repeatable."""


class TrendingQuery(ListQuery):
    """Of the trending items."""

    half_life_days: Annotated[float, Field(gt=0, le=3650)] = 7.0


class SearchQuery(ListQuery):
    """Of a search."""

    q: str = ""
    """Text; with an item or a picture, the change."""
    item: str | None = None
    """Id of an item to resemble."""


class PictureQuery(ListQuery):
    """Of a search with a picture."""

    q: str = ""
    """The change."""


class RelatedQuery(ListQuery):
    """Of items that go with others, each with its reason."""

    language: ReasonLanguage = ENGLISH
    """Of the reasons."""


class UserListQuery(ListQuery):
    """Of recommendations for a known user."""

    outcome: Outcome = "click"
    """What to optimise for."""
    diversity: FiniteFloat = 0.2
    """From 0 (relevance only) to 1; others count as the nearest of the two."""
    exploration: FiniteFloat = 0.0
    """From 0 (the best known order) to 1 (sampled widely)."""
    seed: Seed | None = None
    """Of the exploration."""
    price_min: FiniteFloat | None = None
    price_max: FiniteFloat | None = None
    category: str | None = None
    surface: Annotated[str, Field(max_length=100)] | None = None
    """Where the list is shown (home, product, cart): noted in the exposure log."""
    language: ReasonLanguage = ENGLISH
    """Of the reasons."""


class SessionEventBody(RequestBase):
    """An event of a session."""

    item_id: ItemId
    action: Action = Action.CLICK
    at: Moment | None = None
    """Without it, events are a minute apart, and the last one is now."""


class MessageBody(RequestBase):
    """A message of a conversation."""

    role: Literal["user", "assistant"]
    content: Annotated[str, Field(max_length=20_000)]


class WhoseList(RequestBase):
    """Whom a list is for: a user, a session, or a user with a session that is not logged."""

    user: UserId | None = None
    events: Annotated[list[SessionEventBody], Field(max_length=MAX_SESSION)] = []
    """Of the session, oldest first."""
    outcome: Outcome = "click"
    """What to optimise for."""
    diversity: Share = 0.2
    filter: Filter | None = None
    exclude: Excluded = []
    surface: Annotated[str, Field(max_length=100)] | None = None
    """Where the list is shown (home, product, cart): noted in the exposure log."""
    language: ReasonLanguage = ENGLISH
    """Of the reasons."""


class RecommendationRequest(WhoseList):
    """A request for recommendations."""

    n: Count = 20
    cursor: Cursor | None = None
    """`next_cursor` of the page before; everything but `n` must be as it was."""
    exploration: Share = 0.0
    seed: Seed | None = None
    messages: Annotated[list[MessageBody], Field(max_length=1000)] = []
    """Of a conversation: what its last message asks for, at most 20 items."""


class RerankRequest(WhoseList):
    """A list to be ordered."""

    item_ids: Annotated[list[ItemId], Field(min_length=1, max_length=MAX_EXCLUDED)]


class CompletionQuery(RelatedQuery):
    """Of what goes with an item."""

    n: Count = 10


class CompletionRequest(RequestBase):
    """A set (a basket, a board, an outfit) to be completed."""

    item_ids: Annotated[list[ItemId], Field(min_length=1, max_length=50)]
    n: Count = 10
    cursor: Cursor | None = None
    """`next_cursor` of the page before; everything but `n` must be as it was."""
    filter: Filter | None = None
    exclude: Excluded = []
    language: ReasonLanguage = ENGLISH
    """Of the reasons."""
