"""Google Analytics 4's Measurement Protocol: what servers and apps send, several events of one user at once.

https://developers.google.com/analytics/devguides/collection/protocol/ga4/reference describes the payload.
Each of its events is read as the row that BigQuery's export has of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from bowerbird.data.readers.events.ga4.parsing import parse_row
from bowerbird.data.readers.records import Parsed
from bowerbird.data.times import microseconds

_NAMES = {"user_pseudo_id": "client_id", "event_timestamp": "timestamp_micros", "event_name": "name"}
"""Names of the protocol by those of the export, for reasons."""


def is_payload(message: dict[str, Any]) -> bool:
    """Whether a message is one of the protocol, and no row of the export."""
    return isinstance(message.get("events"), list) and "event_name" not in message


def rows_of(payload: dict[str, Any], received_at: datetime | None = None) -> Iterator[dict[str, Any] | str]:
    """The events of a payload as rows of the export; `received_at` is the time of those that carry none."""
    for event in payload["events"]:
        if not isinstance(event, dict):
            yield "an event is not a JSON object"
            continue
        values = event.get("params")
        params: dict[str, Any] = values if isinstance(values, dict) else {}
        at = event.get("timestamp_micros") or payload.get("timestamp_micros")
        if at is None and received_at is not None:
            at = microseconds(received_at)
        session = params.get("ga_session_id") or params.get("session_id")
        yield {
            "event_name": event.get("name"),
            "event_timestamp": at,
            "user_id": payload.get("user_id"),
            "user_pseudo_id": payload.get("client_id") or payload.get("app_instance_id"),
            "items": _items(params),
            "event_params": [
                {"key": name, "value": {"string_value": value}}
                for name, value in (*params.items(), ("ga_session_id", session))
                if value is not None and not isinstance(value, list | dict)
            ],
        }


def _items(params: dict[str, Any]) -> list[dict[str, Any]]:
    """The items of an event; those that name no list are in that of the event."""
    items = params.get("items")
    shared = {name: params[name] for name in ("item_list_name",) if name in params}
    return [shared | item for item in items if isinstance(item, dict)] if isinstance(items, list) else []


def parse_event_row(row: dict[str, Any] | str) -> Iterator[Parsed]:
    """What an event of `rows_of` says, with reasons in the protocol's names."""
    for parsed in (row,) if isinstance(row, str) else parse_row(row):
        if isinstance(parsed, str):
            for name, own_name in _NAMES.items():
                parsed = parsed.replace(name, own_name)
        yield parsed


def parse_message(message: dict[str, Any], received_at: datetime) -> Iterator[Parsed]:
    """The events and aliases of a live message: a payload of the protocol, or a row of the export."""
    if not is_payload(message):
        yield from parse_row(message)
        return
    for row in rows_of(message, received_at):
        yield from parse_event_row(row)
