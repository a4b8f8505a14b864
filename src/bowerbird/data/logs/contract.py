"""The append-only event log: the truth that every state is rebuilt from, behind one contract.

Where it lives is one setting, `events` in `bowerbird.toml`: in the store's own folder (`EmbeddedLog`), or
on a Postgres or Redis server that several machines share. All keep the same promises: `EventLog` says them,
and `tests/data/logs/test_contract.py` checks them on each.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import pyarrow as pa

from bowerbird.data.events import Event
from bowerbird.data.logs.group_commit import GroupCommit
from bowerbird.data.logs.rows import Row, row_of


class LogMark(NamedTuple):
    """How far a log had come at one moment: what arrived before, and what since. Opaque; of one log."""

    live: int
    imported: int


EVERYTHING = LogMark(2**62, 2**62)
"""A mark behind whatever will arrive."""


class EventLog(ABC):
    """Every event once, durable, in the order of arrival and of time, and erasable.

    - **Acknowledged means on disk.** When `append` or `add_segment` returns, a kill or a loss of power does
      not take its events away. When it raises `StoreError`, they may be kept or not: send them again.
    - **An event counts once**, by its `event_id`, however often and by whomever it arrives.
    - **Nobody else's events fail with one's own**: threads that append at once share a commit, not a refusal.
    - **Times are the events' own.** No clock is asked; the order of arrival is counted.

    A damaged record is refused by name, never skipped. Safe for several threads and processes; let a process
    fork while none of its threads is in a call.
    """

    forget_adds: int
    """What one `forget_all` that removes events adds to `generation` at most: who sees it grow by more knows
    of another change."""

    def __init__(self) -> None:
        self._group = GroupCommit(self._commit)

    @abstractmethod
    def read(self) -> pa.Table:
        """Every event once, in `EVENT_SCHEMA`, sorted by time (equal times by id)."""

    @abstractmethod
    def tail_since(self, offset: int) -> tuple[list[Event], int]:
        """Live events that arrived after an offset, in order of arrival, and the offset to go on from.

        Offsets are opaque and only grow; 0 is the beginning. They outlast `forget`.
        """

    @property
    @abstractmethod
    def tail_size(self) -> int:
        """The offset behind the last live event."""

    @property
    @abstractmethod
    def mark(self) -> LogMark:
        """How far the log has come: live events and imports that were acknowledged lie before it."""

    @property
    @abstractmethod
    def generation(self) -> int:
        """Grows with every `forget` and import; a snapshot of an older generation must be rebuilt."""

    @abstractmethod
    def __len__(self) -> int:
        """Number of events."""

    def append(self, events: Sequence[Event]) -> list[Event]:
        """Append live events, durable when this returns; gives those that were new.

        Raises `InputError` for text that is no Unicode, `StoreError` where they can't be kept.
        """
        rows = [row_of(event) for event in events]
        new = self._group.commit(rows)
        return [event for event, fresh in zip(events, new, strict=True) if fresh]

    @abstractmethod
    def _commit(self, rows: Sequence[Row]) -> list[bool]:
        """Keep rows durably; says of each whether it was new. Called by one thread at a time."""

    @abstractmethod
    def add_segment(self, events: pa.Table) -> int:
        """Add a batch of imported events; gives how many of them were new."""

    def names(self, user_id: str) -> bool:
        """As `names_any`, every event of one user."""
        return self.names_any({user_id: EVERYTHING})

    def forget(self, user_id: str) -> int:
        """As `forget_all`, every event of one user."""
        return self.forget_all({user_id: EVERYTHING})

    @abstractmethod
    def names_any(self, users: Mapping[str, LogMark]) -> bool:
        """Whether there is something for `forget_all` to remove: events of these users, or what one that was
        cut short may have left of anybody. Changes nothing."""

    @abstractmethod
    def forget_all(self, users: Mapping[str, LogMark]) -> int:
        """Remove the events of users that arrived before their marks, from the files as well; gives how many.

        The files are rewritten once for all of them. Where `names_any` is false nothing changes, the
        generation included.
        """

    @abstractmethod
    def close(self) -> None:
        """Let go of files and connections; the next call opens them again."""
