"""States of users whom the store has not seen: a session's events, as a request brings them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from bowerbird.data.events import ACTION_CODE, Action
from bowerbird.data.interactions import History
from bowerbird.data.items import Catalogue
from bowerbird.data.times import MINUTE, microseconds
from bowerbird.taste.state.user_state import TasteState


@dataclass(frozen=True)
class SessionEvent:
    """One event of a session."""

    item_id: str
    action: Action = Action.CLICK
    at: datetime | None = None
    """Without it, events are a minute apart, and the last one is now."""


def session_state(
    events: Sequence[SessionEvent], catalogue: Catalogue, now: int, known: TasteState | None = None
) -> tuple[TasteState, list[str]]:
    """The state of a session at a moment (microseconds), and the ids that the catalogue does not know.

    With a known user's state, the session's events come after the stored ones, and overrides hold.
    """
    unknown = [event.item_id for event in events if event.item_id not in catalogue]
    rows = [
        (catalogue.position[event.item_id], ACTION_CODE[event.action], _time_of(event, len(events) - k, now))
        for k, event in enumerate(events, start=1)
        if event.item_id in catalogue
    ]
    rows.sort(key=lambda row: row[2])
    items, actions, at = (
        np.array([row[column] for row in rows], kind)
        for column, kind in enumerate((np.int64, np.int8, np.int64))
    )
    if known is None:
        return TasteState.of(History(items, actions, at)), unknown
    return known.with_events(History(items, actions, at)), unknown


def _time_of(event: SessionEvent, from_end: int, now: int) -> int:
    return min(now, microseconds(event.at)) if event.at is not None else now - from_end * MINUTE
