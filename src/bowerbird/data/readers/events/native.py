"""Events in bowerbird's own format: a row of the event log as a JSON object."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bowerbird.data.events import ACTIONS, Action, Event
from bowerbird.data.readers.events.segment import MAX_NAME_LENGTH
from bowerbird.data.readers.events.values import amount_of, rank_of
from bowerbird.data.readers.fields import parse_name, parse_text, parse_time
from bowerbird.data.readers.records import Parsed, ParsedEvent

_ACTION_NAMES = {action.value for action in ACTIONS}


def parse_row(row: dict[str, Any]) -> Iterator[Parsed]:
    """The event of one row, or the reason why it has none.

    `user_id`, `item_id`, `action` and `at` are required; the log's other fields are optional.

    >>> row = {"user_id": "ann", "item_id": "lamp", "action": "save", "at": "2026-01-02T03:04:05Z"}
    >>> [each.event.action.value for each in parse_row(row)], list(parse_row({**row, "action": "sneeze"}))
    (['save'], ["unknown action 'sneeze'"])
    """
    user, item = parse_name(row.get("user_id")), parse_name(row.get("item_id"))
    action, at = parse_text(row.get("action")).lower()[:MAX_NAME_LENGTH], parse_time(row.get("at"))
    if not user or not item:
        yield "no item_id" if user else "no user_id"
    elif action not in _ACTION_NAMES:
        yield f"unknown action {action!r}" if action else "no action"
    elif at is None:
        yield "no time (at) that can be read"
    else:
        value, unread_value = amount_of("value", row.get("value"))
        position, unread_rank = rank_of("position", row.get("position"))
        event = Event(
            user_id=user,
            item_id=item,
            action=Action(action),
            at=at,
            event_id=parse_text(row.get("event_id")),
            value=value,
            session=parse_text(row.get("session")) or None,
            surface=parse_text(row.get("surface")) or None,
            query=parse_text(row.get("query")) or None,
            position=position,
        )
        yield ParsedEvent(event, unread_value + unread_rank)
