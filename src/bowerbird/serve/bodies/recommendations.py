"""Bodies of recommendations."""

from __future__ import annotations

from bowerbird.serve.bodies.base import Body
from bowerbird.serve.bodies.items import ListBody, ScoredItem


class RecommendedItem(ScoredItem):
    """An item that is recommended, and why."""

    reason: str
    source: str
    """The candidate source that brought it."""
    probability: dict[str, float]
    """Of each outcome that the log knows."""
    promoted: bool
    """Whether a boost of the shop moved it up."""


class OutcomeMeaning(Body):
    """What the probabilities are conditional on."""

    conditioning: str
    within_days: float
    absent: dict[str, str]
    """Outcomes without probabilities, and why."""


class Recommendations(ListBody):
    """Items for a user or a session, best first."""

    user: str | None
    outcomes: OutcomeMeaning
    items: list[RecommendedItem]
    unknown: list[str]
    """Ids of the request that the catalogue does not know."""
