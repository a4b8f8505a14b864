"""Import files into a store: read, check, reject rows with a reason, and publish what is new.

Nothing is in force before every file was read, so an unreadable file changes nothing. Importing the same
files again changes nothing either. What was read is staged on disk (see `staging`), so that memory does not
grow with the files, and an import that was killed is continued by the same command.
"""

from __future__ import annotations

import hashlib
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
from bowerbird.data.ingest.import_progress import ImportProgress, size_of
from bowerbird.data.ingest.rejected_rows import rejected_path
from bowerbird.data.ingest.staging import Staging
from bowerbird.data.ingest.summary import ImportSummary, RowCounts
from bowerbird.data.items import Catalogue, Item, table_of
from bowerbird.data.pictures.links import keep_fetched
from bowerbird.data.readers.layouts import FileLayout, read_files
from bowerbird.data.readers.records import (
    AliasDraft,
    CollectionDraft,
    EventBatch,
    EventDraft,
    IgnoredRow,
    ItemBatch,
    ItemDraft,
    Record,
    Records,
    RejectedRow,
    repairs_as_row,
)
from bowerbird.data.readers.values.outcomes import Repair
from bowerbird.data.store import Store
from bowerbird.data.versions.changed_items import changed_rows
from bowerbird.errors import InputError, StoreError

CHECKPOINT_S = 20.0
"""Seconds of work that a kill may cost."""
MAX_DECODING = 256
"""Pictures that are being decoded or wait for it."""
ITEMS_PER_BATCH = 1024
MAX_WITHDRAWN_SHARE, MIN_WITHDRAWN = 1 / 3, 10
"""A full import that withdraws more of the items than this share, and more than this number, is refused."""
EVENTS_PER_BATCH = 20_000


def import_layout(
    store: Store,
    layout: str,
    paths: Sequence[Path],
    *,
    column_map: Path | None = None,
    is_full: bool = False,
    is_dry_run: bool = False,
    may_withdraw: bool = False,
) -> ImportSummary:
    """Import files of a layout into a store, holding its lock.

    The files of a full import have all items: those that they do not have are withdrawn. Where these are more
    than a third (a feed that was cut short), it is refused unless it `may_withdraw` so many. A dry run reads
    and checks everything and publishes nothing; its list of rejected rows is written all the same.

    Raises `InputError` where a file is missing or not of that layout, where events come before any items, and
    where no row can be used.
    """
    for path in paths:
        if not path.exists():
            raise InputError(f"there is no {path}: name files or folders that exist")
    if layout not in list(FileLayout):
        raise InputError(f"there is no layout {layout!r}; there are {', '.join(FileLayout)}")
    records = read_files(FileLayout(layout), paths, column_map)
    files = _fingerprint(layout, paths, column_map) + ("-dry-run" if is_dry_run else "")
    return import_records(
        store,
        layout,
        records,
        files,
        size_of(paths),
        is_full=is_full,
        is_dry_run=is_dry_run,
        may_withdraw=may_withdraw,
    )


def import_records(
    store: Store,
    layout: str,
    records: Records,
    files: str,
    total_bytes: int = 0,
    *,
    is_full: bool = False,
    is_dry_run: bool = False,
    may_withdraw: bool = False,
) -> ImportSummary:
    """Import records into a store; see `import_layout`.

    `files` identifies what they were read from: where an import of the same was interrupted, it is continued,
    and the first records are skipped. Reading the same files must give the same records.
    """
    start = time.perf_counter()
    with store.lock(f"bowerbird import {layout}"):
        run = _Import(store, layout, files)
        progress = ImportProgress(f"importing {layout}", total_bytes)
        try:
            for record in progress.track(records):
                run.add(record)
                progress.rows = run.summary.rows_read
            if is_full and not may_withdraw:
                run.check_withdrawals()
            run.publish(is_full=is_full, is_dry_run=is_dry_run)
        except OSError as error:
            run.staging.drop()
            raise StoreError(
                f"{store.path} can't be written ({error}); nothing was imported, and what it held stays in "
                "force: free some space and import again"
            ) from error
        except (InputError, StoreError, ValueError):  # to continue with the same files would fail again
            run.staging.drop()
            raise
        finally:
            run.pool.shutdown(cancel_futures=True)
    run.summary.seconds = time.perf_counter() - start
    return run.summary


def _fingerprint(layout: str, paths: Sequence[Path], column_map: Path | None) -> str:
    """Identifies files by their names, sizes and times of change."""
    files = [file for path in paths for file in sorted(path.rglob("*") if path.is_dir() else (path,))]
    stats = [(str(file.resolve()), file.stat().st_size, file.stat().st_mtime_ns) for file in files]
    mapped = column_map.read_bytes() if column_map is not None and column_map.is_file() else b""
    return hashlib.blake2b(repr((layout, stats, mapped)).encode(), digest_size=16).hexdigest()


class _Import:
    """A running import. Accepted rows go to the staging folder in batches; little else is held in memory."""

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
            counts = self._counts_of(record.kind)
            counts.read += record.count
            counts.ignored[record.description] += record.count
        elif isinstance(record, CollectionDraft):
            self._flush_items()
            self._add_collection(record)
        else:
            self._counts_of(record.kind).read += 1
            self._reject(record)
        if time.monotonic() >= self._checkpoint_at:
            self._checkpoint()

    def _skip(self, record: Record) -> None:
        """Pass over a record that an interrupted import had staged; what it held in memory is read again."""
        if isinstance(record, AliasDraft):
            self.aliases.setdefault(record.alias, record.location)
        elif isinstance(record, CollectionDraft):
            collection = self._usable_collection(record)
            if isinstance(collection, Collection):
                self.collections[collection.collection_id] = collection

    def _checkpoint(self) -> None:
        self._flush_items()
        self._flush_events()
        self.staging.checkpoint(self.records, self.summary)
        self._checkpoint_at = time.monotonic() + CHECKPOINT_S

    def _counts_of(self, kind: str) -> RowCounts:
        counts: RowCounts = getattr(self.summary, kind)
        return counts

    def _reject(self, rejected: RejectedRow) -> None:
        self._counts_of(rejected.kind).rejected[rejected.reason] += 1
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
        self._reject(RejectedRow("items", reason, location, {"item_id": item_id, "title": title}))

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
            self._reject(row)
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
            self._reject(RejectedRow("collections", collection, draft.location, row))

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

    # -- publishing ---------------------------------------------------------------------------------------

    def check_withdrawals(self) -> None:
        """Raise `InputError` where a full import would withdraw more items than can be meant."""
        self._checkpoint()
        if not self.store.has_catalogue():
            return
        catalogue = self.store.catalogue()
        n_absent, n_sold = len(self._absent_ids(catalogue)), len(catalogue) - int(catalogue.withdrawn.sum())
        if n_absent > max(MIN_WITHDRAWN, n_sold * MAX_WITHDRAWN_SHARE):
            raise InputError(
                f"{n_absent:,} of the store's {n_sold:,} items are not in the files, and --full would "
                "withdraw them: nothing was imported. Was the feed cut short? Import without --full to keep "
                "them, or add --allow-withdraw to withdraw them"
            )

    def publish(self, is_full: bool, is_dry_run: bool) -> None:
        """Put in force what was read. It may be repeated after a kill: an item and an event count once."""
        self._checkpoint()
        self._check_usable()
        self.summary.is_dry_run = is_dry_run
        if is_dry_run:
            self._count_absent()
        else:
            with self.store.publishing_together():
                self._publish_items(is_full)
                self._publish_collections()
            self.summary.events.new = sum(map(self.store.log.add_segment, self.staging.event_parts()))
            self._join_aliases()
        path = rejected_path(self.store, self.summary.layout)
        self.summary.rejected_file = path if self.staging.move_rejected(path) else None
        self.staging.drop()

    def _check_usable(self) -> None:
        summary = self.summary
        if not summary.rows_read and not self.aliases:
            raise InputError("the files have no rows: nothing was imported")
        used = summary.items.accepted + summary.events.accepted + len(self.collections) + len(self.aliases)
        for kind in ("items", "events", "collections"):
            counts = self._counts_of(kind)
            if counts.read and not used:
                raise InputError(f"none of the {counts.read:,} {kind} can be used: {_describe(counts)}")

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

    def _absent_ids(self, before: Catalogue) -> list[str]:
        """Ids of the items of the store, not yet withdrawn, that the files do not have."""
        is_absent = ~(self.imported.contains(before.ids) | before.withdrawn)
        return [before.ids[row] for row in np.flatnonzero(is_absent)]

    def _count_absent(self) -> None:
        if self.summary.items.accepted and self.store.has_catalogue():
            self.summary.not_in_files = len(self._absent_ids(self.store.catalogue()))

    def _publish_items(self, is_full: bool) -> None:
        accepted = self.summary.items.accepted
        if not accepted:
            return
        if not self.store.has_catalogue():
            self.summary.items.new = accepted
            self.store.publish_item_batches(self.staging.item_batches(), accepted)
            return
        before = self.store.catalogue()
        changed = [_changes_in(Catalogue(rows), before) for rows in self.staging.item_batches()]
        changes = keep_fetched(Catalogue(pa.concat_tables(changed)), before)
        self.summary.items.new = len(changes)
        absent = self._absent_ids(before)
        self.summary.not_in_files = len(absent)
        self.summary.withdrawn = len(absent) if is_full else 0
        if len(changes) or self.summary.withdrawn:
            after = before.updated(changes)
            self.store.publish_catalogue(after.without(absent) if is_full else after, before)

    def _publish_collections(self) -> None:
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


def _describe(counts: RowCounts) -> str:
    """The most frequent reasons, with their counts."""
    return ", ".join(f"{reason} ({n})" for reason, n in (counts.rejected + counts.ignored).most_common(10))


def _changes_in(fresh: Catalogue, before: Catalogue) -> pa.Table:
    """Items that are new or differ from those of the same ids in `before`."""
    return fresh.table.take(pa.array(changed_rows(fresh, before)))
