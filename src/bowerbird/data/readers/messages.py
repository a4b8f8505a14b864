"""Single live messages: the layouts they come in, and the events that one tells of."""

from __future__ import annotations

import json
from collections.abc import Iterator
from enum import StrEnum
from typing import Any

from bowerbird.data.events import Event
from bowerbird.data.readers import ga4, native, segment

MOST_BYTES = 2**20
"""Of one message; NATS and Kafka have the same limit unless told otherwise."""


class Layout(StrEnum):
    """How a message tells of an event."""

    SEGMENT = "segment"
    GA4 = "ga4"
    NATIVE = "native"


def events_in(body: bytes, layout: Layout) -> Iterator[Event | str]:
    """The events that the bytes of a message tell of, or the reasons why they tell of none.

    >>> list(events_in(b"{", Layout.NATIVE)), list(events_in(b"7", Layout.NATIVE))
    (['no JSON'], ['no JSON object'])
    """
    if not body.strip():
        yield "an empty message"
    elif len(body) > MOST_BYTES:
        yield f"longer than {MOST_BYTES:,} bytes"
    else:
        try:
            message = json.loads(body)
        except (ValueError, RecursionError):
            yield "no JSON"
        else:
            yield from events_of(message, layout)


def events_of(message: Any, layout: Layout) -> Iterator[Event | str]:
    """The events that a message tells of, or the reasons why it tells of none.

    Segment's calls about people and pages are no mistakes: they give neither.
    """
    if not isinstance(message, dict):
        yield "no JSON object"
    elif layout is Layout.GA4:
        yield from ga4.events_of(message)
    elif layout is Layout.NATIVE:
        yield from native.events_of(message)
    elif message.get("type", "track") not in segment.IGNORED_TYPES:
        yield from segment.events_of(message)
