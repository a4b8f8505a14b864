"""What a user saved: read from the events, and written as one."""

from __future__ import annotations

from datetime import UTC, datetime

from bowerbird.data.events import ACTION_CODE, Action, Event
from bowerbird.errors import InputError
from bowerbird.serve.app_state import AppState
from bowerbird.serve.services.items import known_position

SAVE, REMOVE = ACTION_CODE[Action.SAVE.value], ACTION_CODE[Action.REMOVE.value]


def saved_items(app_state: AppState, user: str) -> list[str]:
    """Items that a user saved and did not take back, the latest first."""
    graph = app_state.served.taste
    graph.refresh()
    state, last_change = graph.state(user), dict[int, int]()
    for item, action in zip(state.items.tolist(), state.actions.tolist(), strict=True):
        if action in (SAVE, REMOVE):
            last_change.pop(item, None)  # so that the latest comes last
            last_change[item] = action
    ids = graph.catalogue.ids
    return [ids[item] for item, action in reversed(last_change.items()) if action == SAVE]


def save_item(
    app_state: AppState, user: str, item_id: str, surface: str, recommendation_id: str | None = None
) -> bool:
    """Save an item for a user, durably; False where it was saved already.

    Status 404 for an unknown item. Raises `InputError` where the log rejects the event.
    """
    known_position(item_id, app_state.served)
    if item_id in saved_items(app_state, user):
        return False
    event = Event(
        user, item_id, Action.SAVE, datetime.now(UTC), surface=surface, recommendation_id=recommendation_id
    )
    (result,) = app_state.ingest([[event]])
    if result.rejected:
        raise InputError(f"the item {item_id!r} was not saved: {result.rejected[0][1]}")
    return True
