"""Events in bowerbird's own format: a row of the event log as a JSON object."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bowerbird.data.events import ACTIONS, Action, Event
from bowerbird.data.readers.events.segment import MAX_NAME_LENGTH
from bowerbird.data.readers.fields import parse_number, parse_text, parse_time, parse_whole_number

_ACTION_NAMES = {action.value for action in ACTIONS}


def parse_events(row: dict[str, Any]) -> Iterator[Event | str]:
    """The event of one row, or the reason why it has none.

    `user_id`, `item_id`, `action` and `at` are required; the log's other fields are optional.

    >>> row = {"user_id": "ann", "item_id": "lamp", "action": "save", "at": "2026-01-02T03:04:05Z"}
    >>> [event.action.value for event in parse_events(row)], list(parse_events({**row, "action": "sneeze"}))
    (['save'], ["unknown action 'sneeze'"])
    """
    user, item = parse_text(row.get("user_id")), parse_text(row.get("item_id"))
    action, at = parse_text(row.get("action")).lower()[:MAX_NAME_LENGTH], parse_time(row.get("at"))
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
            event_id=parse_text(row.get("event_id")),
            value=parse_number(row.get("value")),
            session=parse_text(row.get("session")) or None,
            surface=parse_text(row.get("surface")) or None,
            query=parse_text(row.get("query")) or None,
            position=parse_whole_number(row.get("position")),
        )
