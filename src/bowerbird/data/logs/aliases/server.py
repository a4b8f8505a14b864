"""Alias tables on a server: what all have in common, over a few commands that each server has.

The whole table is cached; what came since is read when it is asked for, at most every tenth of a second. An
alias is stored only on top of the table that it was checked against.
"""

from __future__ import annotations

import logging
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple

from bowerbird.data.events import Alias
from bowerbird.data.logs.aliases.contract import AliasTable, JoinedIds
from bowerbird.data.logs.aliases.local import LocalAliases
from bowerbird.errors import InputError

_FRESH_S = 0.1
_log = logging.getLogger(__name__)


class StoredAlias(NamedTuple):
    """One row of the table; numbers are in order of arrival, and never given twice."""

    number: int
    alias: str
    user_id: str
    live: int


class TableState(NamedTuple):
    """What changes with every change of the table."""

    last: int
    erased: int


class AliasRows(ABC):
    """The commands of a server."""

    @abstractmethod
    def state(self) -> TableState:
        """The number of the last row, and of the removals."""

    @abstractmethod
    def after(self, number: int) -> list[StoredAlias]:
        """The rows after a number, in their order."""

    @abstractmethod
    def append(self, aliases: Sequence[Alias], live: int, expected: TableState) -> bool:
        """Append rows durably, all or none; False, and none, where the state is not the expected one."""

    @abstractmethod
    def delete(self, numbers: Sequence[int]) -> None:
        """Delete rows, so that no trace of them stays in the server's files."""


class ServerAliases(AliasTable):
    """The aliases on a server; those in the folder of the store are moved there."""

    def __init__(self, rows: AliasRows, before: LocalAliases) -> None:
        self._rows, self._before = rows, before
        self._lock = threading.RLock()
        self._cached = JoinedIds()
        self._checked_at = float("-inf")
        self._has_moved = False

    def read(self) -> JoinedIds:
        """See `AliasTable.read`."""
        with self._lock:
            if time.monotonic() - self._checked_at >= _FRESH_S:
                self._move_once()
                self._refresh()
            return self._cached

    def since(self, number: int) -> tuple[list[Alias], int]:
        """See `AliasTable.since`."""
        joined = self.read()
        if joined.last <= number:
            return [], joined.last
        rows = self._rows.after(number)
        return [Alias(row.alias, row.user_id) for row in rows], rows[-1].number if rows else number

    def add(self, aliases: Sequence[Alias], live: int) -> list[str]:
        """See `AliasTable.add`."""
        for alias in aliases:
            try:
                f"{alias.alias}{alias.user_id}".encode()
            except UnicodeEncodeError as error:
                raise InputError(f"an alias has text that is not valid Unicode ({error})") from None
        with self._lock:
            self.read()
            return self._append(aliases, live)

    def remove(self, ids: Collection[str], until: Callable[[str], int]) -> int:
        """See `AliasTable.remove`."""
        with self._lock:
            self._move_once()
            numbers = [
                row.number
                for row in self._rows.after(0)
                if any(name in ids and row.live <= until(name) for name in (row.alias, row.user_id))
            ]
            if numbers:
                self._rows.delete(numbers)
            self._checked_at = float("-inf")
        return len(numbers)

    def _append(self, aliases: Sequence[Alias], live: int) -> list[str]:
        """Store the aliases that are new on top of the table; what kept each of the others out, else ""."""
        while True:
            reasons, new = self._cached.check(aliases)
            state = TableState(self._cached.last, self._cached.erased)
            if not new or self._rows.append(new, live, state):
                self._checked_at = float("-inf")
                return reasons
            self._refresh()

    def _refresh(self) -> None:
        """Read what came since, or everything where rows were removed."""
        state, cached = self._rows.state(), self._cached
        if state != (cached.last, cached.erased):
            is_longer = state.erased == cached.erased
            rows = self._rows.after(cached.last if is_longer else 0)
            users = (dict(cached.users) if is_longer else {}) | {row.alias: row.user_id for row in rows}
            last = rows[-1].number if rows else state.last
            self._cached = JoinedIds(users, last, state.erased)
        self._checked_at = time.monotonic()

    def _move_once(self) -> None:
        """Move the aliases that are still in the store's folder; again at the next call where it fails."""
        if self._has_moved:
            return
        aliases, _ = self._before.since(0)
        if aliases:
            self._refresh()
            reasons = self._append(aliases, live=0)
            self._before.remove({alias.alias for alias in aliases}, lambda _: 2**63 - 1)
            if n_rejected := sum(map(bool, reasons)):
                _log.warning(
                    "%d aliases of the folder join ids that the server has with other users", n_rejected
                )
        self._has_moved = True
