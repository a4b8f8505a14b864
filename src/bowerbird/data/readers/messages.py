"""Parsing of single live messages in several layouts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from bowerbird.data.events import Event
from bowerbird.data.readers.events import ga4, native, segment
from bowerbird.data.readers.layouts import MessageLayout

MOST_BYTES = 2**20
"""Largest message; the default limit of NATS and Kafka too."""


def parse_message(body: bytes, layout: MessageLayout) -> Iterator[Event | str]:
    """The events of an encoded message, or the reasons why it has none.

    >>> list(parse_message(b"{", MessageLayout.NATIVE)), list(parse_message(b"7", MessageLayout.NATIVE))
    (['not JSON'], ['not a JSON object'])
    """
    if not body.strip():
        yield "an empty message"
    elif len(body) > MOST_BYTES:
        yield f"longer than {MOST_BYTES:,} bytes"
    else:
        try:
            message = json.loads(body)
        except (ValueError, RecursionError):
            yield "not JSON"
        else:
            yield from parse_events(message, layout)


def parse_events(message: Any, layout: MessageLayout) -> Iterator[Event | str]:
    """The events of a decoded message, or the reasons why it has none.

    Segment's calls about users and pages are not errors: they yield neither.
    """
    if not isinstance(message, dict):
        yield "not a JSON object"
    elif layout is MessageLayout.GA4:
        yield from ga4.parse_events(message)
    elif layout is MessageLayout.NATIVE:
        yield from native.parse_events(message)
    elif message.get("type", "track") not in segment.IGNORED_TYPES:
        yield from segment.parse_events(message)
