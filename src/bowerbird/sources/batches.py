"""Batches of messages from a source that may go away and come back.

The log's flush to disk is what costs, so a batch is gathered until it is full or a moment is over, and
flushed once. When the server goes away it is asked again after 0.5, 1, 2, … 30 seconds.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass

from bowerbird.errors import SourceUnavailable
from bowerbird.sources.source import Message, Notify, Source

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 30.0
SLICE_S = 0.2  # how soon somebody who waits learns of a wish to stop


@dataclass(frozen=True)
class Batching:
    """How large a batch may grow."""

    most: int = 500
    """Messages of a batch, and so the most that are fetched and not acknowledged."""
    linger_s: float = 0.05
    """How long the first message of a batch waits for others."""


@dataclass(frozen=True)
class Batch:
    """Messages to be dealt with, then acknowledged. Empty ones come while nothing else does."""

    messages: list[Message]
    away: bool
    """Whether the server can't be reached just now."""
    _stream: Batches

    def acknowledge(self) -> None:
        """Say that these messages are dealt with for good. Where that can't be said, they come again."""
        self._stream.acknowledge(self.messages)


class Batches:
    """Iterate to get batches, without end; the source is closed when the iteration is."""

    def __init__(self, source: Source, notify: Notify, batching: Batching | None = None) -> None:
        self._source, self._notify = source, notify
        self._batching = batching or Batching()
        self._connected = False
        self.times_away = 0

    def __iter__(self) -> Iterator[Batch]:
        pause = FIRST_PAUSE_S
        try:
            while True:
                try:
                    if not self._connected:
                        self._source.connect()
                        if self.times_away:
                            self._notify("the source is there again")
                        self._connected = True
                    messages = self._gather()
                except SourceUnavailable as error:
                    self._connected = False
                    self.times_away += 1
                    self._notify(f"{error}; trying again in {pause:g} s")
                    yield from self._wait(pause)
                    pause = min(2 * pause, LONGEST_PAUSE_S)
                    continue
                pause = FIRST_PAUSE_S
                yield Batch(messages, False, self)
        finally:
            self._source.close()

    def acknowledge(self, messages: list[Message]) -> None:
        if not messages:
            return
        try:
            self._source.acknowledge(messages)
        except SourceUnavailable as error:
            self._connected = False  # connect() mends it, or says that it can't
            self._notify(f"{len(messages)} messages could not be acknowledged and will come again: {error}")

    def _gather(self) -> list[Message]:
        """The next messages: as many as come within a moment after the first."""
        most = self._batching.most
        messages = self._source.fetch(most, SLICE_S)
        until = time.monotonic() + self._batching.linger_s
        while messages and len(messages) < most and (left := until - time.monotonic()) > 0:
            try:
                messages += self._source.fetch(most - len(messages), left)
            except SourceUnavailable:
                break  # what came is as good as ever; the next call says it again
        return messages

    def _wait(self, pause: float) -> Iterator[Batch]:
        """Let the pause pass, giving the one who iterates a chance to stop."""
        until = time.monotonic() + pause * random.uniform(0.7, 1.0)  # not everybody at the same moment
        yield Batch([], True, self)
        while (left := until - time.monotonic()) > 0:
            time.sleep(min(left, SLICE_S))
            yield Batch([], True, self)
