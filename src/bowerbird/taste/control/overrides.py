"""What users set in their own taste, in one small file: interests muted, boosted or corrected, by id, and
excluded items."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, TypeVar

from bowerbird.data.files.durable import FileStamp, file_stamp, remove_partial_files
from bowerbird.data.files.records import read_record, write_record
from bowerbird.data.store import Store

Value = TypeVar("Value")


@dataclass(frozen=True)
class UserOverrides:
    """What one user set."""

    muted: tuple[int, ...] = ()
    """Ids of interests whose items are hidden."""
    boosted: tuple[int, ...] = ()
    """Ids of interests whose weight is doubled."""
    corrected: Mapping[int, float] = field(default_factory=dict)
    """Weights in clicks, by an interest's id."""
    excluded_items: tuple[str, ...] = ()
    """Ids of items whose events do not count."""


NO_OVERRIDES = UserOverrides()


class Overrides:
    """The overrides of all users who set any."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._file_stamp: FileStamp | None = None
        self._by_user: Mapping[str, UserOverrides] = {}

    @property
    def path(self) -> Path:
        """The file with all of them."""
        return self._store.path / "taste" / "overrides.json"

    def of_user(self, user_id: str) -> UserOverrides:
        """One user's overrides. Raises `StoreError` where the file is broken."""
        return self._read().get(user_id, NO_OVERRIDES)

    def set_flag(
        self, user_id: str, flag: Literal["muted", "boosted"], interest: int, is_set: bool | None = None
    ) -> None:
        """Set a flag of an interest, or remove it; with None the opposite of what it is."""
        with self._store.exclusive("overrides"):
            overrides = self.of_user(user_id)
            if flag == "muted":
                changed = replace(overrides, muted=_changed(overrides.muted, interest, is_set))
            else:
                changed = replace(overrides, boosted=_changed(overrides.boosted, interest, is_set))
            self._replace(user_id, changed)

    def correct(self, user_id: str, interest: int, weight: float | None) -> None:
        """Set an interest's weight, or with None undo that."""
        with self._store.exclusive("overrides"):
            overrides = self.of_user(user_id)
            corrected = {id_: value for id_, value in overrides.corrected.items() if id_ != interest}
            if weight is not None:
                corrected[interest] = weight
            self._replace(user_id, replace(overrides, corrected=corrected))

    def exclude_item(self, user_id: str, item_id: str, is_excluded: bool | None = None) -> bool:
        """Exclude an item's events, or count them again, with None the opposite of what is; return whether
        it is excluded now."""
        with self._store.exclusive("overrides"):
            overrides = self.of_user(user_id)
            excluded = _changed(overrides.excluded_items, item_id, is_excluded)
            self._replace(user_id, replace(overrides, excluded_items=excluded))
            return item_id in excluded

    def is_named(self, user_id: str) -> bool:
        """Whether a user set anything."""
        return user_id in self._read()

    def drop(self, user_ids: Collection[str]) -> None:
        """Forget what users set."""
        if not any(map(self.is_named, user_ids)):
            return
        with self._store.exclusive("overrides"):
            self._write({user: overrides for user, overrides in self._read().items() if user not in user_ids})

    def _replace(self, user_id: str, overrides: UserOverrides) -> None:
        self._write({**self._read(), user_id: overrides})

    def _read(self) -> Mapping[str, UserOverrides]:
        """The file's content, read again only where it was replaced: every recommendation asks for it."""
        stamp = file_stamp(self.path)
        if stamp is None:
            self._by_user, self._file_stamp = {}, None
        elif stamp != self._file_stamp:
            self._by_user = read_record(self.path, dict[str, UserOverrides])
            self._file_stamp = stamp
        return self._by_user

    def _write(self, by_user: Mapping[str, UserOverrides]) -> None:
        self.path.parent.mkdir(exist_ok=True)
        remove_partial_files(self.path)
        write_record(self.path, by_user)


def _changed(values: tuple[Value, ...], value: Value, is_member: bool | None) -> tuple[Value, ...]:
    """The values with or without one; with None, with one that is not among them and without one that is."""
    others = tuple(other for other in values if other != value)
    is_wanted = len(others) == len(values) if is_member is None else is_member
    return (*others, value) if is_wanted else others
