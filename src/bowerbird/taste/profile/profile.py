"""One user's taste profile at a moment, and the same as JSON's types."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from bowerbird.data.items import Catalogue
from bowerbird.taste.config import TASTE_CONFIG
from bowerbird.taste.interests.drift import Drift
from bowerbird.taste.interests.interests import Interests
from bowerbird.taste.interests.ranking import (
    Interest,
    Scale,
    Timeline,
    describe_event,
    format_time,
)
from bowerbird.taste.profile.changes import Change, describe_drift
from bowerbird.taste.profile.dislikes import DislikedInterest
from bowerbird.taste.profile.medoids import TasteCluster
from bowerbird.taste.profile.price_range import Prices
from bowerbird.taste.state.user_state import TasteState

CONFIG = TASTE_CONFIG.profile


@dataclass(frozen=True)
class Profile:
    """One user's taste at a moment."""

    state: TasteState
    now: int  # microseconds
    interests: list[Interest]  # at the mean of all time-scales
    at_scale: dict[Scale, list[Interest]]
    timeline: Timeline
    clusters: list[TasteCluster]
    prices: Prices
    disliked: list[DislikedInterest]
    hidden: list[int]  # positions
    excluded_interests: list[Interest]  # those that the user called "not me"
    drift: Drift | None
    changes: list[Change]
    queries: list[dict[str, Any]]
    boards: list[dict[str, Any]]

    @property
    def change_sentence(self) -> str:
        if not len(self.state.items):
            return "This user has no events yet."
        if self.drift is None:
            return "Nothing changed this month that is more than chance."
        return describe_drift(self.drift, self.changes)

    def as_dict(self, catalogue: Catalogue, groups: Interests) -> dict[str, Any]:
        """The profile as JSON's types: ids and words instead of positions."""
        ids, state = catalogue.ids, self.state
        n_events = len(state.items)
        return {
            "user": state.user_id,
            "at": format_time(self.now) if n_events else None,
            "interests": [
                interest.as_dict()
                | {"examples": _items_as_dicts(catalogue, interest.items[: CONFIG.max_examples])}
                | {"prices": [price.as_dict() for price in self.prices.of_interest(interest.number)]}
                for interest in self.interests
            ],
            "scales": {
                scale.value: [
                    {"id": interest.id, "name": interest.name, "share": interest.share}
                    for interest in interests
                ]
                for scale, interests in self.at_scale.items()
            },
            "tastes": [
                {
                    "medoid": _item_as_dict(catalogue, cluster.medoid),
                    "share": cluster.share,
                    "items": [ids[position] for position in cluster.items],
                }
                for cluster in self.clusters
            ],
            "price_comfort": [comfort.as_dict() for comfort in self.prices.overall],
            "hidden": _items_as_dicts(catalogue, self.hidden),
            "disliked": [
                {"name": groups.names[interest.number], **interest.as_dict()} for interest in self.disliked
            ],
            "rejected": [interest.name for interest in self.excluded_interests],
            "changed": self._changes_as_dict(catalogue),
            "recent": [
                describe_event(catalogue, state, row)
                for row in range(n_events - 1, max(-1, n_events - 1 - CONFIG.max_recent), -1)
            ],
            "queries": self.queries,
            "boards": self.boards,
        }

    def _changes_as_dict(self, catalogue: Catalogue) -> dict[str, Any]:
        drift = self.drift
        return {
            "words": self.change_sentence,
            "clear": drift.is_clear if drift else None,
            "since": format_time(drift.sessions[drift.since].at) if drift else None,
            "interests": [
                change.as_dict() | {"items": _items_as_dicts(catalogue, change.items)}
                for change in self.changes
            ],
        }


def _items_as_dicts(catalogue: Catalogue, positions: Iterable[int]) -> list[dict[str, Any]]:
    return [_item_as_dict(catalogue, position) for position in positions]


def _item_as_dict(catalogue: Catalogue, position: int) -> dict[str, Any]:
    return {
        "item_id": catalogue.ids[position],
        "title": catalogue.item(position).title,
        "has_picture": catalogue.has_image(position),
    }
