"""Rows of the tables that Segment and RudderStack write into warehouses, as calls.

A table holds the calls of one event; its columns are the properties, in snake case, and those of the call.
https://www.rudderstack.com/docs/destinations/warehouse-destinations/warehouse-schema/ describes them.
"""

from __future__ import annotations

from typing import Any

NAMES = {
    "userId": ("user_id",),
    "anonymousId": ("anonymous_id",),
    "messageId": ("id",),
    "event": ("event_text", "event"),
    "timestamp": ("timestamp", "original_timestamp", "sent_at", "received_at"),
}
"""Columns by the fields of a call, the most exact first."""
OF_CALLS = ("userId", "anonymousId", "properties", "type")
_TIMES = frozenset(NAMES["timestamp"])


def is_warehouse_row(row: dict[str, Any]) -> bool:
    """Whether an object is a row of such a table, and no call."""
    is_named = "anonymous_id" in row or ("user_id" in row and "event_text" in row)
    return is_named and bool(row.keys() & _TIMES) and not row.keys() & OF_CALLS


def call_of_row(row: dict[str, Any]) -> dict[str, Any]:
    """The call that a row holds."""
    call = {
        field: next((row[name] for name in names if row.get(name) not in (None, "")), None)
        for field, names in NAMES.items()
    }
    properties = {name: value for name, value in row.items() if name != "id"}
    return {**call, "type": "track" if call["event"] else "identify", "properties": properties}
