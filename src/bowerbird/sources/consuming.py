"""Listening: each message's events go into the store's log, then the message is acknowledged.

In that order, so that a kill at any moment loses nothing: what was logged and not acknowledged comes again
and is recognised by its `event_id`. A message that can't be used is counted by its reason, written to
`reports/refused-listen-….jsonl` (flushed to disk), and acknowledged too: it must not block those behind it.
"""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bowerbird.data.events import Event
from bowerbird.data.ingestion import EventIngestor
from bowerbird.data.readers.messages import Layout, parse_message
from bowerbird.data.readers.records import RejectedRow
from bowerbird.data.store import Store
from bowerbird.errors import SourceError, StoreError
from bowerbird.sources.batches import Batch, Batches
from bowerbird.sources.source import Message, Notify, Source

MOST_LISTED = 100_000
"""Refused messages that one listener writes down; more are only counted: no mistake may fill the disk."""
READER_FAILED = "it made its reader fail"


@dataclass
class Tally:
    """What became of the messages so far."""

    messages: int = 0
    accepted: int = 0
    """Events that the log did not hold already."""
    repeated: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    """By reason."""
    batches: int = 0
    times_away: int = 0
    seconds: float = 0.0
    refused_file: Path | None = None

    def as_dict(self) -> dict[str, Any]:
        told = {name: getattr(self, name) for name in ("messages", "accepted", "repeated", "batches")}
        told |= {"refused": dict(self.refused), "times_away": self.times_away, "seconds": self.seconds}
        return told | {"refused_file": str(self.refused_file) if self.refused_file else None}


class Listener:
    """Takes the messages of one source into one store. Several may listen into the same store."""

    def __init__(self, store: Store, source: Source, layout: Layout, notify: Notify) -> None:
        self.tally = Tally()
        self._store, self._layout, self._notify = store, layout, notify
        self._intake = EventIngestor(store)
        self._batches = Batches(source, notify)

    def run(self, stop: threading.Event, until_idle_s: float | None, watch: Callable[[Tally], None]) -> Tally:
        """Listen until `stop` is set, or until nothing has come for `until_idle_s` seconds.

        `watch` is shown the tally after each batch, an empty one several times a second. Raises `SourceError`
        where the source can't be listened to, or was away for `until_idle_s` seconds; `StoreError` where the
        store can't be written: what was not acknowledged comes again.
        """
        start = last = time.monotonic()
        stream = iter(self._batches)
        try:
            for batch in stream:
                if batch.messages:
                    self._take(batch)
                    last = time.monotonic()
                self.tally.times_away = self._batches.times_away
                self.tally.seconds = time.monotonic() - start
                watch(self.tally)
                if stop.is_set():
                    break
                if until_idle_s is not None and time.monotonic() - last >= until_idle_s:
                    if batch.away:
                        raise SourceError(f"the source was away for {until_idle_s:g} s: nothing was heard")
                    break
        finally:
            stream.close()  # type: ignore[attr-defined]  # a generator: leaves the source
        return self.tally

    def _take(self, batch: Batch) -> None:
        events: list[Event] = []
        refused: list[RejectedRow] = []
        origin: dict[int, Message] = {}
        for message in batch.messages:
            for found in self._read(message):
                if isinstance(found, Event):
                    events.append(found)
                    origin[id(found)] = message
                else:
                    refused.append(RejectedRow("events", found, message.where, _text(message.body)))
        taken = self._intake.ingest(events)
        for event, reason in taken.rejected:
            refused.append(RejectedRow("events", reason, origin[id(event)].where, event.as_row()))
        self._list(refused)
        batch.acknowledge()
        self.tally.batches += 1
        self.tally.messages += len(batch.messages)
        self.tally.accepted += taken.new
        self.tally.repeated += taken.repeated

    def _read(self, message: Message) -> list[Event | str]:
        try:
            return list(parse_message(message.body, self._layout))
        except Exception as error:  # one message that nobody foresaw must not stop all that come after it
            return [f"{READER_FAILED} ({type(error).__name__})"]

    def _list(self, refused: list[RejectedRow]) -> None:
        """Write refused messages down, durably; opened anew each time, for `forget` replaces the file."""
        if not refused:
            return
        room = MOST_LISTED - self.tally.refused.total()
        if 0 < room <= len(refused):
            self._notify(f"{MOST_LISTED:,} messages were refused: from now on they are only counted")
        self.tally.refused.update(one.reason for one in refused)
        if room <= 0:
            return
        if self.tally.refused_file is None:
            stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
            self.tally.refused_file = self._store.reports / f"refused-listen-{stamp}-{os.getpid()}.jsonl"
        path = self.tally.refused_file
        try:
            with path.open("a", encoding="utf-8", errors="replace") as file:
                file.writelines(one.as_line() for one in refused[:room])
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise StoreError(
                f"refused messages can't be written to {path} ({error}); they are not acknowledged and will "
                "come again: free some space and listen again"
            ) from error


def _text(body: bytes) -> str:
    return body[:4096].decode(errors="replace")
