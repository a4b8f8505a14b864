"""Which live events a store takes in: those of its items that can have happened; each counts once.

One rule for imports, HTTP and every other source. What is refused is said, with its reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bowerbird.data.events import Event
from bowerbird.data.store import Store

CLOCK_SKEW = timedelta(days=1)  # events further ahead than this can't have happened yet


def latest_possible() -> datetime:
    """The last moment at which an event that is told now can have happened."""
    return datetime.now(UTC) + CLOCK_SKEW


def why_refused(event: Event, known: bool, latest: datetime) -> str:
    """Why an event can't be taken in; empty where it can. `known`: whether the catalogue holds its item."""
    if not known:
        return "unknown item"
    return "time in the future" if event.at > latest else ""


@dataclass(frozen=True)
class Taken:
    """What became of some events."""

    new: int
    repeated: int
    refused: list[tuple[Event, str]]
    """Each with its reason."""


class Intake:
    """Takes live events into a store's log. Raises `StoreError` where the store has no items yet."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._read_catalogue()

    def take(self, events: Sequence[Event]) -> Taken:
        """Log events durably, each once. Raises `StoreError` where the disk is full; then none was taken."""
        reasons = self.reasons(events)
        good = [event for event, reason in zip(events, reasons, strict=True) if not reason]
        refused = [(event, reason) for event, reason in zip(events, reasons, strict=True) if reason]
        new = len(self.store.log.append(good)) if good else 0
        return Taken(new, len(good) - new, refused)

    def reasons(self, events: Sequence[Event]) -> list[str]:
        """Why each event can't be taken in; empty where it can."""
        if any(event.item_id not in self._items for event in events):
            self._read_catalogue_if_new()
        latest = latest_possible()
        return [why_refused(event, event.item_id in self._items, latest) for event in events]

    def _read_catalogue(self) -> None:
        self._version = self.store.current("catalogue")
        self._items = frozenset(self.store.item_ids())

    def _read_catalogue_if_new(self) -> None:
        """Items may be imported while events come in for weeks."""
        now = self.store.current("catalogue")
        if now is not None and self._version is not None and now.name != self._version.name:
            self._read_catalogue()
