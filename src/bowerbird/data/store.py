"""The store: one folder on disk that all stages read and write.

New versions are **published**: written completely next to the current one, flushed, then switched to by
replacing one small file, `versions.json`, which names the versions that belong together (see `versions`).
A crash, a kill or a full disk leaves the old set of versions in force. Writers exclude each other with a lock
file that names its holder; readers never wait: they take a `snapshot()`.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import socket
import tomllib
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bowerbird.data.catalogue_files import (
    read_catalogue,
    read_collections,
    read_item_ids,
    write_catalogue,
    write_collections,
)
from bowerbird.data.collections import Collection
from bowerbird.data.durable import flush_folder
from bowerbird.data.durable import write_atomically as write_atomically
from bowerbird.data.items import Catalogue
from bowerbird.data.leases import leased_versions
from bowerbird.data.logs.opening import IN_FOLDER, open_log
from bowerbird.data.snapshot import StoreSnapshot
from bowerbird.data.versions import KINDS, OLD_CURRENT, SETS_FILE, VersionHistory, VersionSet
from bowerbird.data.versions import Version as Version
from bowerbird.errors import StoreError

LAYOUT_VERSION = 1
BUILDING = ".building-"
SETTINGS_FILE = "bowerbird.toml"
_SETTINGS_TEXT = f"""\
# Settings of this bowerbird store.
layout_version = {LAYOUT_VERSION}

# Where the event log lives: "{IN_FOLDER}", this folder's events/, or a server that several machines share:
# "postgres://user@host/database" or "redis://host:6379/0".
events = "{IN_FOLDER}"

[prices]
# What a machine hour costs you, in currency_name; `bowerbird bench` turns seconds into money with it.
machine_hour = 0.20
currency_name = "USD"

[taste]
# Half-life of an interest, in days, at three time-scales: a session, a week, a season.
half_life_days = [0.02, 7.0, 90.0]
"""


@dataclass(frozen=True)
class Settings:
    """The settings of `bowerbird.toml`."""

    layout_version: int = LAYOUT_VERSION
    events: str = field(default=IN_FOLDER, repr=False)
    """Where the event log lives, see `logs.opening.open_log`; never shown, since it may hold a password."""
    machine_hour_price: float = 0.20
    """Price of one machine hour, in `currency_name`."""
    currency_name: str = "USD"
    half_life_days: tuple[float, ...] = (0.02, 7.0, 90.0)
    """Half-lives of an interest, in days, from the shortest."""


class SupersededError(StoreError):
    """A new version was derived from versions that are no longer in force."""


class Store:
    """A store on disk. `Store.create(path)` creates or opens one, `Store.open(path)` requires it to exist."""

    def __init__(self, path: Path, settings: Settings) -> None:
        self.path = path
        self.settings = settings
        self.log = open_log(settings.events, path / "events")
        self._together: dict[str, str] | None = None

    @classmethod
    def create(cls, path: Path | str) -> Store:
        """Open the store at `path`; create it first where there is none.

        Raises `StoreError` where `path` is a folder with other files in it.
        """
        path = Path(path)
        settings = path / SETTINGS_FILE
        if not settings.exists():
            if path.is_file() or (path.exists() and any(path.iterdir())):
                raise StoreError(
                    f"{path} is not empty and is not a bowerbird store: choose a new or empty folder"
                )
            try:
                path.mkdir(parents=True, exist_ok=True)
                write_atomically(settings, _SETTINGS_TEXT.encode())
            except OSError as error:
                raise StoreError(
                    f"no store can be created at {path} ({error}): choose another folder"
                ) from None
        return cls.open(path)

    @classmethod
    def open(cls, path: Path | str) -> Store:
        """Open an existing store. Raises `StoreError` where there is none, or one of a newer layout."""
        path = Path(path)
        try:
            raw = tomllib.loads((path / SETTINGS_FILE).read_text())
        except (FileNotFoundError, NotADirectoryError):
            raise StoreError(
                f"there is no store at {path}: create one with `bowerbird import LAYOUT PATH --store {path}`"
            ) from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise StoreError(
                f"{path / SETTINGS_FILE} can't be read ({error}): repair or restore it"
            ) from None
        return cls(path, _parse_settings(raw, path))

    # -- catalogue and collections, for writers -----------------------------------------------------------

    def catalogue(self) -> Catalogue:
        """All imported items. Raises `StoreError` where there are none."""
        return read_catalogue(self._catalogue_version().path)

    def item_ids(self) -> list[str]:
        """Ids of all imported items. Raises `StoreError` where there are none."""
        return read_item_ids(self._catalogue_version().path)

    def _catalogue_version(self) -> Version:
        version = self.current("catalogue")
        if version is None:
            raise StoreError(
                f"the store {self.path} has no items yet: run `bowerbird import` with a catalogue"
            )
        return version

    def has_catalogue(self) -> bool:
        return self.current("catalogue") is not None

    def publish_catalogue(self, catalogue: Catalogue, before: Catalogue | None = None) -> Version:
        """Publish items. `before` are those in force now: unchanged pictures are not written again."""
        current = self.current("catalogue")
        can_share = before is not None and current is not None and catalogue.has_pictures_of(before)
        pictures_of = current.path if current is not None and can_share else None
        meta = {"items": len(catalogue)}
        return self.publish("catalogue", meta, lambda folder: write_catalogue(folder, catalogue, pictures_of))

    def collections(self) -> list[Collection]:
        version = self.current("collections")
        return [] if version is None else read_collections(version.path)

    def publish_collections(self, collections: Sequence[Collection]) -> Version:
        meta = {"collections": len(collections)}
        return self.publish("collections", meta, lambda folder: write_collections(folder, collections))

    # -- versions -----------------------------------------------------------------------------------------

    def snapshot(self, previous: StoreSnapshot | None = None, number: int | None = None) -> StoreSnapshot:
        """Pin the versions in force now, or those of the set with a number, for reading.

        Objects that `previous` has opened from the same versions are shared.
        """
        return StoreSnapshot.of(self, number, previous)

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
            return Version(kind, name, folder, json.loads((folder / "meta.json").read_text()), lease)
        except FileNotFoundError:
            return None
        except ValueError as error:
            raise StoreError(
                f"{folder / 'meta.json'} can't be read ({error}): restore it, or roll back"
            ) from None

    def current(self, kind: str) -> Version | None:
        """The version of `kind` in force, for writers; None where nothing was published."""
        current_set = self.history().current
        name = current_set.versions.get(kind) if current_set else None
        return None if name is None else self.version(kind, name)

    def publish(
        self,
        kind: str,
        meta: dict[str, Any],
        write: Callable[[Path], None],
        made_of: Mapping[str, str] | None = None,
        keep: frozenset[str] = frozenset(),
    ) -> Version:
        """As `publishing`, with a function that fills the folder; returns the new version."""
        with self.publishing(kind, meta, keep, made_of) as folder:
            write(folder)
        name = folder.name.removeprefix(BUILDING)
        return Version(kind, name, folder.with_name(name), meta)

    @contextlib.contextmanager
    def publishing(
        self,
        kind: str,
        meta: dict[str, Any],
        keep: frozenset[str] = frozenset(),
        made_of: Mapping[str, str] | None = None,
    ) -> Iterator[Path]:
        """Yield an empty folder to fill; it becomes the current version of `kind` if the block succeeds.

        `meta` is written as `meta.json` when the block ends, so the block may add to it. On any error, a full
        disk included, the folder is removed and the old version stays. `made_of` names versions by kind
        (empty for none) that must still be in force at the end; otherwise the new version is removed and
        `SupersededError` raised. `keep` names versions that must not be removed, for kinds outside of the
        sets.
        """
        name = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f") + "-" + uuid.uuid4().hex[:6]
        final, building = self.path / kind / name, self.path / kind / f"{BUILDING}{name}"
        try:
            building.mkdir(parents=True)
            yield building
            (building / "meta.json").write_text(json.dumps(meta, indent=1, default=str))
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
        with (self.path / "versions.lock").open("a") as file:  # held for milliseconds; ends with the process
            fcntl.flock(file, fcntl.LOCK_EX)
            before = self.history()
            after = change(before).pruned()
            if after != before or not (self.path / SETS_FILE).exists():
                write_atomically(self.path / SETS_FILE, after.as_json().encode())
            needed = after.version_keys() | leased_versions(self.path)
            for kind in KINDS:
                for path in (self.path / kind).glob("[!.]*"):
                    if path.is_dir() and (kind, path.name) not in needed:
                        shutil.rmtree(path, ignore_errors=True)
                    elif path.name == OLD_CURRENT:
                        path.unlink(missing_ok=True)
        return before, after

    def _remove_others(self, kind: str, keep: frozenset[str]) -> None:
        """Remove versions of a kind outside of the sets, except those in `keep` and the two newest."""
        names = sorted(path.name for path in (self.path / kind).glob("[!.]*") if path.is_dir())
        for name in names[:-2]:
            if name not in keep:
                shutil.rmtree(self.path / kind / name, ignore_errors=True)

    # -- folders and lock ---------------------------------------------------------------------------------

    @property
    def features(self) -> Path:
        return self._folder("features")

    @property
    def taste(self) -> Path:
        return self._folder("taste")

    @property
    def reports(self) -> Path:
        return self._folder("reports")

    def _folder(self, name: str) -> Path:
        folder = self.path / name
        folder.mkdir(exist_ok=True)
        return folder

    @contextlib.contextmanager
    def exclusive(self, work: str) -> Iterator[None]:
        """Let one process at a time do some long work (`ranker`, `index`), while others may write."""
        with (self.path / f"{work}.lock").open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    @contextlib.contextmanager
    def lock(self, doing: str, wait: bool = False) -> Iterator[None]:
        """Exclude other writers while the block runs. Raises `StoreError` naming the holder, or waits for it.

        An `flock`: the kernel releases it when its process dies, so a killed writer never leaves a lock
        behind.
        """
        with (self.path / "LOCK").open("a+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.seek(0)
                holder = file.read().strip() or "another process"
                raise StoreError(f"{self.path} is being written by {holder}: wait for it to end") from None
            file.truncate(0)
            with contextlib.suppress(
                OSError
            ):  # on a full disk the lock holds, only the holder's name is missing
                os.write(
                    file.fileno(), f"`{doing}`, process {os.getpid()} on {socket.gethostname()}".encode()
                )
            for abandoned in self.path.glob(f"*/{BUILDING}*"):  # of a killed writer: nobody else writes now
                shutil.rmtree(abandoned, ignore_errors=True)
            yield
            file.truncate(0)


def _flush(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())


def _parse_settings(raw: dict[str, Any], path: Path) -> Settings:
    layout = raw.get("layout_version")
    if layout != LAYOUT_VERSION:
        raise StoreError(
            f"the store {path} has layout version {layout!r}, this bowerbird reads version {LAYOUT_VERSION}: "
            "install the bowerbird that made it, or import your data into a new folder"
        )
    try:
        prices, taste = raw.get("prices", {}), raw.get("taste", {})
        half_lives = tuple(float(days) for days in taste.get("half_life_days", Settings.half_life_days))
        if not half_lives or min(half_lives) <= 0:
            raise ValueError(f"half_life_days is {half_lives}, expected numbers above 0")
        return Settings(
            layout_version=layout,
            events=str(raw.get("events", IN_FOLDER)),
            machine_hour_price=float(prices.get("machine_hour", Settings.machine_hour_price)),
            currency_name=str(prices.get("currency_name", Settings.currency_name)),
            half_life_days=half_lives,
        )
    except (TypeError, ValueError, AttributeError) as error:
        raise StoreError(f"{path / SETTINGS_FILE} has an invalid setting ({error}): correct it") from None
