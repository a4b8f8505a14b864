"""Live events of every API: logged durably, counted, and written down where they are rejected."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bowerbird.data.events import Event
from bowerbird.data.readers.records import ParsedEvent, repairs_as_row
from bowerbird.serve.app_state import AppState
from bowerbird.serve.event_batcher import EventBatcher
from bowerbird.serve.middleware.metrics import Metrics
from bowerbird.serve.rejected_events import RejectedEvents


@dataclass(frozen=True)
class Receipt:
    """What became of the messages of one request."""

    new: int
    repeated: int
    rejected: list[tuple[Any, str]]
    """Each message with its reason."""
    incomplete: list[tuple[Any, str]]
    """Messages whose events count without a value that can't be read, each with what it lacks."""


class EventReceiver:
    """Receives events of one server process. For one event loop."""

    def __init__(self, app_state: AppState, metrics: Metrics) -> None:
        self._batcher, self._metrics = EventBatcher(app_state.ingest), metrics
        self._rejected_events = RejectedEvents(app_state.store)

    async def receive(
        self,
        events: Sequence[Event],
        rejected: Sequence[tuple[Any, str]] = (),
        repaired: Sequence[tuple[ParsedEvent, Any]] = (),
    ) -> Receipt:
        """Log events, durably when this returns.

        `rejected` are messages without one, with their reasons; `repaired` those of the events that lack a
        value that can't be read, each with its message.
        """
        result = await self._batcher.add(events)
        rejected_ids = {event.event_id for event, _ in result.rejected}
        incomplete = [
            (message, repairs_as_row("events", event.item_id, repairs, "").reason)
            for (event, repairs), message in repaired
            if event.event_id not in rejected_ids
        ]
        all_rejected = [*rejected, *((_message_of(event), reason) for event, reason in result.rejected)]
        counts = {"accepted": result.new, "duplicate": result.repeated, "rejected": len(all_rejected)}
        counts["incomplete"] = len(incomplete)
        for outcome, count in counts.items():
            self._metrics.events.labels(outcome).inc(count)
        if all_rejected or incomplete:
            await self._rejected_events.write([*all_rejected, *incomplete])
        return Receipt(result.new, result.repeated, all_rejected, incomplete)


def _message_of(event: Event) -> dict[str, Any]:
    return {"messageId": event.event_id, **event.as_row()}
