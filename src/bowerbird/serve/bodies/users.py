"""Bodies of users: their ids, all that is stored of them, and their erasure."""

from __future__ import annotations

from typing import Any, Literal

from bowerbird.serve.bodies.base import Body
from bowerbird.serve.bodies.profiles import ProfileBody


class UserIds(Body):
    """Ids of users, the most active first."""

    users: list[str]


class OlderSum(Body):
    """A sum of a user's older events."""

    interest: str
    month_around: str
    weight: float


class StoredEvent(Body):
    """An event in a user's state."""

    item_id: str
    action: str
    at: str


class StoredState(Body):
    """A user's state."""

    events: list[StoredEvent]
    older: list[OlderSum]
    seen_before: list[str]


class ExportBody(Body):
    """Everything stored of a user."""

    user: str
    events: list[dict[str, Any]]
    """Rows of the log, without empty fields."""
    state: StoredState
    taste: ProfileBody
    overrides: dict[str, Any]
    exposures: list[dict[str, Any]]
    """Rows of the exposure log: what was shown."""
    collections: list[dict[str, Any]]


class Exclusion(Body):
    """Whether a user's events with an item are ignored."""

    item_id: str
    excluded: bool


class ErasureBody(Body):
    """What became of a request to erase a user."""

    user: str
    events_erased: int | None
    status: Literal["acknowledged", "nothing to erase"]


class UserChange(Body):
    """An event of the stream of a user's changes."""

    changed: Literal["start", "taste", "boards"]
