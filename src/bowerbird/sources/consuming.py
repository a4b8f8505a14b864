"""Consume live events: append each message's events to the store's log, then acknowledge the message.

In that order, so that a kill at any moment loses nothing: messages that were logged but not acknowledged are
redelivered, and their events are recognised by `event_id`. A message that can't be used is counted by its
reason, written to `reports/refused-consume-….jsonl` (flushed to disk), and acknowledged too, so that it can't
block others.
"""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bowerbird.data.events import Alias
from bowerbird.data.ingest.event_checks import EventIngestor
from bowerbird.data.readers.layouts import MessageLayout
from bowerbird.data.readers.messages import parse_message
from bowerbird.data.readers.records import Parsed, ParsedEvent, RejectedRow, repairs_as_row
from bowerbird.data.store import Store
from bowerbird.errors import SourceError, StoreError
from bowerbird.sources.batches import Batch, Batches
from bowerbird.sources.source import Message, Notify, Source

MAX_LISTED = 100_000
"""Rejected messages that one consumer writes to disk; further ones are only counted, so the disk can't fill
up."""
READER_FAILED = "the reader failed"


@dataclass
class ConsumerStats:
    """Counts of consumed messages and events so far."""

    messages: int = 0
    accepted: int = 0
    """Events that were new to the log."""
    repeated: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    """By reason."""
    repaired: Counter[str] = field(default_factory=Counter)
    """Events that count without a value that can't be read, by what was left out."""
    batches: int = 0
    times_unavailable: int = 0
    seconds: float = 0.0
    rejected_file: Path | None = None

    def as_dict(self) -> dict[str, Any]:
        """Counts and file as plain values, for JSON."""
        counts = {name: getattr(self, name) for name in ("messages", "accepted", "repeated", "batches")}
        counts |= {"rejected": dict(self.rejected), "repaired": dict(self.repaired)}
        counts |= {"times_unavailable": self.times_unavailable}
        counts |= {"seconds": self.seconds}
        return counts | {"rejected_file": str(self.rejected_file) if self.rejected_file else None}


class Consumer:
    """Consumes one source into one store; a store can have several consumers."""

    def __init__(self, store: Store, source: Source, layout: MessageLayout, notify: Notify) -> None:
        self.stats = ConsumerStats()
        self._store, self._layout, self._notify = store, layout, notify
        self._ingestion = EventIngestor(store)
        self._batches = Batches(source, notify)
        self._n_listed = 0

    def run(
        self, stop: threading.Event, until_idle_s: float | None, on_batch: Callable[[ConsumerStats], None]
    ) -> ConsumerStats:
        """Consume until `stop` is set, or until no message has arrived for `until_idle_s` seconds.

        `on_batch` is called with the stats after each batch, also after empty ones, several times a second.
        Raises `SourceError` if the source can't be consumed or was unavailable for `until_idle_s` seconds,
        `StoreError` if the store can't be written; unacknowledged messages are redelivered.
        """
        start = last_message_at = time.monotonic()
        batches = iter(self._batches)
        try:
            for batch in batches:
                if batch.messages:
                    self._process(batch)
                    last_message_at = time.monotonic()
                self.stats.times_unavailable = self._batches.times_unavailable
                self.stats.seconds = time.monotonic() - start
                on_batch(self.stats)
                if stop.is_set():
                    break
                if until_idle_s is not None and time.monotonic() - last_message_at >= until_idle_s:
                    if batch.is_unavailable:
                        raise SourceError(
                            f"the source was unavailable for {until_idle_s:g} s: no message was received"
                        )
                    break
        finally:
            batches.close()  # type: ignore[attr-defined]  # a generator: closes the source
        return self.stats

    def _process(self, batch: Batch) -> None:
        events: dict[int, tuple[ParsedEvent, Message]] = {}
        aliases: dict[Alias, Message] = {}
        rejected: list[RejectedRow] = []
        for message in batch.messages:
            for parsed in self._read(message):
                if isinstance(parsed, ParsedEvent):
                    events[id(parsed.event)] = parsed, message
                elif isinstance(parsed, Alias):
                    aliases.setdefault(parsed, message)
                else:
                    rejected.append(
                        RejectedRow("events", parsed, message.location, _decode_text(message.body))
                    )
        for alias, reason in self._ingestion.join(list(aliases)):
            rejected.append(RejectedRow("aliases", reason, aliases[alias].location, asdict(alias)))
        result = self._ingestion.ingest([parsed.event for parsed, _ in events.values()])
        for event, reason in result.rejected:
            _, message = events.pop(id(event))
            rejected.append(RejectedRow("events", reason, message.location, event.as_row()))
        self.stats.rejected.update(row.reason for row in rejected)
        self._write([*rejected, *self._repaired(events.values())])
        batch.acknowledge()
        self.stats.batches += 1
        self.stats.messages += len(batch.messages)
        self.stats.accepted += result.new
        self.stats.repeated += result.repeated

    def _repaired(self, events: Iterable[tuple[ParsedEvent, Message]]) -> list[RejectedRow]:
        """What was left out of accepted events, counted, as rows of the report."""
        rows = [
            repairs_as_row("events", event.item_id, repairs, message.location)
            for (event, repairs), message in events
            if repairs
        ]
        self.stats.repaired.update(row.reason for row in rows)
        return rows

    def _read(self, message: Message) -> list[Parsed]:
        try:
            return list(parse_message(message.body, self._layout))
        except Exception as error:  # one unforeseen message must not stop all that follow it
            return [f"{READER_FAILED} ({type(error).__name__})"]

    def _write(self, rows: list[RejectedRow]) -> None:
        """Write rows of the report to disk, durably; reopened each time, because `forget` replaces it."""
        if not rows:
            return
        n_remaining = MAX_LISTED - self._n_listed
        if 0 < n_remaining <= len(rows):
            self._notify(f"{MAX_LISTED:,} messages were listed: further ones are only counted")
        self._n_listed += len(rows)
        if n_remaining <= 0:
            return
        if self.stats.rejected_file is None:
            stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
            self.stats.rejected_file = self._store.reports / f"refused-consume-{stamp}-{os.getpid()}.jsonl"
        path = self.stats.rejected_file
        try:
            with path.open("a", encoding="utf-8", errors="replace") as file:
                file.writelines(row.as_line() for row in rows[:n_remaining])
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise StoreError(
                f"rejected messages can't be written to {path} ({error}); they are not acknowledged and will "
                "be redelivered: free some space and run `bowerbird consume` again"
            ) from error


def _decode_text(body: bytes) -> str:
    return body[:4096].decode(errors="replace")
