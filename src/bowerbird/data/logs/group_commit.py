"""Group commit: threads that append during a flush share the next one.

A call never waits for other calls to join it. The first one leads a commit of its own rows; calls that arrive
during that commit queue, and one of them leads the next commit for all. A single call is as fast as the disk,
and each of many concurrent calls waits for at most two flushes, as long as no more than `MAX_ROWS` rows wait.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from bowerbird.errors import StoreError

T = TypeVar("T")

MAX_ROWS = 1000
"""Most rows of one commit, unless a single call brings more; bounds how long a commit delays others."""


class GroupCommit(Generic[T]):
    """Passes the rows of several threads to one call of `store`, which returns whether each was new."""

    def __init__(self, store: Callable[[Sequence[T]], list[bool]]) -> None:
        self._store = store
        self._waiting: deque[_Ticket[T]] = deque()
        self._has_leader = False
        self._condition = threading.Condition()

    def commit(self, rows: Sequence[T]) -> list[bool]:
        """Store rows; returns when they are durable. Raises what `store` raised."""
        if not rows:
            return []
        ticket = _Ticket(rows)
        with self._condition:
            self._waiting.append(ticket)
        while group := self._group_to_lead(ticket):
            self._lead(group)
        if ticket.error is not None:
            raise StoreError(str(ticket.error)) from ticket.error
        return ticket.is_new

    def _group_to_lead(self, ticket: _Ticket[T]) -> list[_Ticket[T]]:
        """Wait until a ticket is done (return []) or there is no leader (return the oldest waiting ones)."""
        with self._condition:
            # Why a condition and not a lock held by the leader: a served thread would get that lock only
            # after the next commit, and could not join the one after it.
            self._condition.wait_for(lambda: ticket.is_done or not self._has_leader)
            if ticket.is_done:
                return []
            self._has_leader = True
            group = [self._waiting.popleft()]
            count = len(group[0].rows)
            while self._waiting and count + len(self._waiting[0].rows) <= MAX_ROWS:
                group.append(self._waiting.popleft())
                count += len(group[-1].rows)
            return group

    def _lead(self, group: Sequence[_Ticket[T]]) -> None:
        failure: StoreError | None = StoreError("the commit was interrupted: send it again")
        is_new: list[bool] = []
        try:
            is_new = self._store([row for ticket in group for row in ticket.rows])
            failure = None
        except StoreError as error:
            failure = error
        finally:  # whatever happens, no thread is left waiting
            with self._condition:
                start = 0
                for ticket in group:
                    ticket.is_new, ticket.error = is_new[start : start + len(ticket.rows)], failure
                    start += len(ticket.rows)
                    ticket.is_done = True
                self._has_leader = False
                self._condition.notify_all()


class _Ticket(Generic[T]):
    """The rows of one call, and their outcome."""

    def __init__(self, rows: Sequence[T]) -> None:
        self.rows = rows
        self.is_new: list[bool] = []
        self.error: StoreError | None = None
        self.is_done = False
