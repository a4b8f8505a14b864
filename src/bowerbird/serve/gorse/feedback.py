"""Gorse's feedback as events, and events as feedback.

| feedback type | action |
|---|---|
| `read`, `view`, `pageview`, `detail`, … | view |
| `click`, `open`, … | click |
| `like`, `star`, `favorite`, `wishlist`, `save`, … | save |
| `cart`, `basket`, `add_to_cart`, … | add_to_cart |
| `buy`, `order`, `purchase`, … | purchase |
| `dislike`, `hide` | hide |
| `impression` | impression |

In Gorse a user and an item have one feedback of a type; here each is an event, and the latest counts as the
feedback. What was deleted was taken back by a later event: `remove` or `refund`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from bowerbird.data.events import Action, Event
from bowerbird.data.readers.values.actions import parse_action
from bowerbird.data.readers.values.outcomes import Rejection
from bowerbird.data.readers.values.times import parse_time
from bowerbird.data.times import format_utc
from bowerbird.errors import InputError, NotFoundError
from bowerbird.serve.gorse.bodies import Feedback, FeedbackInput

UNDONE_BY = {
    Action.SAVE: Action.REMOVE,
    Action.ADD_TO_CART: Action.REMOVE,
    Action.PURCHASE: Action.REFUND,
}
"""What takes an action back; others can't be."""
LISTED = tuple(action for action in Action if action not in (Action.REMOVE, Action.REFUND))
KEY = ("action", "user_id", "item_id")
"""What one feedback is named by."""


def action_of(feedback_type: str) -> Action:
    """The action of a feedback type. Raises `NotFoundError` for an unknown one."""
    action = parse_action(feedback_type)
    if action is None:
        known = ", ".join(Action)
        raise NotFoundError(
            f"the feedback type {feedback_type[:40]!r} is unknown: send one of {known}, or a usual name such "
            "as read, like or buy"
        )
    return action


def event_of(feedback: FeedbackInput) -> Event:
    """The event of a feedback. Raises `InputError` for one that is not an event."""
    at = parse_time(feedback.Timestamp)
    if isinstance(at, Rejection):
        raise InputError(f"the Timestamp {at.reason}")
    if at is None or at.year < 2:  # Go writes no time as one of the year 1
        at = datetime.now(UTC)
    action = action_of(feedback.FeedbackType)
    return Event(feedback.UserId, feedback.ItemId, action, at, value=feedback.Value or None)


def feedback_rows(events: pa.Table) -> pa.Table:
    """The feedback that events (in `EVENT_SCHEMA`, by time) make up, without what was taken back.

    One row for each action, user and item: the columns of `KEY`, and `at` and `value` of the latest event.
    Sorted by user, item and action.
    """
    grouped = events.group_by(KEY, use_threads=False).aggregate([("at", "max"), ("value", "last")])
    rows = grouped.rename_columns({"at_max": "at", "value_last": "value"})
    takes_back = pc.is_in(rows["action"], pa.array(["remove", "refund"]))
    undo = (
        rows.filter(takes_back).select([*KEY, "at"]).rename_columns(["undo", "user_id", "item_id", "undone"])
    )
    rows = rows.filter(pc.is_in(rows["action"], pa.array(list(LISTED), pa.string())))
    names = pa.array([UNDONE_BY.get(Action(name), "") for name in rows["action"].to_pylist()], pa.string())
    keys = ["undo", "user_id", "item_id"]
    rows = rows.append_column("undo", names).join(undo, keys, join_type="left outer")
    stands = pc.greater(rows["at"], rows["undone"]).fill_null(True)
    return rows.filter(stands).sort_by([(name, "ascending") for name in ("user_id", "item_id", "action")])


def as_feedback(rows: pa.Table, feedback_type: str = "") -> list[Feedback]:
    """Rows of `feedback_rows` in Gorse's form; `feedback_type` is the name that the client has for it."""
    return [
        Feedback(
            FeedbackType=feedback_type or row["action"],
            UserId=row["user_id"],
            ItemId=row["item_id"],
            Value=row["value"] or 0.0,
            Timestamp=format_time(row["at"]),
            Updated=format_time(row["at"]),
        )
        for row in rows.to_pylist()
    ]


def undo_events(rows: pa.Table) -> list[Event]:
    """The events that take rows of `feedback_rows` back, as far as that can be done."""
    now, events = datetime.now(UTC), dict[Any, Event]()
    for row in rows.to_pylist():
        undo = UNDONE_BY.get(Action(row["action"]))
        if undo is not None:
            user, item_id, at = (
                row["user_id"],
                row["item_id"],
                max(now, row["at"] + timedelta(microseconds=1)),
            )
            events[user, item_id, undo] = Event(user, item_id, undo, at)
    return list(events.values())


def of_type(events: pa.Table, actions: Sequence[Action]) -> pa.Table:
    """Events of some actions, and those that take them back."""
    names = [*actions, *(UNDONE_BY[action] for action in actions if action in UNDONE_BY)]
    return events.filter(pc.is_in(events["action"], pa.array(names, pa.string())))


def format_time(moment: datetime | None) -> str:
    """A time as Go writes it; none is the beginning of the year 1."""
    return "0001-01-01T00:00:00Z" if moment is None else format_utc(moment)
