"""The alias table of an event log: which ids are the same user's, e.g. a browser's before and after a login.

Events are stored with the id they came with; the table says whose they are. It lies where the events do, so
that all machines that share a log see one history of a user.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from bowerbird.data.events import Alias

ALIAS_TAKEN = "this id already belongs to another user"
"""Why an alias is rejected: two known users are never joined because they shared a device."""


@dataclass(frozen=True)
class JoinedIds:
    """The whole table at one moment. `users` maps an alias to the user it was joined to, which may be an
    alias itself; `last` is the number of the last row; `erased` counts removals."""

    users: Mapping[str, str] = field(default_factory=dict)
    last: int = 0
    erased: int = 0

    def user_of(self, any_id: str) -> str:
        """The user to whom an id belongs: itself where it is no alias."""
        while (user := self.users.get(any_id)) is not None:
            any_id = user
        return any_id

    def ids_of(self, any_id: str) -> list[str]:
        """All ids of the user to whom an id belongs, the user's own first."""
        user = self.user_of(any_id)
        return [user, *(alias for alias in self.users if self.user_of(alias) == user)]

    def knows(self, alias: Alias) -> bool:
        """Whether two ids are one user's already."""
        return self.user_of(alias.alias) == self.user_of(alias.user_id)

    def check(self, aliases: Sequence[Alias]) -> tuple[list[str], list[Alias]]:
        """Why each alias is rejected, empty where it holds, and those that are new."""
        users = dict(self.users)
        joined, reasons, new = JoinedIds(users), [], []
        for alias in aliases:
            is_taken = alias.alias in users and not joined.knows(alias)
            if not is_taken and not joined.knows(alias):
                users[alias.alias] = alias.user_id
                new.append(alias)
            reasons.append(ALIAS_TAKEN if is_taken else "")
        return reasons, new


class AliasTable(ABC):
    """The aliases of a log. Safe for several threads and processes."""

    @abstractmethod
    def read(self) -> JoinedIds:
        """The current table; read again only where it changed."""

    @abstractmethod
    def since(self, number: int) -> tuple[list[Alias], int]:
        """The aliases after a number, in order of arrival, and the number of the last one."""

    @abstractmethod
    def add(self, aliases: Sequence[Alias], live: int) -> list[str]:
        """Store aliases durably; returns why each was rejected, empty where it holds.

        `live` is the end of the log's live events. Raises `InputError` for text that is not valid Unicode,
        `StoreError` where they can't be stored.
        """

    @abstractmethod
    def remove(self, ids: Collection[str], until: Callable[[str], int]) -> int:
        """Remove the aliases that name any of some ids, up to the live event that `until` gives for an id."""
