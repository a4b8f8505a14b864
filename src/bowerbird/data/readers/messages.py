"""Parsing of single live messages in several layouts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from bowerbird.data.readers.events import native, segment
from bowerbird.data.readers.events.ga4.protocol import parse_message as parse_ga4
from bowerbird.data.readers.events.snowplow import parsing as snowplow
from bowerbird.data.readers.events.snowplow.json_events import NO_EVENT, fields_of_event, is_event
from bowerbird.data.readers.events.snowplow.payloads import events_of_payload, is_payload
from bowerbird.data.readers.layouts import MessageLayout
from bowerbird.data.readers.records import Parsed

MOST_BYTES = 2**20
"""Largest message; the default limit of NATS and Kafka too."""


def parse_message(body: bytes, layout: MessageLayout) -> Iterator[Parsed]:
    """The events and aliases of an encoded message, or the reasons why it has none.

    >>> list(parse_message(b"{", MessageLayout.NATIVE)), list(parse_message(b"7", MessageLayout.NATIVE))
    (['not JSON'], ['not a JSON object'])
    """
    if not body.strip():
        yield "an empty message"
    elif len(body) > MOST_BYTES:
        yield f"longer than {MOST_BYTES:,} bytes"
    elif layout is MessageLayout.SNOWPLOW and not body.lstrip().startswith(b"{"):
        fields = body.decode(errors="replace").rstrip("\r\n").split("\t")
        if len(fields) < snowplow.MIN_FIELDS:
            yield f"{len(fields)} fields, expected {snowplow.N_FIELDS}"
        else:
            yield from snowplow.parse_row(fields)
    else:
        try:
            message = json.loads(body)
        except (ValueError, RecursionError):
            yield "not JSON"
        else:
            yield from parse_decoded(message, layout)


def parse_decoded(message: Any, layout: MessageLayout) -> Iterator[Parsed]:
    """The events and aliases of a decoded message, or the reasons why it has none.

    Segment's calls about pages are not errors: they yield nothing.
    """
    if not isinstance(message, dict):
        yield "not a JSON object"
    elif layout is MessageLayout.GA4:
        yield from parse_ga4(message, datetime.now(UTC))
    elif layout is MessageLayout.SNOWPLOW:
        yield from _parse_snowplow(message)
    elif layout is MessageLayout.NATIVE:
        yield from native.parse_row(message)
    else:
        yield from parse_call(message)


def _parse_snowplow(message: dict[str, Any]) -> Iterator[Parsed]:
    if is_payload(message):
        for fields in events_of_payload(message):
            yield from (fields,) if isinstance(fields, str) else snowplow.parse_row(fields)
    elif is_event(message):
        yield from snowplow.parse_row(fields_of_event(message))
    else:
        yield NO_EVENT


def parse_call(message: Any) -> Iterator[Parsed]:
    """What a live call of Segment says, with what was left out of its events.

    A call without a time happened now, when it was received.
    """
    if isinstance(message, dict):
        yield from segment.parse_call(message, received_at=datetime.now(UTC))
    else:
        yield "not a JSON object"


def message_id_of(message: Any) -> str:
    """The id by which a sender knows a message; empty where it has none."""
    names = ("messageId", "event_id")
    values = [message.get(name) for name in names] if isinstance(message, dict) else []
    return next((value[:100] for value in values if isinstance(value, str) and value), "")
