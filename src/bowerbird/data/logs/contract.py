"""The append-only event log, from which every state can be rebuilt, behind one contract.

The setting `events` in `bowerbird.toml` says where it is stored: in the store's own folder (`EmbeddedLog`),
or on a Postgres or Redis server that several machines share. All implementations give the guarantees of
`EventLog`; `tests/data/logs/test_contract.py` checks them on each.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from bowerbird.data.events import Event
from bowerbird.data.logs.group_commit import GroupCommit
from bowerbird.data.logs.rows import Row, encode_event


class LogMark(NamedTuple):
    """A position in the order of arrival of one log, for live events and for imports. Opaque."""

    live: int
    imported: int


EVERYTHING = LogMark(2**62, 2**62)
"""A mark after every event that will ever arrive."""


class EventLog(ABC):
    """Durable events without duplicates, readable by order of arrival and of time, and erasable.

    - **Acknowledged means on disk.** After `append` or `add_segment` returned, a kill or a loss of power does
      not lose its events. When it raises `StoreError`, they may be stored or not: send them again.
    - **An event counts once**, by its `event_id`, however often and from whichever client it arrives.
    - **Errors stay separate**: threads that append at the same time share a commit, but not an `InputError`.
    - **Times are the events' own.** The log reads no clock; it numbers events in order of arrival.

    A damaged record raises an error that names it, and is never skipped. Safe for several threads and
    processes; fork only while no thread of the process is in a call.
    """

    generations_per_forget: int
    """The most that one `forget_all` adds to `generation`; a larger increase means that there was another
    change."""

    def __init__(self) -> None:
        self._group = GroupCommit(self._commit)

    @property
    def kind(self) -> str:
        """Which implementation this is; a mark means nothing in a log of another one."""
        return type(self).__name__

    @abstractmethod
    def read(self) -> pa.Table:
        """Every event once, in `EVENT_SCHEMA`, sorted by time (equal times by id)."""

    def read_users(self, users: Collection[str]) -> pa.Table:
        """As `read`, of some users only; a log that can does not decode the events of others."""
        table = self.read()
        return table.filter(pc.is_in(table["user_id"], pa.array(list(users), pa.string())))

    @abstractmethod
    def tail_since(self, offset: int) -> tuple[list[Event], int]:
        """Live events that arrived after an offset, in order of arrival, and the next offset.

        Offsets are opaque and only grow; 0 is the beginning. They stay valid after `forget`.
        """

    @property
    @abstractmethod
    def tail_size(self) -> int:
        """The offset after the last live event."""

    @property
    @abstractmethod
    def mark(self) -> LogMark:
        """The current mark: all acknowledged live events and imports lie before it."""

    @property
    @abstractmethod
    def generation(self) -> int:
        """Grows with every `forget` and import; a snapshot of an older generation must be rebuilt."""

    @abstractmethod
    def __len__(self) -> int:
        """Number of events."""

    def append(self, events: Sequence[Event]) -> list[Event]:
        """Append live events, durable when this returns; returns the new ones.

        Raises `InputError` for text that is not valid Unicode, `StoreError` where they can't be stored.
        """
        rows = [encode_event(event) for event in events]
        is_new = self._group.commit(rows)
        return [event for event, new in zip(events, is_new, strict=True) if new]

    @abstractmethod
    def _commit(self, rows: Sequence[Row]) -> list[bool]:
        """Store rows durably; returns for each whether it was new. Called by one thread at a time."""

    @abstractmethod
    def add_segment(self, events: pa.Table) -> int:
        """Add a batch of imported events; returns the number of new ones."""

    def has_events_of(self, user_id: str) -> bool:
        """As `has_any_of`, for every event of one user."""
        return self.has_any_of({user_id: EVERYTHING})

    def forget(self, user_id: str) -> int:
        """As `forget_all`, for every event of one user."""
        return self.forget_all({user_id: EVERYTHING})

    @abstractmethod
    def has_any_of(self, users: Mapping[str, LogMark]) -> bool:
        """Whether `forget_all` has something to remove: events of these users before their marks, or remains
        of an interrupted `forget_all`. Changes nothing."""

    @abstractmethod
    def forget_all(self, users: Mapping[str, LogMark]) -> int:
        """Remove the events of users before their marks, also from the files; returns their number.

        The files are rewritten once for all users. Where `has_any_of` is false nothing changes, not even the
        generation.
        """

    @abstractmethod
    def close(self) -> None:
        """Close files and connections; the next call opens them again."""
