"""Batches of messages from a source that may become unavailable and come back.

The log's flush to disk dominates the cost, so messages are gathered until a batch is full or its linger time
has passed, and flushed once. An unavailable server is retried after 0.5, 1, 2, … 30 seconds (exponential
back-off).
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass

from bowerbird.errors import SourceUnavailable
from bowerbird.sources.source import Message, Notify, Source

MIN_BACKOFF_S, MAX_BACKOFF_S = 0.5, 30.0
POLL_S = 0.2  # longest blocking wait, so that a stop request is noticed


@dataclass(frozen=True)
class Batching:
    """Limits of a batch."""

    max_messages: int = 500
    """Messages per batch, and thereby the maximum of unacknowledged messages."""
    linger_s: float = 0.05
    """Seconds that the first message of a batch waits for others."""


@dataclass(frozen=True)
class Batch:
    """Messages to process and then acknowledge. Empty batches are yielded while no messages arrive."""

    messages: list[Message]
    is_unavailable: bool
    """Whether the server is currently unreachable."""
    _batches: Batches

    def acknowledge(self) -> None:
        """Acknowledge these messages; if that fails, they are redelivered."""
        self._batches.acknowledge(self.messages)


class Batches:
    """An endless iterator of batches; closing the iterator closes the source."""

    def __init__(self, source: Source, notify: Notify, batching: Batching | None = None) -> None:
        self._source, self._notify = source, notify
        self._batching = batching or Batching()
        self._connected = False
        self.times_unavailable = 0

    def __iter__(self) -> Iterator[Batch]:
        backoff_s = MIN_BACKOFF_S
        try:
            while True:
                try:
                    if not self._connected:
                        self._source.connect()
                        if self.times_unavailable:
                            self._notify("the source is available again")
                        self._connected = True
                    messages = self._gather()
                except SourceUnavailable as error:
                    self._connected = False
                    self.times_unavailable += 1
                    self._notify(f"{error}; retrying in {backoff_s:g} s")
                    yield from self._wait(backoff_s)
                    backoff_s = min(2 * backoff_s, MAX_BACKOFF_S)
                    continue
                backoff_s = MIN_BACKOFF_S
                yield Batch(messages, False, self)
        finally:
            self._source.close()

    def acknowledge(self, messages: list[Message]) -> None:
        """Acknowledge messages; if the source is unavailable, they are redelivered."""
        if not messages:
            return
        try:
            self._source.acknowledge(messages)
        except SourceUnavailable as error:
            self._connected = False  # connect() reconnects or raises
            self._notify(
                f"{len(messages)} messages could not be acknowledged and will be redelivered: {error}"
            )

    def _gather(self) -> list[Message]:
        """Fetch the next messages, until the batch is full or the linger time after the first one has
        passed."""
        max_messages = self._batching.max_messages
        messages = self._source.fetch(max_messages, POLL_S)
        deadline = time.monotonic() + self._batching.linger_s
        while messages and len(messages) < max_messages and (remaining_s := deadline - time.monotonic()) > 0:
            try:
                messages += self._source.fetch(max_messages - len(messages), remaining_s)
            except SourceUnavailable:
                break  # keep the messages fetched so far; the next call raises again
        return messages

    def _wait(self, backoff_s: float) -> Iterator[Batch]:
        """Wait for the back-off, yielding empty batches so that the caller can stop."""
        deadline = time.monotonic() + backoff_s * random.uniform(
            0.7, 1.0
        )  # jitter: consumers don't retry in lockstep
        yield Batch([], True, self)
        while (remaining_s := deadline - time.monotonic()) > 0:
            time.sleep(min(remaining_s, POLL_S))
            yield Batch([], True, self)
