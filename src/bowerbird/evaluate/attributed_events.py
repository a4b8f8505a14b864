"""The events that name the list they came from, followed as the log grows."""

from __future__ import annotations

import threading

import pyarrow as pa
import pyarrow.compute as pc

from bowerbird.data.logs.contract import EventLog
from bowerbird.evaluate.exposures import OUTCOMES

_SCHEMA = pa.schema([(name, pa.string()) for name in ("recommendation_id", "item_id", "action")])
_ACTIONS = tuple(action.value for actions in OUTCOMES.values() for action in actions)


class AttributedEvents:
    """The events of one log that count as outcomes of lists; of those, only new ones are read again.

    The whole log is read at first, and after an import or an erasure. Safe to use from several threads.
    """

    def __init__(self, log: EventLog) -> None:
        self._log, self._lock = log, threading.Lock()
        self._generation: int | None = None
        self._offset = 0
        self._events = _SCHEMA.empty_table()

    def read(self) -> pa.Table:
        """All of them so far: the list, item and action of each."""
        with self._lock:
            generation = self._log.generation
            if generation != self._generation:
                # Before reading: what arrives meanwhile is read twice, which changes no outcome.
                offset = self._log.tail_size
                self._events = _attributed(self._log.read())
                self._generation, self._offset = generation, offset
            events, self._offset = self._log.tail_since(self._offset)
            if events:  # each table that is added is a chunk of the columns, an empty one too
                rows = [{name: getattr(event, name) for name in _SCHEMA.names} for event in events]
                new = _attributed(pa.Table.from_pylist(rows, _SCHEMA))
                self._events = pa.concat_tables([self._events, new])
            return self._events


def _attributed(events: pa.Table) -> pa.Table:
    is_outcome = pc.is_in(events["action"], pa.array(_ACTIONS))
    attributed = events.filter(pc.and_(is_outcome, pc.is_valid(events["recommendation_id"])))
    return attributed.select(_SCHEMA.names).cast(_SCHEMA)
