"""The contract of a source: messages are fetched in batches, and redelivered until they are acknowledged.

A source is pulled and never pushes: messages wait at the broker until they are fetched, so a slow store slows
down its sources instead of filling memory (back-pressure). A source is used by one thread.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from bowerbird.errors import SourceError

Notify = Callable[[str], None]
"""Receives status messages about a source, one sentence at a time."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message as received."""

    body: bytes
    location: str
    """Where to find it again: stream and number, or file and byte."""
    receipt: Any
    """What its source needs to acknowledge it."""


@dataclass(frozen=True, slots=True)
class Lag:
    """How much of a source has not been acknowledged yet."""

    amount: int
    unit: str
    """`messages`, or `bytes` for files, whose messages are not counted."""


class Source(Protocol):
    """At-least-once delivery: a message is redelivered, here or to another consumer, until it is
    acknowledged."""

    def connect(self) -> None:
        """Prepare for fetching; called again after every `SourceUnavailable`.

        Raises `SourceUnavailable` if the server is temporarily unreachable, `SourceError` if the error is
        permanent.
        """

    def fetch(self, max_messages: int, wait_s: float) -> list[Message]:
        """Fetch at most `max_messages`; waits up to `wait_s` seconds for the first. Raises as `connect`
        does."""

    def acknowledge(self, messages: Sequence[Message]) -> None:
        """Mark messages as processed. If it fails (`SourceUnavailable`) they are redelivered."""

    def lag(self) -> Lag | None:
        """How much is left to fetch or to acknowledge; None if unknown."""

    def close(self) -> None:
        """Disconnect; unacknowledged messages are redelivered. May be called twice."""


def import_client(module: str, extra: str) -> Any:
    """Import a broker's client library. Raises `SourceError` with the command that installs it."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise SourceError(
            f"consuming from {extra} needs its client ({error.name} is not installed): "
            f"run pip install 'bowerbird[{extra}]'"
        ) from None
