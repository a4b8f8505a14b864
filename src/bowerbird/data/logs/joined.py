"""An event log whose readers see one history a user, whatever ids its events came with.

The log below stores each event with the id it came with; an `AliasTable` says whose ids they are. Reading
puts the user's own id in their place, and an erasure removes all of a user's ids and the aliases.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from bowerbird.data.events import EVENT_SCHEMA, Alias, Event
from bowerbird.data.logs.aliases.contract import AliasTable, JoinedIds
from bowerbird.data.logs.contract import EventLog, LogMark
from bowerbird.data.logs.rows import Row


class JoinedLog(EventLog):
    """A log with an alias table. Everything that is not about ids is the log's own."""

    def __init__(self, log: EventLog, aliases: AliasTable) -> None:
        self._log, self._aliases = log, aliases
        self.generations_per_forget = log.generations_per_forget

    @property
    def kind(self) -> str:
        """See `EventLog.kind`."""
        return self._log.kind

    # -- aliases ------------------------------------------------------------------------------------------

    def join(self, aliases: Sequence[Alias]) -> list[str]:
        """Join the histories of ids, durably; returns why each alias was rejected, empty where it holds.

        Raises `InputError` for text that is not valid Unicode, `StoreError` where they can't be stored.
        """
        return self._aliases.add(aliases, self._log.tail_size) if aliases else []

    def aliases_since(self, number: int) -> tuple[list[Alias], int]:
        """Aliases after a number (0: all), in order of arrival, and the number of the last one."""
        return self._aliases.since(number)

    def user_of(self, any_id: str) -> str:
        """The user to whom an id belongs: the id itself where it is no alias."""
        return self._aliases.read().user_of(any_id)

    def ids_of(self, any_id: str) -> list[str]:
        """All ids of the user to whom an id belongs, the user's own first."""
        return self._aliases.read().ids_of(any_id)

    def events_of(self, users: Sequence[str], until: int) -> pa.Table:
        """Events of users in `EVENT_SCHEMA`, of imports and live ones up to an offset of the tail."""
        joined = self._aliases.read()
        table = self.read_users({joined.user_of(user) for user in users})
        later = pa.array([event.event_id for event in self._log.tail_since(until)[0]], pa.string())
        return table.filter(pc.invert(pc.is_in(table["event_id"], later)))

    # -- reading ------------------------------------------------------------------------------------------

    def read(self) -> pa.Table:
        """See `EventLog.read`."""
        return _with_users(self._log.read(), self._aliases.read())

    def read_users(self, users: Collection[str]) -> pa.Table:
        """See `EventLog.read_users`. An alias has no events: they are its user's."""
        joined = self._aliases.read()
        ids = {any_id for user in users if user not in joined.users for any_id in joined.ids_of(user)}
        return _with_users(self._log.read_users(ids), joined)

    def tail_since(self, offset: int) -> tuple[list[Event], int]:
        """See `EventLog.tail_since`."""
        events, end = self._log.tail_since(offset)
        joined = self._aliases.read()
        if joined.users:
            events = [
                replace(event, user_id=joined.user_of(event.user_id))
                if event.user_id in joined.users
                else event
                for event in events
            ]
        return events, end

    @property
    def tail_size(self) -> int:
        """See `EventLog.tail_size`."""
        return self._log.tail_size

    @property
    def mark(self) -> LogMark:
        """See `EventLog.mark`."""
        return self._log.mark

    @property
    def generation(self) -> int:
        """See `EventLog.generation`."""
        return self._log.generation

    def __len__(self) -> int:
        return len(self._log)

    # -- writing ------------------------------------------------------------------------------------------

    def append(self, events: Sequence[Event]) -> list[Event]:
        """See `EventLog.append`."""
        return self._log.append(events)

    def _commit(self, rows: Sequence[Row]) -> list[bool]:
        return self._log._commit(rows)

    def add_segment(self, events: pa.Table) -> int:
        """See `EventLog.add_segment`."""
        return self._log.add_segment(events)

    def has_any_of(self, users: Mapping[str, LogMark]) -> bool:
        """See `EventLog.has_any_of`. An alias of a user is something to remove, too."""
        all_ids = self._with_all_ids(users)
        return len(all_ids) > len(users) or self._log.has_any_of(all_ids)

    def forget_all(self, users: Mapping[str, LogMark]) -> int:
        """See `EventLog.forget_all`. Removes the events of all of a user's ids, then the aliases."""
        all_ids = self._with_all_ids(users)
        removed = self._log.forget_all(all_ids)
        self._aliases.remove(all_ids.keys(), lambda any_id: all_ids[any_id].live)
        return removed

    def _with_all_ids(self, users: Mapping[str, LogMark]) -> dict[str, LogMark]:
        """The marks of users, for all of their ids."""
        joined = self._aliases.read()
        return {any_id: mark for user, mark in users.items() for any_id in (user, *joined.ids_of(user))}

    def close(self) -> None:
        """See `EventLog.close`."""
        self._log.close()


def _with_users(table: pa.Table, joined: JoinedIds) -> pa.Table:
    """Events with the id of the user to whom each belongs, in the order of the table."""
    if not joined.users:
        return table
    aliases = pa.array(list(joined.users), pa.string())
    users = pa.array([joined.user_of(alias) for alias in joined.users], pa.string())
    owners = users.take(pc.index_in(table["user_id"], aliases).combine_chunks())
    column = table.schema.get_field_index("user_id")
    resolved = pc.coalesce(owners, table["user_id"].combine_chunks())
    return table.set_column(column, EVENT_SCHEMA.field("user_id"), resolved)
