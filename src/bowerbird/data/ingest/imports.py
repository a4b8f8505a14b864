"""Import files into a store: read, check, reject rows with a reason, and publish what is new.

Nothing is in force before every file was read, so an unreadable file changes nothing. Importing the same
files again changes nothing either. What was read is staged on disk (see `staging`), so that memory does not
grow with the files, and an import that was killed is continued by the same command.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pyarrow as pa

from bowerbird.data.ingest.import_progress import ImportProgress, size_of
from bowerbird.data.ingest.staged_import import StagedImport
from bowerbird.data.ingest.summary import ImportSummary, RowCounts, rejected_path
from bowerbird.data.items import Catalogue
from bowerbird.data.pictures.links import keep_fetched
from bowerbird.data.readers.layouts import FileLayout, read_files
from bowerbird.data.readers.records import (
    Records,
    RejectedRow,
)
from bowerbird.data.store import Store
from bowerbird.data.versions.changed_items import changed_rows
from bowerbird.errors import InputError, StoreError

MAX_WITHDRAWN_SHARE, MIN_WITHDRAWN = 1 / 3, 10
"""A full import that withdraws more of the items than this share, and more than this number, is refused."""


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
    records = _read_unchanged(read_files(FileLayout(layout), paths, column_map), paths, store)
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
        run = StagedImport(store, layout, files)
        progress = ImportProgress(f"importing {layout}", total_bytes)
        try:
            for record in progress.track(records):
                run.add(record)
                progress.rows = run.summary.rows_read
            if is_full and not may_withdraw:
                _check_withdrawals(run)
            _publish(run, is_full=is_full, is_dry_run=is_dry_run)
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
    stats = _stats_of(paths)
    mapped = column_map.read_bytes() if column_map is not None and column_map.is_file() else b""
    return hashlib.blake2b(repr((layout, stats, mapped)).encode(), digest_size=16).hexdigest()


def _stats_of(paths: Sequence[Path]) -> list[tuple[str, int, int]]:
    """Address, size and time of change of each file and folder."""
    files = [file for path in paths for file in sorted(path.rglob("*") if path.is_dir() else (path,))]
    return [(str(file.resolve()), file.stat().st_size, file.stat().st_mtime_ns) for file in files]


def _read_unchanged(records: Records, paths: Sequence[Path], store: Store) -> Records:
    """Records of files. Raises `InputError` at the end where one changed: parts of it may be missing.

    The store itself, which may lie in the same folder, changes all the time.
    """
    before = [each for each in _stats_of(paths) if Path(each[0]).is_file()]
    yield from records
    for name, size, changed_at in before:
        stat = Path(name).stat() if Path(name).exists() else None
        is_same = stat is not None and (stat.st_size, stat.st_mtime_ns) == (size, changed_at)
        if not is_same and not Path(name).is_relative_to(store.path.resolve()):
            raise InputError(
                f"{name} changed while it was read: nothing was imported. Import again when nothing writes "
                "to it any more"
            )


def _check_withdrawals(run: StagedImport) -> None:
    """Raise `InputError` where a full import would withdraw more items than can be meant."""
    run.checkpoint()
    if not run.store.has_catalogue():
        return
    catalogue = run.store.catalogue()
    n_absent, n_sold = len(_absent_ids(run, catalogue)), len(catalogue) - int(catalogue.withdrawn.sum())
    if n_absent > max(MIN_WITHDRAWN, n_sold * MAX_WITHDRAWN_SHARE):
        raise InputError(
            f"{n_absent:,} of the store's {n_sold:,} items are not in the files, and --full would "
            "withdraw them: nothing was imported. Was the feed cut short? Import without --full to keep "
            "them, or add --allow-withdraw to withdraw them"
        )


def _publish(run: StagedImport, is_full: bool, is_dry_run: bool) -> None:
    """Put in force what was read. It may be repeated after a kill: an item and an event count once."""
    run.checkpoint()
    _check_usable(run)
    run.summary.is_dry_run = is_dry_run
    if is_dry_run:
        _count_absent(run)
    else:
        with run.store.publishing_together():
            _publish_items(run, is_full)
            _publish_collections(run)
        run.summary.events.new = sum(map(run.store.log.add_segment, run.staging.event_parts()))
        _join_aliases(run)
    path = rejected_path(run.store, run.summary.layout)
    run.summary.rejected_file = path if run.staging.move_rejected(path) else None
    run.staging.drop()


def _check_usable(run: StagedImport) -> None:
    summary = run.summary
    if not summary.rows_read and not run.aliases:
        raise InputError("the files have no rows: nothing was imported")
    used = summary.items.accepted + summary.events.accepted + len(run.collections) + len(run.aliases)
    for kind in ("items", "events", "collections"):
        counts = run.counts_of(kind)
        if counts.read and not used:
            raise InputError(f"none of the {counts.read:,} {kind} can be used: {_describe(counts)}")


def _join_aliases(run: StagedImport) -> None:
    counts = run.summary.aliases
    before = run.store.log.aliases_since(0)[1]
    counts.read = len(run.aliases)
    for (alias, location), reason in zip(
        run.aliases.items(), run.store.log.join(list(run.aliases)), strict=True
    ):
        if reason:
            run.reject(RejectedRow("aliases", reason, location, asdict(alias)))
    counts.accepted = counts.read - counts.rejected.total()
    counts.new = len(run.store.log.aliases_since(before)[0])


def _absent_ids(run: StagedImport, before: Catalogue) -> list[str]:
    """Ids of the items of the store, not yet withdrawn, that the files do not have."""
    is_absent = ~(run.imported.contains(before.ids) | before.withdrawn)
    return [before.ids[row] for row in np.flatnonzero(is_absent)]


def _count_absent(run: StagedImport) -> None:
    if run.summary.items.accepted and run.store.has_catalogue():
        run.summary.not_in_files = len(_absent_ids(run, run.store.catalogue()))


def _publish_items(run: StagedImport, is_full: bool) -> None:
    accepted = run.summary.items.accepted
    if not accepted:
        return
    if not run.store.has_catalogue():
        run.summary.items.new = accepted
        run.store.publish_item_batches(run.staging.item_batches(), accepted)
        return
    before = run.store.catalogue()
    changed = [_changes_in(Catalogue(rows), before) for rows in run.staging.item_batches()]
    changes = keep_fetched(Catalogue(pa.concat_tables(changed)), before)
    run.summary.items.new = len(changes)
    absent = _absent_ids(run, before)
    run.summary.not_in_files = len(absent)
    run.summary.withdrawn = len(absent) if is_full else 0
    if len(changes) or run.summary.withdrawn:
        after = before.updated(changes)
        run.store.publish_catalogue(after.without(absent) if is_full else after, before)


def _publish_collections(run: StagedImport) -> None:
    before = run.collections_before
    new = [
        collection
        for collection_id, collection in run.collections.items()
        if before.get(collection_id) != collection
    ]
    run.summary.collections.new = len(new)
    if new:
        merged = before | {collection.collection_id: collection for collection in new}
        run.store.publish_collections(list(merged.values()))


def _describe(counts: RowCounts) -> str:
    """The most frequent reasons, with their counts."""
    return ", ".join(f"{reason} ({n})" for reason, n in (counts.rejected + counts.ignored).most_common(10))


def _changes_in(fresh: Catalogue, before: Catalogue) -> pa.Table:
    """Items that are new or differ from those of the same ids in `before`."""
    return fresh.table.take(pa.array(changed_rows(fresh, before)))
