"""What people said themselves: interests that they muted or boosted, by id, in one small file."""

from __future__ import annotations

import json
from pathlib import Path

from bowerbird.data.store import Store, write_atomically
from bowerbird.errors import StoreError

MUTED, BOOSTED = "muted", "boosted"
Said = dict[str, list[int | str]]
"""Ids of interests; names where an earlier version wrote them."""


class Overrides:
    """The ids of interests under `muted` and `boosted`, for each person who said something."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._read_until: tuple[int, int, int] | None = None
        self._people: dict[str, Said] = {}

    @property
    def path(self) -> Path:
        return self._store.taste / "overrides.json"

    def of(self, user_id: str) -> Said:
        """What one person said. Raises `StoreError` where the file is broken."""
        return self._current().get(user_id, {})

    def toggle(self, user_id: str, what: str, interest: int, name: str) -> None:
        """Say `what` of an interest, or take it back. Raises `StoreError` while another process writes."""
        with self._store.lock(f"bowerbird taste {what}"):
            people = self._current()
            mine = people.get(user_id, {})
            said = mine.get(what, [])
            others = [one for one in said if one not in (interest, name)]
            self._write({**people, user_id: {**mine, what: others if others != said else [*said, interest]}})

    def drop(self, user_id: str) -> None:
        """Forget what a person said; the caller holds the store's lock."""
        people = self._current()
        if user_id in people:
            self._write({user: said for user, said in people.items() if user != user_id})

    def _current(self) -> dict[str, Said]:
        """The file's content, read again only where it was replaced: every recommendation asks for it."""
        try:
            found = self.path.stat()
            until = (found.st_ino, found.st_mtime_ns, found.st_size)
            if until != self._read_until:
                self._people, self._read_until = json.loads(self.path.read_text()), until
        except FileNotFoundError:
            self._people, self._read_until = {}, None
        except ValueError as error:
            raise StoreError(f"{self.path} can't be read ({error}): mend or delete it") from None
        return self._people

    def _write(self, people: dict[str, Said]) -> None:
        write_atomically(self.path, json.dumps(people, ensure_ascii=False, indent=1).encode())
