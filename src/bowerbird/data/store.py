"""The store: one folder on disk that all stages read and write.

It holds the imported items and collections, the event log, and the versions of everything that is trained
(see `publishing`). Writers exclude each other with a lock file that names its holder; readers never wait:
they take a `snapshot()`.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pyarrow as pa

from bowerbird.data.collections import Collection
from bowerbird.data.files.durable import write_atomically
from bowerbird.data.files.locks import hold_lock, try_lock, wait_for_lock
from bowerbird.data.items import Catalogue
from bowerbird.data.logs.opening import open_log
from bowerbird.data.settings import DEFAULT_SETTINGS, SETTINGS_FILE, Settings, read_settings
from bowerbird.data.snapshot import StoreSnapshot
from bowerbird.data.versions.catalogue_files import (
    read_catalogue,
    read_collections,
    read_item_ids,
    write_catalogue,
    write_collections,
    write_item_batches,
)
from bowerbird.data.versions.meta import CatalogueMeta, CollectionsMeta
from bowerbird.data.versions.publishing import BUILDING, VersionedFolder
from bowerbird.data.versions.version import Version
from bowerbird.errors import StoreError


class Store(VersionedFolder):
    """A store on disk. `Store.create(path)` creates or opens one, `Store.open(path)` requires it to exist."""

    def __init__(self, path: Path, settings: Settings) -> None:
        super().__init__(path)
        self.settings = settings
        self.log = open_log(settings.events, path / "events")

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
                write_atomically(settings, DEFAULT_SETTINGS.encode())
            except OSError as error:
                raise StoreError(
                    f"no store can be created at {path} ({error}): choose another folder"
                ) from None
        return cls.open(path)

    @classmethod
    def open(cls, path: Path | str) -> Store:
        """Open an existing store. Raises `StoreError` where there is none, or its settings are invalid."""
        path = Path(path)
        return cls(path, read_settings(path))

    def snapshot(self, previous: StoreSnapshot | None = None, number: int | None = None) -> StoreSnapshot:
        """Pin the versions in force now, or those of the set with a number, for reading.

        Objects that `previous` has opened from the same versions are shared.
        """
        return StoreSnapshot.of(self, number, previous)

    # -- catalogue and collections, for writers -----------------------------------------------------------

    def catalogue(self) -> Catalogue:
        """All imported items. Raises `StoreError` where there are none."""
        return read_catalogue(self._catalogue_version().path)

    def item_ids(self) -> list[str]:
        """Ids of all imported items. Raises `StoreError` where there are none."""
        return read_item_ids(self._catalogue_version().path)

    def _catalogue_version(self) -> Version:
        version = self.current(CatalogueMeta.KIND)
        if version is None:
            raise StoreError(
                f"the store {self.path} has no items yet: run `bowerbird import` with a catalogue"
            )
        return version

    def has_catalogue(self) -> bool:
        """Whether items were imported."""
        return self.current(CatalogueMeta.KIND) is not None

    def publish_catalogue(self, catalogue: Catalogue, before: Catalogue | None = None) -> Version:
        """Publish items. `before` are those in force now: unchanged pictures are not written again."""
        current = self.current(CatalogueMeta.KIND)
        can_share = before is not None and current is not None and catalogue.has_pictures_of(before)
        pictures_of = current.path if current is not None and can_share else None
        return self.publish(
            CatalogueMeta.KIND,
            CatalogueMeta(items=len(catalogue)),
            lambda folder: write_catalogue(folder, catalogue, pictures_of),
        )

    def publish_item_batches(self, batches: Iterable[pa.Table], count: int) -> Version:
        """Publish items in `ITEM_SCHEMA`, `count` in all, without holding them in memory."""
        return self.publish(
            CatalogueMeta.KIND,
            CatalogueMeta(items=count),
            lambda folder: write_item_batches(folder, batches),
        )

    def collections(self) -> list[Collection]:
        """All imported collections."""
        version = self.current(CollectionsMeta.KIND)
        return [] if version is None else read_collections(version.path)

    def publish_collections(self, collections: Sequence[Collection]) -> Version:
        """Publish collections, in the place of all that are in force."""
        return self.publish(
            CollectionsMeta.KIND,
            CollectionsMeta(collections=len(collections)),
            lambda folder: write_collections(folder, collections),
        )

    # -- folders ------------------------------------------------------------------------------------------

    @property
    def features(self) -> Path:
        """Folder of cached outputs of the backbones."""
        return self._folder("features")

    @property
    def taste(self) -> Path:
        """Folder of user states and what users control."""
        return self._folder("taste")

    @property
    def reports(self) -> Path:
        """Folder of reports and evaluations."""
        return self._folder("reports")

    def _folder(self, name: str) -> Path:
        folder = self.path / name
        folder.mkdir(exist_ok=True)
        return folder

    # -- locks --------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def exclusive(self, work: str) -> Iterator[None]:
        """Let one process at a time do some long work (`ranker`, `index`), while others may write."""
        with hold_lock(self.path / f"{work}.lock"):
            yield

    @contextlib.contextmanager
    def lock(self, doing: str, wait: bool = False) -> Iterator[None]:
        """Exclude other writers while the block runs. Raises `StoreError` naming the holder, or waits for it.

        The lock of a killed writer is released, see `locks`.
        """
        with self._named_lock("LOCK", doing, wait, "being written"):
            for abandoned in self.path.glob(f"*/{BUILDING}*"):  # of a killed writer: nobody else writes now
                shutil.rmtree(abandoned, ignore_errors=True)
            yield

    @contextlib.contextmanager
    def training_lock(self, doing: str) -> Iterator[None]:
        """Exclude other trainings of vectors and grafts while the block runs; items and events may change.

        Raises `StoreError` naming the holder. What was trained is published under `lock`.
        """
        with self._named_lock("training.lock", doing, False, "being trained on"):
            yield

    @contextlib.contextmanager
    def _named_lock(self, name: str, doing: str, wait: bool, state: str) -> Iterator[None]:
        """Hold the lock of a file that says who holds it."""
        with (self.path / name).open("a+") as file:
            if wait:
                wait_for_lock(file)
            elif not try_lock(file):
                file.seek(0)
                holder = file.read().strip() or "another process"
                raise StoreError(f"{self.path} is {state} by {holder}: wait for it to end")
            file.truncate(0)
            with contextlib.suppress(OSError):  # on a full disk the lock holds without its holder's name
                os.write(
                    file.fileno(), f"`{doing}`, process {os.getpid()} on {socket.gethostname()}".encode()
                )
            yield
            file.truncate(0)
