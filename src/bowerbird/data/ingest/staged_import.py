"""What an import reads: checked record by record, and staged until it is published."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bowerbird.data.collections import Collection
from bowerbird.data.events import Alias
from bowerbird.data.files.images import prepare_picture
from bowerbird.data.ingest.event_batches import batch_of, check_batch
from bowerbird.data.ingest.event_checks import latest_accepted_time
from bowerbird.data.ingest.id_set import IdSet
from bowerbird.data.ingest.staging import Staging
from bowerbird.data.ingest.summary import ImportSummary, RowCounts
from bowerbird.data.items import Item, table_of
from bowerbird.data.readers.records import (
    AliasDraft,
    CollectionDraft,
    EventBatch,
    EventDraft,
    IgnoredRow,
    ItemBatch,
    ItemDraft,
    Record,
    RejectedRow,
    repairs_as_row,
)
from bowerbird.data.readers.values.outcomes import Repair
from bowerbird.data.store import Store
from bowerbird.errors import InputError

CHECKPOINT_S = 20.0
"""Seconds of work that a kill may cost."""
MAX_DECODING = 256
"""Pictures that are being decoded or wait for it."""
ITEMS_PER_BATCH = 1024
EVENTS_PER_BATCH = 20_000


class StagedImport:
    """What a running import has read. Accepted rows are staged in batches; little else is held in memory."""

    def __init__(self, store: Store, layout: str, files: str) -> None:
        self.store = store
        before = store.current("catalogue")
        self.staging, checkpoint = Staging.open(store.path, f"{files}-{before.name if before else ''}")
        self.summary = checkpoint.summary if checkpoint else ImportSummary(layout)
        self.known = IdSet(store.item_ids() if before is not None else ())
        """Ids of all items: those of the store, and those read so far."""
        self.imported = IdSet()
        """Ids of the items read so far."""
        for rows in self.staging.item_batches():
            staged_ids = rows["item_id"].to_pylist()
            self.imported.add(staged_ids)
            self.known.add(staged_ids)
        self.collections_before = {collection.collection_id: collection for collection in store.collections()}
        self.collections: dict[str, Collection] = {}
        self.aliases: dict[Alias, str] = {}
        """Each with its location."""
        self.latest = latest_accepted_time()
        self.pool = ThreadPoolExecutor(os.cpu_count() or 1)  # Pillow releases the GIL while it decodes
        self.pictures: deque[tuple[ItemDraft, Future[bytes | None] | None]] = deque()
        self.items: list[tuple[ItemDraft, bytes | None]] = []
        self.events: list[EventDraft] = []
        self.records = 0
        self.resumed_at = checkpoint.records if checkpoint else 0
        self._checkpoint_at = time.monotonic() + CHECKPOINT_S

    def add(self, record: Record) -> None:
        """Stage a record, or reject it."""
        self.records += 1
        if self.records <= self.resumed_at:
            self._skip(record)
            return
        if isinstance(record, ItemDraft):
            self._add_item(record)
        elif isinstance(record, ItemBatch):
            self._add_items(record)
        elif isinstance(record, EventDraft):
            self.events.append(record)
            if len(self.events) >= EVENTS_PER_BATCH:
                self._flush_events()
        elif isinstance(record, EventBatch):
            self._flush_items()
            self._add_events(record)
        elif isinstance(record, AliasDraft):
            self.aliases.setdefault(record.alias, record.location)
        elif isinstance(record, IgnoredRow):
            counts = self.counts_of(record.kind)
            counts.read += record.count
            counts.ignored[record.description] += record.count
        elif isinstance(record, CollectionDraft):
            self._flush_items()
            self._add_collection(record)
        else:
            self.counts_of(record.kind).read += 1
            self.reject(record)
        if time.monotonic() >= self._checkpoint_at:
            self.checkpoint()

    def _skip(self, record: Record) -> None:
        """Pass over a record that an interrupted import had staged; what it held in memory is read again."""
        if isinstance(record, AliasDraft):
            self.aliases.setdefault(record.alias, record.location)
        elif isinstance(record, CollectionDraft):
            collection = self._usable_collection(record)
            if isinstance(collection, Collection):
                self.collections[collection.collection_id] = collection

    def checkpoint(self) -> None:
        """Stage what is held, and note how far the files were read."""
        self._flush_items()
        self._flush_events()
        self.staging.checkpoint(self.records, self.summary)
        self._checkpoint_at = time.monotonic() + CHECKPOINT_S

    def counts_of(self, kind: str) -> RowCounts:
        """Give the counts of one kind of rows."""
        counts: RowCounts = getattr(self.summary, kind)
        return counts

    def reject(self, rejected: RejectedRow) -> None:
        """Count a rejected row and write it to the report."""
        self.counts_of(rejected.kind).rejected[rejected.reason] += 1
        self.staging.reject(rejected)

    # -- items --------------------------------------------------------------------------------------------

    def _add_item(self, draft: ItemDraft) -> None:
        self.summary.items.read += 1
        picture = draft.picture
        decoding = (
            None
            if picture is None or isinstance(picture, str)
            else self.pool.submit(prepare_picture, picture)
        )
        self.pictures.append((draft, decoding))
        if len(self.pictures) > MAX_DECODING:
            self._add_decoded()
        if len(self.items) >= ITEMS_PER_BATCH:
            self._stage_items()

    def _add_decoded(self) -> None:
        draft, decoding = self.pictures.popleft()
        image = decoding.result() if decoding else None
        if decoding:
            self.summary.images += image is not None
            self.summary.images_broken += image is None
            if image is None:
                lost = Repair.of("picture", draft.picture, "is missing, or can't be decoded")
                draft = replace(draft, repairs=(*draft.repairs, lost))
        self.summary.images_not_fetched += isinstance(draft.picture, str)
        self.items.append((draft, image))

    def _flush_items(self) -> None:
        while self.pictures:
            self._add_decoded()
        self._stage_items()

    def _stage_items(self) -> None:
        is_first = self.imported.add([draft.item.item_id for draft, _ in self.items])
        accepted: list[tuple[Item, bytes | None]] = []
        for (draft, image), first in zip(self.items, is_first.tolist(), strict=True):
            item = draft.item
            if first and (item.title or image is not None):
                accepted.append((item, image))
                if draft.repairs:
                    self._list_repairs(item.item_id, draft.repairs, draft.location)
            else:
                self._reject_item(item.item_id, item.title, first, draft.location)
        self.items.clear()
        if accepted:
            self._accept_items(table_of([item for item, _ in accepted], [image for _, image in accepted]))

    def _add_items(self, batch: ItemBatch) -> None:
        """Add items that were read together; those with pictures to decode one by one."""
        if any(isinstance(picture, bytes | Path) for picture in batch.pictures):
            for draft in batch.drafts():
                self._add_item(draft)
            return
        self._flush_items()
        self.summary.items.read += batch.rows.num_rows
        self.summary.images_not_fetched += sum(picture is not None for picture in batch.pictures)
        item_ids = batch.rows["item_id"].to_pylist()
        is_first = self.imported.add(item_ids)
        is_accepted = is_first & pc.not_equal(batch.rows["title"], "").to_numpy()
        for row in np.flatnonzero(~is_accepted).tolist():
            title = batch.rows["title"][row].as_py()
            self._reject_item(item_ids[row], title, bool(is_first[row]), batch.locations[row])
        for row, repairs in sorted(batch.repairs.items()):
            if is_accepted[row]:
                self._list_repairs(item_ids[row], repairs, batch.locations[row])
        self._accept_items(batch.rows.filter(pa.array(is_accepted)))

    def _accept_items(self, rows: pa.Table) -> None:
        if rows.num_rows:
            self.summary.items.accepted += rows.num_rows
            self.known.add(rows["item_id"].to_pylist())
            self.staging.add_items(rows)

    def _reject_item(self, item_id: str, title: str, is_first: bool, location: str) -> None:
        reason = "neither a title nor a readable picture" if is_first else "duplicate item_id"
        self.reject(RejectedRow("items", reason, location, {"item_id": item_id, "title": title}))

    def _list_repairs(self, item_id: str, repairs: Sequence[Repair], location: str) -> None:
        self.summary.items.repaired.update(repair.description for repair in repairs)
        self.staging.reject(repairs_as_row("items", item_id, repairs, location))

    # -- events and collections ---------------------------------------------------------------------------

    def _flush_events(self) -> None:
        if self.events:
            self._flush_items()
            self._add_events(batch_of(self.events))
            self.events.clear()

    def _add_events(self, batch: EventBatch) -> None:
        self.summary.events.read += batch.rows.num_rows
        if not len(self.known):
            raise InputError("these are events, but the store has no items yet: import the catalogue first")
        accepted, rejected, is_accepted = check_batch(batch, self.known, self.latest)
        for row in rejected:
            self.reject(row)
        for index, repairs in sorted(batch.repairs.items()):
            if is_accepted[index]:
                self.summary.events.repaired.update(repair.description for repair in repairs)
                item_id = batch.rows["item_id"][index].as_py()
                self.staging.reject(repairs_as_row("events", item_id, repairs, batch.locations[index]))
        if accepted.num_rows:
            self.summary.events.accepted += accepted.num_rows
            self.staging.add_events(accepted)

    def _add_collection(self, draft: CollectionDraft) -> None:
        self.summary.collections.read += 1
        collection = self._usable_collection(draft)
        if isinstance(collection, Collection):
            self.collections[collection.collection_id] = collection
            self.summary.collections.accepted += 1
        else:
            row = asdict(draft.collection)
            self.reject(RejectedRow("collections", collection, draft.location, row))

    def _usable_collection(self, draft: CollectionDraft) -> Collection | str:
        """A collection without its unknown items, or the reason why it is rejected."""
        collection = draft.collection
        is_known = self.known.contains(collection.item_ids).tolist()
        known_ids = tuple(
            item_id for item_id, known in zip(collection.item_ids, is_known, strict=True) if known
        )
        if collection.collection_id in self.collections:
            return "duplicate collection_id"
        if not known_ids:
            return "no known item"
        if draft.extends_existing and (existing := self.collections_before.get(collection.collection_id)):
            known_ids = tuple(dict.fromkeys((*existing.item_ids, *known_ids)))
        return replace(collection, item_ids=known_ids)
