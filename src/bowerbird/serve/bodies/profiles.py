"""Bodies of a user's taste."""

from __future__ import annotations

from typing import Literal

from bowerbird.serve.bodies.base import Body
from bowerbird.serve.bodies.interests import InterestBody


class NamedItem(Body):
    """An item by its id and title."""

    item_id: str
    title: str
    has_picture: bool
    """Whether `/items/{item_id}/image` answers with one."""


class EventBody(NamedItem):
    """An event of a user."""

    action: str
    at: str


class Like(EventBody):
    """An event with an item that is like another one."""

    likeness: float
    """Cosine."""


class PriceComfortBody(Body):
    """What liked items cost in one currency."""

    currency: str
    low: float
    median: float
    high: float
    items: int


class ProfileInterest(InterestBody):
    """An interest in a profile."""

    examples: list[NamedItem]
    prices: list[PriceComfortBody]


class ScaleInterest(Body):
    """An interest at one time-scale."""

    id: int
    name: str
    share: float


class TasteClusterBody(Body):
    """A group of a user's items, with its most typical one."""

    medoid: NamedItem
    share: float
    items: list[str]


class DislikedBody(Body):
    """An interest that a user turns away from."""

    name: str
    hidden: int
    liked: int
    shown: int
    clicked: int


class ChangeBody(Body):
    """An interest that grew or faded."""

    change: Literal["grew", "faded"]
    name: str
    then: float
    now: float
    items: list[NamedItem]


class Changes(Body):
    """What changed lately."""

    words: str
    clear: bool | None
    since: str | None
    interests: list[ChangeBody]


class QueryBody(Body):
    """A query of a user."""

    query: str
    at: str
    events: int
    interests: list[str]


class BoardBody(Body):
    """A board of a user."""

    name: str
    kind: str
    item_ids: list[str]
    unavailable: list[str]
    """Those of its items that can't be bought now."""
    interests: list[str]


class ProfileBody(Body):
    """A user's taste; of an unknown user, too: then all lists are empty."""

    user: str
    at: str | None
    """The time of the last event; null where there is none."""
    interests: list[ProfileInterest]
    scales: dict[str, list[ScaleInterest]]
    tastes: list[TasteClusterBody]
    price_comfort: list[PriceComfortBody]
    hidden: list[NamedItem]
    disliked: list[DislikedBody]
    rejected: list[str]
    changed: Changes
    recent: list[EventBody]
    queries: list[QueryBody]
    boards: list[BoardBody]


class ExplanationBody(Body):
    """Why an item may suit a user."""

    user: str
    item_id: str
    likes: list[Like]
    interest: InterestBody | None
    price: float | None
    price_comfort: PriceComfortBody | None
    explanation: list[str]


class SharedInterest(Body):
    """An interest that similar users share."""

    name: str
    users: int


class SharedItem(Body):
    """An item that similar users like."""

    title: str
    users: int


class SimilarUsersBody(Body):
    """What users with a similar taste share, k-anonymous."""

    user: str
    users: int
    at_least: int
    interests: list[SharedInterest]
    items: list[SharedItem]
