"""Events in bowerbird's own form: the row of the event log as a JSON object."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bowerbird.data.events import ACTIONS, Action, Event
from bowerbird.data.readers.fields import number_of, text_of, time_of, whole_of
from bowerbird.data.readers.segment import LONGEST_NAME

_ACTION_NAMES = {action.value for action in ACTIONS}


def events_of(row: dict[str, Any]) -> Iterator[Event | str]:
    """The event that one row tells of, or the reason why it tells of none.

    `user_id`, `item_id`, `action` and `at` must be there; the log's other fields may be.

    >>> row = {"user_id": "ann", "item_id": "lamp", "action": "save", "at": "2026-01-02T03:04:05Z"}
    >>> [event.action.value for event in events_of(row)], list(events_of({**row, "action": "sneeze"}))
    (['save'], ["unknown action 'sneeze'"])
    """
    user, item = text_of(row.get("user_id")), text_of(row.get("item_id"))
    action, at = text_of(row.get("action")).lower()[:LONGEST_NAME], time_of(row.get("at"))
    if not user or not item:
        yield "no item_id" if user else "no user_id"
    elif action not in _ACTION_NAMES:
        yield f"unknown action {action!r}" if action else "no action"
    elif at is None:
        yield "no time (at) that can be read"
    else:
        yield Event(
            user_id=user,
            item_id=item,
            action=Action(action),
            at=at,
            event_id=text_of(row.get("event_id")),
            value=number_of(row.get("value")),
            session=text_of(row.get("session")) or None,
            surface=text_of(row.get("surface")) or None,
            query=text_of(row.get("query")) or None,
            position=whole_of(row.get("position")),
        )
