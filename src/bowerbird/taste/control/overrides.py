"""What people said of their own taste, in one small file: interests muted, boosted or corrected, by id, and
items that were not for them."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path
from typing import Literal, TypedDict

from bowerbird.data.durable import remove_partial_files, write_atomically
from bowerbird.data.store import Store
from bowerbird.errors import StoreError


class Said(TypedDict, total=False):
    """What one person said."""

    muted: list[int | str]  # ids of interests; names where an earlier version wrote them
    boosted: list[int | str]
    corrected: dict[str, float]  # weight in clicks by an interest's id
    set_aside: list[str]  # ids of items


class Overrides:
    """What each person said who said something."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._read_until: tuple[int, int, int] | None = None
        self._people: dict[str, Said] = {}

    @property
    def path(self) -> Path:
        return self._store.path / "taste" / "overrides.json"

    def of(self, user_id: str) -> Said:
        """What one person said. Raises `StoreError` where the file is broken."""
        return self._current().get(user_id, {})

    def toggle(self, user_id: str, what: Literal["muted", "boosted"], interest: int, name: str) -> None:
        """Say `what` of an interest, or take it back."""
        with self._store.exclusive("overrides"):
            mine = self._mine(user_id)
            said = mine.get(what, [])
            others = [one for one in said if one not in (interest, name)]
            mine[what] = others if others != said else [*said, interest]
            self._keep(user_id, mine)

    def correct(self, user_id: str, interest: int, weight: float | None) -> None:
        """Set an interest's weight, or with None take that back."""
        with self._store.exclusive("overrides"):
            mine = self._mine(user_id)
            others = {id_: w for id_, w in mine.get("corrected", {}).items() if id_ != str(interest)}
            mine["corrected"] = others if weight is None else others | {str(interest): weight}
            self._keep(user_id, mine)

    def set_aside(self, user_id: str, item_id: str) -> bool:
        """Let an item's events not count, or count again; gives whether they are set aside now."""
        with self._store.exclusive("overrides"):
            mine = self._mine(user_id)
            aside = mine.get("set_aside", [])
            others = [one for one in aside if one != item_id]
            mine["set_aside"] = others if len(others) < len(aside) else [*aside, item_id]
            self._keep(user_id, mine)
            return item_id in mine["set_aside"]

    def names(self, user_id: str) -> bool:
        """Whether a person said anything."""
        return user_id in self._current()

    def drop(self, user_ids: Collection[str]) -> None:
        """Forget what users said."""
        if not any(map(self.names, user_ids)):
            return
        with self._store.exclusive("overrides"):
            self._write({user: said for user, said in self._current().items() if user not in user_ids})

    def _mine(self, user_id: str) -> Said:
        """A copy, to be changed: what `of` gave to others stays as it is."""
        return self.of(user_id).copy()

    def _keep(self, user_id: str, said: Said) -> None:
        self._write({**self._current(), user_id: said})

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
        self.path.parent.mkdir(exist_ok=True)
        remove_partial_files(self.path)
        write_atomically(self.path, json.dumps(people, ensure_ascii=False, indent=1).encode())
