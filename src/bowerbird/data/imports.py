"""Takes a user's files into a store: reads, checks, refuses with a reason, and publishes what is new.

Nothing is published before every file was read, so a file that turns out to be unreadable changes nothing.
Importing the same files again changes nothing either.
"""

from __future__ import annotations

import os
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from bowerbird.data.collections import Collection
from bowerbird.data.events import EVENT_SCHEMA, Event
from bowerbird.data.images import prepared
from bowerbird.data.ingestion import latest_possible, why_refused
from bowerbird.data.items import Catalogue, Item
from bowerbird.data.readers import (
    ga4,
    google_feed,
    hm,
    ikea_rooms,
    mapped,
    movielens,
    recbole,
    segment,
)
from bowerbird.data.readers.records import CollectionDraft, EventDraft, ItemDraft, Record, Records, Refused
from bowerbird.data.store import Store
from bowerbird.errors import InputError, StoreError
from bowerbird.progress import track

LAYOUTS: dict[str, Callable[[Sequence[Path]], Records]] = {
    "google-feed": google_feed.read,
    "segment": segment.read,
    "ga4": ga4.read,
    "hm": hm.read,
    "movielens": movielens.read,
    "recbole": recbole.read,
    "ikea-rooms": ikea_rooms.read,
}
MAPPED_LAYOUT = "parquet"  # Parquet or CSV with a column map


@dataclass
class Count:
    """What became of one kind of rows."""

    read: int = 0
    kept: int = 0
    new: int = 0
    """Kept rows that the store did not hold already."""
    refused: Counter[str] = field(default_factory=Counter)
    mended: Counter[str] = field(default_factory=Counter)
    """Rows kept without a field that could not be read."""


@dataclass
class ImportSummary:
    """What an import read, kept and refused."""

    layout: str
    items: Count = field(default_factory=Count)
    events: Count = field(default_factory=Count)
    collections: Count = field(default_factory=Count)
    images: int = 0
    images_broken: int = 0
    images_not_fetched: int = 0
    """Pictures that are addresses on the web: an import downloads nothing."""
    seconds: float = 0.0
    refused_file: Path | None = None

    def as_dict(self) -> dict[str, Any]:
        return asdict(self) | {"refused_file": str(self.refused_file) if self.refused_file else None}


def import_layout(
    store: Store, layout: str, paths: Sequence[Path], *, column_map: Path | None = None
) -> ImportSummary:
    """Import files of a layout into a store, holding its lock.

    Raises `InputError` where a file is missing or not of that layout, or where events come before any items.
    """
    start = time.perf_counter()
    for path in paths:
        if not path.exists():
            raise InputError(f"there is no {path}: name files or folders that exist")
    records = _reader(layout, column_map)(paths)
    with store.lock(f"bowerbird import {layout}"):
        run = _Import(store, layout)
        try:
            for record in track(records, f"importing {layout}"):
                run.take(record)
            run.publish()
        finally:
            run.pool.shutdown(cancel_futures=True)
    run.summary.seconds = time.perf_counter() - start
    return run.summary


def _reader(layout: str, column_map: Path | None) -> Callable[[Sequence[Path]], Records]:
    if layout == MAPPED_LAYOUT:
        if column_map is None:
            raise InputError("layout parquet needs --columns MAP.toml, which says what your columns mean")
        return lambda paths: mapped.read(paths, column_map)
    if layout not in LAYOUTS:
        raise InputError(f"there is no layout {layout!r}; there are {', '.join([*LAYOUTS, MAPPED_LAYOUT])}")
    return LAYOUTS[layout]


class _Import:
    """One import under way: what was read so far."""

    def __init__(self, store: Store, layout: str) -> None:
        self.store = store
        self.summary = ImportSummary(layout)
        self.before = store.catalogue() if store.has_catalogue() else Catalogue.of([])
        self.collections_before = {one.collection_id: one for one in store.collections()}
        self.items: dict[str, Item] = {}
        self.events: list[Event] = []
        self.collections: dict[str, Collection] = {}
        self.refused: list[Refused] = []
        self.latest = latest_possible()
        self.pool = ThreadPoolExecutor(os.cpu_count() or 1)  # Pillow lets go of the GIL while it decodes
        self.pictures: deque[tuple[ItemDraft, Future[bytes | None] | None]] = deque()

    def take(self, record: Record) -> None:
        if isinstance(record, ItemDraft):
            self.summary.items.read += 1
            picture = record.picture
            work = (
                None if picture is None or isinstance(picture, str) else self.pool.submit(prepared, picture)
            )
            self.pictures.append((record, work))
            if len(self.pictures) > 256:
                self._keep_item()
        elif isinstance(record, EventDraft):
            self.summary.events.read += 1
            self._keep_event(record)
        elif isinstance(record, CollectionDraft):
            self.summary.collections.read += 1
            self._keep_collection(record)
        else:
            self._count(record.kind).read += 1
            self._refuse(record)

    def _count(self, kind: str) -> Count:
        count: Count = getattr(self.summary, kind)
        return count

    def _refuse(self, refused: Refused) -> None:
        self._count(refused.kind).refused[refused.reason] += 1
        self.refused.append(refused)

    def _keep_item(self) -> None:
        draft, work = self.pictures.popleft()
        image = work.result() if work else None
        if work:
            self.summary.images += image is not None
            self.summary.images_broken += image is None
        self.summary.images_not_fetched += isinstance(draft.picture, str)
        item = draft.item
        row = {"item_id": item.item_id, "title": item.title}
        if item.item_id in self.items:
            self._refuse(Refused("items", "duplicate item_id", draft.where, row))
        elif not item.title and image is None:
            self._refuse(Refused("items", "neither a title nor a readable picture", draft.where, row))
        else:
            self.items[item.item_id] = replace(item, image=image)
            self.summary.items.kept += 1
            self.summary.items.mended.update(draft.mended)

    def _keep_event(self, draft: EventDraft) -> None:
        while self.pictures:
            self._keep_item()
        event = draft.event
        if not self.items and not len(self.before):
            raise InputError("these are events, but the store has no items yet: import the catalogue first")
        known = event.item_id in self.items or event.item_id in self.before
        if reason := why_refused(event, known, self.latest):
            self._refuse(Refused("events", reason, draft.where, event.as_row()))
        else:
            self.events.append(event)
            self.summary.events.kept += 1

    def _keep_collection(self, draft: CollectionDraft) -> None:
        while self.pictures:
            self._keep_item()
        collection = draft.collection
        known = tuple(i for i in collection.item_ids if i in self.items or i in self.before)
        if collection.collection_id in self.collections:
            reason = "duplicate collection_id"
        elif not known:
            reason = "no known item"
        else:
            if draft.grows and (held := self.collections_before.get(collection.collection_id)):
                known = tuple(dict.fromkeys((*held.item_ids, *known)))
            self.collections[collection.collection_id] = replace(collection, item_ids=known)
            self.summary.collections.kept += 1
            return
        self._refuse(Refused("collections", reason, draft.where, asdict(collection)))

    # -- publishing ---------------------------------------------------------------------------------------

    def publish(self) -> None:
        while self.pictures:
            self._keep_item()
        read = sum(self._count(kind).read for kind in ("items", "events", "collections"))
        if not read:
            raise InputError("the files hold no rows at all: nothing was imported")
        if self.summary.items.read and not self.items and not len(self.before):
            raise InputError(f"none of the {self.summary.items.read} items can be used: {self._why('items')}")
        with self.store.publishing_together():
            self._publish_items()
            self._publish_collections()
        if self.events:
            rows = _event_table(self.events)
            self.summary.events.new = self.store.log.add_segment(rows)
        self._write_refused()

    def _why(self, kind: str) -> str:
        return ", ".join(f"{reason} ({n})" for reason, n in self._count(kind).refused.most_common())

    def _publish_items(self) -> None:
        if not self.items:
            return
        fresh = Catalogue.of(self.items.values())
        changed = _rows_that_differ(fresh, self.before)
        self.summary.items.new = len(changed)
        if not changed:
            return
        changes = Catalogue(fresh.table.take(pa.array(changed, pa.int64())))
        self.store.publish_catalogue(self.before.updated(changes), self.before)

    def _publish_collections(self) -> None:
        if not self.collections:
            return
        before = self.collections_before
        new = [one for name, one in self.collections.items() if before.get(name) != one]
        self.summary.collections.new = len(new)
        if new:
            merged = before | {one.collection_id: one for one in new}
            self.store.publish_collections(list(merged.values()))

    def _write_refused(self) -> None:
        if not self.refused:
            return
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
        path = self.store.reports / f"refused-{self.summary.layout}-{stamp}.jsonl"
        try:
            with path.open("w", encoding="utf-8", errors="replace") as file:
                for one in self.refused:
                    file.write(one.as_line())
        except OSError as error:
            path.unlink(missing_ok=True)
            raise StoreError(
                f"what could be used is imported, but the list of refused rows can't be written ({error}): "
                "free some space and import again"
            ) from error
        self.summary.refused_file = path


def _rows_that_differ(fresh: Catalogue, before: Catalogue) -> list[int]:
    """Rows of `fresh` that `before` does not hold just so."""
    if not len(before):
        return list(range(len(fresh)))
    changed = []
    for row, item_id in enumerate(fresh.ids):
        old = before.position.get(item_id)
        if old is None or fresh.item(row) != before.item(old) or fresh.image(row) != before.image(old):
            changed.append(row)
    return changed


def _event_table(events: Iterable[Event]) -> pa.Table:
    return pa.concat_tables(
        pa.Table.from_pylist([event.as_row() for event in chunk], schema=EVENT_SCHEMA)
        for chunk in _chunks(list(events), 50_000)
    )


def _chunks(events: list[Event], size: int) -> Iterator[list[Event]]:
    return (events[start : start + size] for start in range(0, len(events), size))
