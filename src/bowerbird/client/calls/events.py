"""Events, in the form of Segment's calls. Each has an id, so that it counts once however often it is sent."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Literal, TypedDict, Unpack

from pydantic_core import to_json

from bowerbird.choices import SEGMENT_EVENTS, SEGMENT_EVENTS_OF_LISTS
from bowerbird.client.call import Call, answers, get, path_of, without_none
from bowerbird.serve.bodies.events import IngestionBody
from bowerbird.serve.bodies.health import Health

ActionName = Literal[
    "impression", "view", "click", "save", "add_to_cart", "purchase", "hide", "remove", "refund"
]


class EventOptions(TypedDict, total=False):
    """What an event may say besides who did what to which item."""

    at: datetime
    """With its time zone; now, where it is left out."""
    message_id: str
    recommendation_id: str | None
    """Of the list that the item was in."""
    position: int | None
    """In that list, from 1."""
    price: float | None
    session_id: str | None
    query: str | None


def event_message(
    user: str, action: ActionName, item_id: str, **options: Unpack[EventOptions]
) -> dict[str, Any]:
    """An event as a message, with an id and a time."""
    at = options.pop("at", None) or datetime.now(UTC)
    message_id = options.pop("message_id", None) or uuid.uuid4().hex
    product = without_none(product_id=item_id, **options)
    return {
        "type": "track",
        "event": SEGMENT_EVENTS[action],
        "messageId": message_id,
        "userId": user,
        "timestamp": at.isoformat(),
        "properties": {"products": [product]} if action in SEGMENT_EVENTS_OF_LISTS else product,
    }


def alias_message(user: str, previous: str) -> dict[str, Any]:
    """Says that a previous, anonymous id was this user's."""
    return {
        "type": "alias",
        "userId": user,
        "previousId": previous,
        "messageId": uuid.uuid4().hex,
        "timestamp": datetime.now(UTC).isoformat(),
    }


def track(
    user: str, action: ActionName, item_id: str, **options: Unpack[EventOptions]
) -> Call[IngestionBody]:
    """Log one event; it is stored when answered, and the next answer knows it."""
    return send_messages([to_json(event_message(user, action, item_id, **options))])


def join_users(user: str, previous: str) -> Call[IngestionBody]:
    """Join the history of a previous, anonymous id to a user's."""
    return send_messages([to_json(alias_message(user, previous))])


def send_messages(messages: Sequence[bytes]) -> Call[IngestionBody]:
    """Log many encoded messages."""
    content = b'{"batch":[' + b",".join(messages) + b"]}"
    return Call("POST", path_of("v1", "batch"), answers(IngestionBody), content=content)


def check_health() -> Call[Health]:
    """Status, and the served versions."""
    return get(Health, "healthz")
