"""Which live events a store accepts: events of known items that are not in the future; each counts once.

One rule for imports, HTTP and every other source. Rejected events are returned with their reasons.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bowerbird.data.events import Alias, Event
from bowerbird.data.store import Store
from bowerbird.ids import id_fault

UNKNOWN_ITEM, IN_FUTURE = "unknown item", "time in the future"
"""Reasons of rejections."""
CLOCK_SKEW = timedelta(days=1)  # events further ahead than this can't have happened yet


def latest_accepted_time() -> datetime:
    """Latest time that an event received now may carry."""
    return datetime.now(UTC) + CLOCK_SKEW


def rejection_reason(event: Event, is_known: bool, latest: datetime) -> str:
    """Why an event is rejected; empty where it is accepted. `is_known`: the catalogue has its item."""
    if fault := id_fault(event.user_id):
        return f"the user id {fault}"
    if not is_known:
        return UNKNOWN_ITEM
    return IN_FUTURE if event.at > latest else ""


@dataclass(frozen=True)
class IngestionResult:
    """Outcome of ingesting some events."""

    new: int
    repeated: int
    rejected: list[tuple[Event, str]]
    """Each with its reason."""


class EventIngestor:
    """Ingests live events into a store's log. Raises `StoreError` where the store has no items yet."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._read_catalogue()

    def ingest(self, events: Sequence[Event]) -> IngestionResult:
        """Log events durably, each once. Raises `StoreError` where the disk is full; then none was logged."""
        rejection_reasons = self.rejection_reasons(events)
        accepted = [event for event, reason in zip(events, rejection_reasons, strict=True) if not reason]
        rejected = [
            (event, reason) for event, reason in zip(events, rejection_reasons, strict=True) if reason
        ]
        new = len(self.store.log.append(accepted)) if accepted else 0
        return IngestionResult(new, len(accepted) - new, rejected)

    def join(self, aliases: Sequence[Alias]) -> list[tuple[Alias, str]]:
        """Join histories durably; returns the rejected aliases with their reasons."""
        reasons = self.store.log.join(aliases)
        return [(alias, reason) for alias, reason in zip(aliases, reasons, strict=True) if reason]

    def rejection_reasons(self, events: Sequence[Event]) -> list[str]:
        """Why each event is rejected; an empty string where it is accepted."""
        if any(event.item_id not in self._items for event in events):
            self._read_catalogue_if_new()
        latest = latest_accepted_time()
        return [rejection_reason(event, event.item_id in self._items, latest) for event in events]

    def _read_catalogue(self) -> None:
        self._version = self.store.current("catalogue")
        self._items = frozenset(self.store.item_ids())

    def _read_catalogue_if_new(self) -> None:
        """Reload the catalogue after an import: an ingestor may live for weeks."""
        current = self.store.current("catalogue")
        if current is not None and self._version is not None and current.name != self._version.name:
            self._read_catalogue()
