"""The store: one folder on disk where the stages meet.

Everything that is replaced is **published**: written whole beside the current one, flushed, then switched to
by an atomic rename of a small `CURRENT` file. A crash, a kill or a full disk leaves the old version in force.
Two writers exclude each other with a lock file that says who holds it; readers never wait.
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
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from bowerbird.data.collections import COLLECTION_SCHEMA, Collection
from bowerbird.data.durable import write_atomically as write_atomically
from bowerbird.data.items import ITEM_SCHEMA, Catalogue
from bowerbird.data.log import IN_FOLDER, open_log
from bowerbird.errors import StoreError

LAYOUT_VERSION = 1
SETTINGS_FILE = "bowerbird.toml"
ITEMS_FILE = "items.parquet"
PICTURES_FILE = "pictures.arrow"
"""Pictures lie apart and uncompressed, so that a million of them are mapped and not read into memory."""
PICTURES_CHUNK = 4096
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
# Half-life of an interest, in days, at three time-scales: a visit, a week, a season.
half_life_days = [0.02, 7.0, 90.0]
"""


@dataclass(frozen=True)
class Settings:
    """What `bowerbird.toml` says."""

    layout_version: int = LAYOUT_VERSION
    events: str = field(default=IN_FOLDER, repr=False)
    """Where the event log lives, see `log.open_log`; never shown, since it may hold a password."""
    machine_hour_price: float = 0.20
    """Price of one machine hour, in `currency_name`."""
    currency_name: str = "USD"
    half_life_days: tuple[float, ...] = (0.02, 7.0, 90.0)
    """Half-lives of an interest, in days, from the shortest."""


@dataclass(frozen=True)
class Version:
    """One published version of `vectors`, `graft` or `ranker`."""

    kind: str
    name: str
    path: Path
    meta: dict[str, Any] = field(repr=False)


class Store:
    """A store on disk. `Store.create(path)` makes or opens one, `Store.open(path)` wants it to exist."""

    def __init__(self, path: Path, settings: Settings) -> None:
        self.path = path
        self.settings = settings
        self.log = open_log(settings.events, path / "events")

    @classmethod
    def create(cls, path: Path | str) -> Store:
        """Open the store at `path`, made first where there is none.

        Raises `StoreError` where `path` is a folder with other things in it.
        """
        path = Path(path)
        settings = path / SETTINGS_FILE
        if not settings.exists():
            if path.is_file() or (path.exists() and any(path.iterdir())):
                raise StoreError(f"{path} holds other things and is no store: name an empty or a new folder")
            try:
                path.mkdir(parents=True, exist_ok=True)
                write_atomically(settings, _SETTINGS_TEXT.encode())
            except OSError as error:
                raise StoreError(f"no store can be made at {path} ({error}): name another folder") from None
        return cls.open(path)

    @classmethod
    def open(cls, path: Path | str) -> Store:
        """Open an existing store. Raises `StoreError` where there is none, or one of a newer layout."""
        path = Path(path)
        try:
            raw = tomllib.loads((path / SETTINGS_FILE).read_text())
        except (FileNotFoundError, NotADirectoryError):
            raise StoreError(
                f"there is no store at {path}: make one with `bowerbird import LAYOUT PATH --store {path}`"
            ) from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise StoreError(f"{path / SETTINGS_FILE} can't be read ({error}): mend or restore it") from None
        return cls(path, _settings_of(raw, path))

    # -- catalogue and collections ------------------------------------------------------------------------

    def catalogue(self) -> Catalogue:
        """The items. Raises `StoreError` where none was imported."""
        version = self.current("catalogue")
        if version is None:
            raise StoreError(
                f"the store {self.path} has no items yet: run `bowerbird import` with a catalogue"
            )
        table = pq.read_table(version.path / ITEMS_FILE)
        if (version.path / PICTURES_FILE).exists():  # older stores have the pictures in the table
            table = table.append_column(ITEM_SCHEMA.field("image"), _pictures(version.path / PICTURES_FILE))
        return Catalogue(table)

    def has_catalogue(self) -> bool:
        return self.current("catalogue") is not None

    def publish_catalogue(self, catalogue: Catalogue) -> Version:
        with self.publishing("catalogue", {"items": len(catalogue)}) as folder:
            facts = catalogue.table.drop_columns(["image"])
            pq.write_table(facts, folder / ITEMS_FILE, compression="zstd", row_group_size=4096)
            pictures = catalogue.table.select(["image"])
            with pa.ipc.new_file(folder / PICTURES_FILE, pictures.schema) as file:
                file.write_table(pictures, max_chunksize=PICTURES_CHUNK)
        return self._must("catalogue")

    def collections(self) -> list[Collection]:
        version = self.current("collections")
        if version is None:
            return []
        rows = pq.read_table(version.path / "collections.parquet").to_pylist()
        return [Collection(**{**row, "item_ids": tuple(row["item_ids"])}) for row in rows]

    def publish_collections(self, collections: Sequence[Collection]) -> Version:
        rows = [
            {name: getattr(one, name) for name in COLLECTION_SCHEMA.names} | {"item_ids": list(one.item_ids)}
            for one in collections
        ]
        with self.publishing("collections", {"collections": len(rows)}) as folder:
            pq.write_table(
                pa.Table.from_pylist(rows, schema=COLLECTION_SCHEMA), folder / "collections.parquet"
            )
        return self._must("collections")

    # -- versions -----------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def publishing(
        self, kind: str, meta: dict[str, Any], keep: frozenset[str] = frozenset()
    ) -> Iterator[Path]:
        """Give an empty folder to fill; it becomes the current version of `kind` if the block ends well.

        The one before it is kept, and those named in `keep`; older ones are removed.

        `meta` is written as `meta.json` when the block ends, so the block may add to it. On any error,
        a full disk included, the folder is removed and the old version stays.
        """
        name = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f") + "-" + uuid.uuid4().hex[:6]
        final = self.path / kind / name
        building = self.path / kind / f".building-{name}"
        in_force = self.path / kind / "CURRENT"
        before = in_force.read_text().strip() if in_force.exists() else name
        try:
            building.mkdir(parents=True)
            yield building
            (building / "meta.json").write_text(json.dumps(meta, indent=1, default=str))
            _flush(building)
            building.rename(final)
            write_atomically(in_force, name.encode())
        except OSError as error:
            shutil.rmtree(final, ignore_errors=True)
            raise StoreError(
                f"{kind} could not be published in {self.path} ({error}); the version before stays in force. "
                "Free some space or mend the folder's permissions and run the command again"
            ) from error
        finally:
            shutil.rmtree(building, ignore_errors=True)
        self._keep_only(kind, keep | {name, before})

    def current(self, kind: str) -> Version | None:
        """The version of `kind` in force; None where nothing was published."""
        try:
            name = (self.path / kind / "CURRENT").read_text().strip()
            meta = json.loads((self.path / kind / name / "meta.json").read_text())
        except FileNotFoundError:
            return None
        return Version(kind, name, self.path / kind / name, meta)

    def _must(self, kind: str) -> Version:
        version = self.current(kind)
        assert version is not None
        return version

    def drop(self, kind: str) -> None:
        """Remove every version of `kind`."""
        shutil.rmtree(self.path / kind, ignore_errors=True)

    def _keep_only(self, kind: str, kept: frozenset[str]) -> None:
        """Remove all other versions; the one before is among those kept, as readers may still hold it open.

        Names tell the time, but not the order: the clock may have jumped.
        """
        for path in (self.path / kind).iterdir():
            if path.is_dir() and not path.name.startswith(".") and path.name not in kept:
                shutil.rmtree(path, ignore_errors=True)

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
    def lock(self, doing: str, wait: bool = False) -> Iterator[None]:
        """Exclude other writers while the block runs. Raises `StoreError` naming the holder, or waits for it.

        An `flock`, so that a killed process never leaves the store locked.
        """
        with (self.path / "LOCK").open("a+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.seek(0)
                holder = file.read().strip() or "another process"
                raise StoreError(f"{self.path} is being written by {holder}: wait for it to end") from None
            file.truncate(0)
            with contextlib.suppress(OSError):  # on a full disk the lock holds, only the name is lacking
                os.write(
                    file.fileno(), f"`{doing}`, process {os.getpid()} on {socket.gethostname()}".encode()
                )
            for left in self.path.glob("*/.building-*"):  # by a killed writer: nobody else writes now
                shutil.rmtree(left, ignore_errors=True)
            yield
            file.truncate(0)


def _pictures(path: Path) -> pa.ChunkedArray:
    """The pictures of a catalogue, mapped from their file; each is read when it is looked at."""
    with pa.memory_map(str(path)) as file:
        return pa.ipc.open_file(file).read_all()["image"]


def _flush(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())


def _settings_of(raw: dict[str, Any], path: Path) -> Settings:
    layout = raw.get("layout_version")
    if layout != LAYOUT_VERSION:
        raise StoreError(
            f"the store {path} has layout version {layout!r}, this bowerbird reads version {LAYOUT_VERSION}: "
            "install the bowerbird that made it, or import your data into a new folder"
        )
    try:
        prices, taste = raw.get("prices", {}), raw.get("taste", {})
        half_lives = tuple(float(d) for d in taste.get("half_life_days", Settings.half_life_days))
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
        raise StoreError(
            f"{path / SETTINGS_FILE} has a setting that can't be used ({error}): mend it"
        ) from None
