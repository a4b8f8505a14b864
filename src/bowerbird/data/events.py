"""Events: who did what to which item, when."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import pyarrow as pa


class Action(StrEnum):
    """What a user did; the position in this enum is the integer code in arrays and files."""

    IMPRESSION = "impression"
    VIEW = "view"
    CLICK = "click"
    SAVE = "save"
    ADD_TO_CART = "add_to_cart"
    PURCHASE = "purchase"
    HIDE = "hide"
    REMOVE = "remove"
    """Taken out of a cart or a wish list again."""
    REFUND = "refund"
    """A purchase given back, or cancelled."""


ACTIONS: tuple[Action, ...] = tuple(Action)
ACTION_CODE: dict[str, int] = {action.value: code for code, action in enumerate(ACTIONS)}
ACTION_WEIGHT: dict[Action, float] = {
    Action.IMPRESSION: 0.0,
    Action.VIEW: 0.5,
    Action.CLICK: 1.0,
    Action.SAVE: 3.0,
    Action.ADD_TO_CART: 3.0,
    Action.PURCHASE: 5.0,
    Action.HIDE: -3.0,
    Action.REMOVE: -3.0,
    Action.REFUND: -5.0,
}
"""Preference weight of an action, in units of a click; negative for a dislike. A removal and a refund take
back what the addition and the purchase said."""

EVENT_SCHEMA = pa.schema(
    [
        pa.field("event_id", pa.string(), nullable=False),
        pa.field("user_id", pa.string(), nullable=False),
        pa.field("item_id", pa.string(), nullable=False),
        pa.field("action", pa.string(), nullable=False),
        pa.field("at", pa.timestamp("us", tz="UTC"), nullable=False),
        pa.field("value", pa.float64()),
        pa.field("session", pa.string()),
        pa.field("surface", pa.string()),
        pa.field("query", pa.string()),
        pa.field("position", pa.int32()),
        pa.field("recommendation_id", pa.string()),  # of the list that the user saw
    ]
)


@dataclass(frozen=True, slots=True)
class Event:
    """One action of one user on one item. `at` is UTC; `event_id` is derived from the rest if empty."""

    user_id: str
    item_id: str
    action: Action
    at: datetime
    event_id: str = ""
    value: float | None = None
    session: str | None = None
    surface: str | None = None
    query: str | None = None
    position: int | None = None
    recommendation_id: str | None = None
    """The list that the user saw, as its answer named it."""

    def __post_init__(self) -> None:
        if self.at.tzinfo is None:
            raise ValueError(f"the event's time {self.at} has no time zone; give UTC")
        object.__setattr__(self, "at", self.at.astimezone(UTC))
        if not self.event_id:
            object.__setattr__(self, "event_id", derive_event_id(self))

    def as_row(self) -> dict[str, Any]:
        """The event as one row of `EVENT_SCHEMA`."""
        return {name: getattr(self, name) for name in EVENT_SCHEMA.names} | {"action": self.action.value}

    @classmethod
    def from_row(cls, row: dict[str, Any]) -> Event:
        """The event of a row of `EVENT_SCHEMA`. Raises `ValueError` for an unknown action."""
        return cls(**{**row, "action": Action(row["action"])})


@dataclass(frozen=True, slots=True)
class Alias:
    """Two ids of one user: what came from `alias` (a browser, a device, an old account) is `user_id`'s."""

    alias: str
    user_id: str


def derive_event_id(event: Event) -> str:
    """Derive a deterministic id, so that a repeated event is recognised: 128 bits of BLAKE2."""
    content = "\x1f".join([event.user_id, event.item_id, event.action.value, event.at.isoformat()])
    return hashlib.blake2b(content.encode(), digest_size=16).hexdigest()


def as_event_table(table: pa.Table) -> pa.Table:
    """A table in `EVENT_SCHEMA`; optional columns that an older file does not have are null."""
    for column in EVENT_SCHEMA:
        if column.nullable and column.name not in table.column_names:
            table = table.append_column(column, pa.nulls(len(table), column.type))
    return table.select(EVENT_SCHEMA.names).cast(EVENT_SCHEMA)
