"""Import files into a store: read, check, reject rows with a reason, and publish what is new.

Nothing is published before every file was read, so an unreadable file changes nothing. Importing the same
files again changes nothing either.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path

import pyarrow as pa

from bowerbird.data.collections import Collection
from bowerbird.data.events import EVENT_SCHEMA, Alias, Event
from bowerbird.data.files.images import prepare_picture
from bowerbird.data.ingest.event_checks import latest_accepted_time, rejection_reason
from bowerbird.data.ingest.rejected_rows import write_rejected
from bowerbird.data.ingest.summary import ImportSummary, RowCounts
from bowerbird.data.items import Catalogue, Item
from bowerbird.data.readers.layouts import FileLayout, read_files
from bowerbird.data.readers.records import (
    AliasDraft,
    CollectionDraft,
    EventDraft,
    IgnoredRow,
    ItemDraft,
    Record,
    RejectedRow,
)
from bowerbird.data.store import Store
from bowerbird.errors import InputError
from bowerbird.progress import track


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
    if layout not in list(FileLayout):
        raise InputError(f"there is no layout {layout!r}; there are {', '.join(FileLayout)}")
    records = read_files(FileLayout(layout), paths, column_map)
    with store.lock(f"bowerbird import {layout}"):
        run = _Import(store, layout)
        try:
            for record in track(records, f"importing {layout}"):
                run.add(record)
            run.publish()
        finally:
            run.pool.shutdown(cancel_futures=True)
    run.summary.seconds = time.perf_counter() - start
    return run.summary


class _Import:
    """A running import: everything read so far."""

    def __init__(self, store: Store, layout: str) -> None:
        self.store = store
        self.summary = ImportSummary(layout)
        self.catalogue_before = store.catalogue() if store.has_catalogue() else Catalogue.of([])
        self.collections_before = {collection.collection_id: collection for collection in store.collections()}
        self.items: dict[str, Item] = {}
        self.events: list[Event] = []
        self.collections: dict[str, Collection] = {}
        self.aliases: dict[Alias, str] = {}
        """Each with its location."""
        self.rejected: list[RejectedRow] = []
        self.latest = latest_accepted_time()
        self.pool = ThreadPoolExecutor(os.cpu_count() or 1)  # Pillow releases the GIL while it decodes
        self.pictures: deque[tuple[ItemDraft, Future[bytes | None] | None]] = deque()

    def add(self, record: Record) -> None:
        if isinstance(record, ItemDraft):
            self.summary.items.read += 1
            picture = record.picture
            decoding = (
                None
                if picture is None or isinstance(picture, str)
                else self.pool.submit(prepare_picture, picture)
            )
            self.pictures.append((record, decoding))
            if len(self.pictures) > 256:
                self._add_next_item()
        elif isinstance(record, EventDraft):
            self.summary.events.read += 1
            self._add_event(record)
        elif isinstance(record, AliasDraft):
            self.aliases.setdefault(record.alias, record.location)
        elif isinstance(record, IgnoredRow):
            counts = self._counts_of(record.kind)
            counts.read += 1
            counts.ignored[record.description] += 1
        elif isinstance(record, CollectionDraft):
            self.summary.collections.read += 1
            self._add_collection(record)
        else:
            self._counts_of(record.kind).read += 1
            self._reject(record)

    def _counts_of(self, kind: str) -> RowCounts:
        counts: RowCounts = getattr(self.summary, kind)
        return counts

    def _reject(self, rejected: RejectedRow) -> None:
        self._counts_of(rejected.kind).rejected[rejected.reason] += 1
        self.rejected.append(rejected)

    def _add_next_item(self) -> None:
        draft, decoding = self.pictures.popleft()
        image = decoding.result() if decoding else None
        if decoding:
            self.summary.images += image is not None
            self.summary.images_broken += image is None
        self.summary.images_not_fetched += isinstance(draft.picture, str)
        item = draft.item
        row = {"item_id": item.item_id, "title": item.title}
        if item.item_id in self.items:
            self._reject(RejectedRow("items", "duplicate item_id", draft.location, row))
        elif not item.title and image is None:
            self._reject(RejectedRow("items", "neither a title nor a readable picture", draft.location, row))
        else:
            self.items[item.item_id] = replace(item, image=image)
            self.summary.items.accepted += 1
            self.summary.items.repaired.update(draft.repaired)

    def _add_event(self, draft: EventDraft) -> None:
        while self.pictures:
            self._add_next_item()
        event = draft.event
        if not self.items and not len(self.catalogue_before):
            raise InputError("these are events, but the store has no items yet: import the catalogue first")
        is_known = event.item_id in self.items or event.item_id in self.catalogue_before
        if reason := rejection_reason(event, is_known, self.latest):
            self._reject(RejectedRow("events", reason, draft.location, event.as_row()))
        else:
            self.events.append(event)
            self.summary.events.accepted += 1

    def _add_collection(self, draft: CollectionDraft) -> None:
        while self.pictures:
            self._add_next_item()
        collection = draft.collection
        known_ids = tuple(
            item_id
            for item_id in collection.item_ids
            if item_id in self.items or item_id in self.catalogue_before
        )
        if collection.collection_id in self.collections:
            reason = "duplicate collection_id"
        elif not known_ids:
            reason = "no known item"
        else:
            if draft.extends_existing and (existing := self.collections_before.get(collection.collection_id)):
                known_ids = tuple(dict.fromkeys((*existing.item_ids, *known_ids)))
            self.collections[collection.collection_id] = replace(collection, item_ids=known_ids)
            self.summary.collections.accepted += 1
            return
        self._reject(RejectedRow("collections", reason, draft.location, asdict(collection)))

    # -- publishing ---------------------------------------------------------------------------------------

    def publish(self) -> None:
        while self.pictures:
            self._add_next_item()
        read = sum(self._counts_of(kind).read for kind in ("items", "events", "collections"))
        if not read and not self.aliases:
            raise InputError("the files have no rows: nothing was imported")
        if self.summary.items.read and not self.items and not len(self.catalogue_before):
            raise InputError(
                f"none of the {self.summary.items.read} items can be used: {self._reasons('items')}"
            )
        if self.summary.events.read and not (self.events or self.items or self.collections or self.aliases):
            raise InputError(
                f"none of the {self.summary.events.read} events can be used: {self._reasons('events')}"
            )
        with self.store.publishing_together():
            self._publish_items()
            self._publish_collections()
        if self.events:
            rows = _event_table(self.events)
            self.summary.events.new = self.store.log.add_segment(rows)
        self._join_aliases()
        self._write_rejected()

    def _reasons(self, kind: str) -> str:
        counts = self._counts_of(kind)
        return ", ".join(
            f"{reason} ({n})" for reason, n in (counts.rejected + counts.ignored).most_common(10)
        )

    def _join_aliases(self) -> None:
        counts = self.summary.aliases
        before = self.store.log.aliases_since(0)[1]
        counts.read = len(self.aliases)
        for (alias, location), reason in zip(
            self.aliases.items(), self.store.log.join(list(self.aliases)), strict=True
        ):
            if reason:
                self._reject(RejectedRow("aliases", reason, location, asdict(alias)))
        counts.accepted = counts.read - counts.rejected.total()
        counts.new = len(self.store.log.aliases_since(before)[0])

    def _publish_items(self) -> None:
        if not self.items:
            return
        fresh = Catalogue.of(self.items.values())
        changed = _rows_that_differ(fresh, self.catalogue_before)
        self.summary.items.new = len(changed)
        if not changed:
            return
        changes = Catalogue(fresh.table.take(pa.array(changed, pa.int64())))
        self.store.publish_catalogue(self.catalogue_before.updated(changes), self.catalogue_before)

    def _publish_collections(self) -> None:
        if not self.collections:
            return
        before = self.collections_before
        new = [
            collection
            for collection_id, collection in self.collections.items()
            if before.get(collection_id) != collection
        ]
        self.summary.collections.new = len(new)
        if new:
            merged = before | {collection.collection_id: collection for collection in new}
            self.store.publish_collections(list(merged.values()))

    def _write_rejected(self) -> None:
        if not self.rejected:
            return
        layout = self.summary.layout
        self.summary.rejected_file = write_rejected(self.store, layout, self.rejected, "usable rows")


def _rows_that_differ(fresh: Catalogue, before: Catalogue) -> list[int]:
    """Rows of `fresh` that are new or differ from the item of the same id in `before`."""
    if not len(before):
        return list(range(len(fresh)))
    changed = []
    for row, item_id in enumerate(fresh.ids):
        old_row = before.position.get(item_id)
        if (
            old_row is None
            or fresh.item(row) != before.item(old_row)
            or fresh.image(row) != before.image(old_row)
        ):
            changed.append(row)
    return changed


def _event_table(events: Iterable[Event]) -> pa.Table:
    return pa.concat_tables(
        pa.Table.from_pylist([event.as_row() for event in chunk], schema=EVENT_SCHEMA)
        for chunk in _chunks(list(events), 50_000)
    )


def _chunks(events: list[Event], size: int) -> Iterator[list[Event]]:
    return (events[start : start + size] for start in range(0, len(events), size))
