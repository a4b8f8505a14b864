"""What users set in their own taste, in one small file: interests muted, boosted or corrected, by id, and
excluded items."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path
from typing import Literal, TypedDict, cast

from bowerbird.data.durable import remove_partial_files, write_atomically
from bowerbird.data.store import Store
from bowerbird.errors import StoreError

FORMER_EXCLUDED_KEY = "set_aside"
"""The name under which earlier versions wrote `excluded_items`."""


class UserOverrides(TypedDict, total=False):
    """What one user set."""

    muted: list[int | str]  # ids of interests; names where an earlier version wrote them
    boosted: list[int | str]
    corrected: dict[str, float]  # weight in clicks by an interest's id
    excluded_items: list[str]  # item ids


class Overrides:
    """The overrides of all users who set any."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._file_stamp: tuple[int, int, int] | None = None
        self._by_user: dict[str, UserOverrides] = {}

    @property
    def path(self) -> Path:
        return self._store.path / "taste" / "overrides.json"

    def of_user(self, user_id: str) -> UserOverrides:
        """One user's overrides. Raises `StoreError` where the file is broken."""
        return self._read().get(user_id, {})

    def toggle(self, user_id: str, flag: Literal["muted", "boosted"], interest: int, name: str) -> None:
        """Set a flag of an interest, or undo it."""
        with self._store.exclusive("overrides"):
            overrides = self._copy_of(user_id)
            flagged = overrides.get(flag, [])
            others = [id_or_name for id_or_name in flagged if id_or_name not in (interest, name)]
            overrides[flag] = others if others != flagged else [*flagged, interest]
            self._replace(user_id, overrides)

    def correct(self, user_id: str, interest: int, weight: float | None) -> None:
        """Set an interest's weight, or with None undo that."""
        with self._store.exclusive("overrides"):
            overrides = self._copy_of(user_id)
            others = {id_: w for id_, w in overrides.get("corrected", {}).items() if id_ != str(interest)}
            overrides["corrected"] = others if weight is None else others | {str(interest): weight}
            self._replace(user_id, overrides)

    def exclude_item(self, user_id: str, item_id: str) -> bool:
        """Exclude an item's events, or count them again; return whether it is excluded now."""
        with self._store.exclusive("overrides"):
            overrides = self._copy_of(user_id)
            excluded = overrides.get("excluded_items", [])
            others = [other_id for other_id in excluded if other_id != item_id]
            overrides["excluded_items"] = others if len(others) < len(excluded) else [*excluded, item_id]
            self._replace(user_id, overrides)
            return item_id in overrides["excluded_items"]

    def is_named(self, user_id: str) -> bool:
        """Whether a user set anything."""
        return user_id in self._read()

    def drop(self, user_ids: Collection[str]) -> None:
        """Forget what users set."""
        if not any(map(self.is_named, user_ids)):
            return
        with self._store.exclusive("overrides"):
            self._write({user: overrides for user, overrides in self._read().items() if user not in user_ids})

    def _copy_of(self, user_id: str) -> UserOverrides:
        """A copy, to be changed: what `of_user` returned before stays as it is."""
        return self.of_user(user_id).copy()

    def _replace(self, user_id: str, overrides: UserOverrides) -> None:
        self._write({**self._read(), user_id: overrides})

    def _read(self) -> dict[str, UserOverrides]:
        """The file's content, read again only where it was replaced: every recommendation asks for it."""
        try:
            stat = self.path.stat()
            stamp = (stat.st_ino, stat.st_mtime_ns, stat.st_size)
            if stamp != self._file_stamp:
                users = json.loads(self.path.read_text())
                self._by_user = {user: _with_current_keys(raw) for user, raw in users.items()}
                self._file_stamp = stamp
        except FileNotFoundError:
            self._by_user, self._file_stamp = {}, None
        except ValueError as error:
            raise StoreError(f"{self.path} can't be read ({error}): repair or delete it") from None
        return self._by_user

    def _write(self, by_user: dict[str, UserOverrides]) -> None:
        self.path.parent.mkdir(exist_ok=True)
        remove_partial_files(self.path)
        write_atomically(self.path, json.dumps(by_user, ensure_ascii=False, indent=1).encode())


def _with_current_keys(raw: dict[str, object]) -> UserOverrides:
    keys = {FORMER_EXCLUDED_KEY: "excluded_items"}
    return cast(UserOverrides, {keys.get(key, key): value for key, value in raw.items()})
