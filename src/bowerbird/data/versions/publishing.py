"""Published versions in a store's folder: written, put in force together, read, rolled back and removed.

A new version is written completely next to the current one, flushed, then switched to by replacing one small
file, `versions.json`, which names the versions that belong together (see `versions`). A crash, a kill or a
full disk leaves the old set of versions in force.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import bowerbird
from bowerbird.data.files.durable import flush_folder
from bowerbird.data.files.locks import hold_lock
from bowerbird.data.files.records import encode_record, write_record
from bowerbird.data.versions.leases import leased_versions
from bowerbird.data.versions.meta import VersionMeta
from bowerbird.data.versions.version import (
    KINDS,
    META_FILE,
    OLD_CURRENT,
    SETS_FILE,
    Version,
    VersionHistory,
    VersionSet,
)
from bowerbird.errors import StoreError

BUILDING = ".building-"
"""Prefix of the folders of versions that are being written."""


class SupersededError(StoreError):
    """A new version was derived from versions that are no longer in force."""


class VersionedFolder:
    """A folder of versions by kind, with the history of the sets that were in force."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._together: dict[str, str] | None = None

    # -- reading ------------------------------------------------------------------------------------------

    def history(self) -> VersionHistory:
        """All sets of versions. Raises `StoreError` where their file is broken."""
        return VersionHistory.read(self.path)

    def history_token(self) -> tuple[int, int]:
        """A cheap token that changes whenever the versions in force change."""
        try:
            stat = (self.path / SETS_FILE).stat()
        except FileNotFoundError:  # an older store without any later write
            return 0, 0
        return stat.st_ino, stat.st_mtime_ns

    def version(self, kind: str, name: str, lease: object = None) -> Version | None:
        """A version by its name; None where it no longer exists."""
        folder = self.path / kind / name
        try:
            return Version(kind, name, folder, (folder / META_FILE).read_bytes(), lease)
        except FileNotFoundError:
            return None

    def current(self, kind: str) -> Version | None:
        """The version of `kind` in force, for writers; None where nothing was published."""
        current_set = self.history().current
        name = current_set.versions.get(kind) if current_set else None
        return None if name is None else self.version(kind, name)

    # -- publishing ---------------------------------------------------------------------------------------

    def publish(
        self,
        kind: str,
        meta: VersionMeta | dict[str, Any],
        write: Callable[[Path], VersionMeta | None],
        made_of: Mapping[str, str] | None = None,
        keep: frozenset[str] = frozenset(),
    ) -> Version:
        """Publish a version of `kind`, whose folder `write` fills, and return it.

        A record that `write` returns is saved in the place of `meta`: it may say how long writing took. See
        `publishing` for the rest.
        """
        with self._building(kind, keep, made_of) as folder:
            _write_meta(folder, write(folder) or meta)
        name = folder.name.removeprefix(BUILDING)
        path = folder.with_name(name)
        return Version(kind, name, path, (path / META_FILE).read_bytes())

    @contextlib.contextmanager
    def publishing(
        self,
        kind: str,
        meta: VersionMeta | dict[str, Any],
        keep: frozenset[str] = frozenset(),
        made_of: Mapping[str, str] | None = None,
    ) -> Iterator[Path]:
        """Yield an empty folder to fill; it becomes the current version of `kind` if the block succeeds.

        On any error, a full disk included, the folder is removed and the old version stays. `made_of` names
        versions by kind (empty for none) that must still be in force at the end; otherwise the new version is
        removed and `SupersededError` raised. `keep` names versions that must not be removed, for kinds
        outside of the sets.
        """
        with self._building(kind, keep, made_of) as folder:
            yield folder
            _write_meta(folder, meta)

    @contextlib.contextmanager
    def _building(self, kind: str, keep: frozenset[str], made_of: Mapping[str, str] | None) -> Iterator[Path]:
        name = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f") + "-" + uuid.uuid4().hex[:6]
        final, building = self.path / kind / name, self.path / kind / f"{BUILDING}{name}"
        try:
            building.mkdir(parents=True)
            yield building
            _flush(building)
            self._put_in_force(kind, building, final, made_of or {})
        except OSError as error:
            raise StoreError(
                f"{kind} could not be published in {self.path} ({error}); the version before stays in force. "
                "Free some space or fix the folder's permissions and run the command again"
            ) from error
        finally:
            shutil.rmtree(building, ignore_errors=True)
        if kind not in KINDS:
            self._remove_others(kind, keep | {name})

    @contextlib.contextmanager
    def publishing_together(self) -> Iterator[None]:
        """Versions published inside come into force together at the end of the block or, on an error, not at
        all. The caller holds the store's lock."""
        self._together = {}
        try:
            yield
            together, self._together = self._together, None
            if together:
                self._switch(together, {}, lambda: None)
        finally:
            self._together = None

    def roll_back(self, number: int | None = None) -> tuple[VersionSet, VersionSet]:
        """Put an older set of versions in force again, by default the one before the current set.

        The replaced set stays, so that this can be undone the same way. Returns the set that was in force and
        the one that is now. Raises `StoreError` for an unknown set.
        """
        before, after = self._change_history(lambda history: history.rolled_back(number))
        return before.sets[-1], after.sets[-1]

    def drop(self, kind: str) -> None:
        """Remove every version of `kind`."""
        self._change_history(lambda history: history.without(kind))
        shutil.rmtree(self.path / kind, ignore_errors=True)

    # -- switching ----------------------------------------------------------------------------------------

    def _put_in_force(self, kind: str, building: Path, final: Path, made_of: Mapping[str, str]) -> None:
        """Move a version to its final place, and put it in force."""

        def place() -> None:
            building.rename(final)
            flush_folder(final.parent)

        if self._together is not None:
            place()
            self._together[kind] = final.name
        elif kind in KINDS:
            self._switch({kind: final.name}, made_of, place)
        else:
            place()

    def _switch(
        self, versions: Mapping[str, str], made_of: Mapping[str, str], place: Callable[[], None]
    ) -> None:
        """Put versions in force after `place` moved them to their final places."""

        def change(history: VersionHistory) -> VersionHistory:
            in_force = history.current.versions if history.current else {}
            outdated = [kind for kind, name in made_of.items() if in_force.get(kind, "") != name]
            if outdated:
                raise SupersededError(f"another version of {outdated[0]} came into force meanwhile")
            place()
            return history.with_versions(versions)

        self._change_history(change)

    def _change_history(
        self, change: Callable[[VersionHistory], VersionHistory]
    ) -> tuple[VersionHistory, VersionHistory]:
        """Replace the file of version sets, then remove versions that no set and no lease names.

        Returns the history before and after.
        """
        with hold_lock(self.path / "versions.lock"):  # for milliseconds
            before = self.history()
            after = change(before).pruned()
            if after != before or not (self.path / SETS_FILE).exists():
                write_record(self.path / SETS_FILE, after)
            self._remove_unneeded(after.version_keys() | leased_versions(self.path))
        return before, after

    def _remove_unneeded(self, needed: set[tuple[str, str]]) -> None:
        """Remove versions of the sets' kinds, except those with a needed (kind, name)."""
        for kind in KINDS:
            for path in (self.path / kind).glob("[!.]*"):
                if path.is_dir() and (kind, path.name) not in needed:
                    shutil.rmtree(path, ignore_errors=True)
                elif path.name == OLD_CURRENT:
                    path.unlink(missing_ok=True)

    def _remove_others(self, kind: str, keep: frozenset[str]) -> None:
        """Remove versions of a kind outside of the sets, except those in `keep` and the two newest."""
        names = sorted(path.name for path in (self.path / kind).glob("[!.]*") if path.is_dir())
        for name in names[:-2]:
            if name not in keep:
                shutil.rmtree(self.path / kind / name, ignore_errors=True)


def _write_meta(folder: Path, meta: VersionMeta | dict[str, Any]) -> None:
    """Write `meta.json`, with the version of bowerbird."""
    if isinstance(meta, VersionMeta):
        meta = replace(meta, made_with=bowerbird.__version__)
    (folder / META_FILE).write_bytes(encode_record(meta))


def _flush(folder: Path) -> None:
    """Flush every file in a folder to disk."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
