"""The report of an import's rejected rows, which an erasure searches for the names of users."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from bowerbird.data.readers.records import RejectedRow
from bowerbird.data.store import Store
from bowerbird.errors import StoreError


def rejected_path(store: Store, layout: str) -> Path:
    """The path of a new report."""
    return store.reports / f"refused-{layout}-{datetime.now(UTC).strftime('%Y%m%dT%H%M%S%f')}.jsonl"


def write_rejected(store: Store, layout: str, rows: Iterable[RejectedRow], imported: str) -> Path:
    """Write rejected rows with their reasons into a new JSONL file of the store's reports; return its path.

    Raises `StoreError`, which says what was `imported` all the same, where it can't be written.
    """
    path = rejected_path(store, layout)
    try:
        with path.open("w", encoding="utf-8", errors="replace") as file:
            for row in rows:
                file.write(row.as_line())
    except OSError as error:
        path.unlink(missing_ok=True)
        raise StoreError(
            f"{imported} were imported, but the list of rejected rows can't be written ({error}): "
            "free some space and import again"
        ) from error
    return path
