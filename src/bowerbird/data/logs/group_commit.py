"""Many threads, one commit: those that append while the disk is busy share the next flush.

Nobody waits for company. The first to come leads a commit of its own rows; whoever comes while that is
under way queues, and one of them leads the next for all. So a request alone is as fast as the disk, and a
crowd is bounded by two flushes each, as long as no more than `MOST_ROWS` wait.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from bowerbird.errors import StoreError

T = TypeVar("T")

MOST_ROWS = 1000
"""Rows of one commit, unless a single call brings more: it bounds how long a commit holds the others up."""


class GroupCommit(Generic[T]):
    """Gathers the rows of several threads into one `keep`, which says of each row whether it was new."""

    def __init__(self, keep: Callable[[Sequence[T]], list[bool]]) -> None:
        self._keep = keep
        self._waiting: deque[_Ticket[T]] = deque()
        self._led = False
        self._changed = threading.Condition()

    def commit(self, rows: Sequence[T]) -> list[bool]:
        """Keep rows; returns when they are kept. Raises what keeping them raised."""
        if not rows:
            return []
        ticket = _Ticket(rows)
        with self._changed:
            self._waiting.append(ticket)
        while group := self._group_to_lead(ticket):
            self._lead(group)
        if ticket.failed is not None:
            raise StoreError(str(ticket.failed)) from ticket.failed
        return ticket.new

    def _group_to_lead(self, ticket: _Ticket[T]) -> list[_Ticket[T]]:
        """Wait until a ticket is done (gives none) or nobody leads: then those that wait, oldest first."""
        with self._changed:
            # A condition and not a lock that the leader holds: whom it served would get that lock only after
            # the next commit, and could not share the one after.
            self._changed.wait_for(lambda: ticket.done or not self._led)
            if ticket.done:
                return []
            self._led = True
            group = [self._waiting.popleft()]
            count = len(group[0].rows)
            while self._waiting and count + len(self._waiting[0].rows) <= MOST_ROWS:
                group.append(self._waiting.popleft())
                count += len(group[-1].rows)
            return group

    def _lead(self, group: Sequence[_Ticket[T]]) -> None:
        failed: StoreError | None = StoreError("the commit was interrupted: send it again")
        new: list[bool] = []
        try:
            new = self._keep([row for ticket in group for row in ticket.rows])
            failed = None
        except StoreError as error:
            failed = error
        finally:  # whatever happens here, nobody is left waiting
            with self._changed:
                start = 0
                for ticket in group:
                    ticket.new, ticket.failed = new[start : start + len(ticket.rows)], failed
                    start += len(ticket.rows)
                    ticket.done = True
                self._led = False
                self._changed.notify_all()


class _Ticket(Generic[T]):
    """What one call brought, and what became of it."""

    def __init__(self, rows: Sequence[T]) -> None:
        self.rows = rows
        self.new: list[bool] = []
        self.failed: StoreError | None = None
        self.done = False
