"""What an import read, accepted, repaired and rejected, and the list of its rejected rows.

An erasure searches these lists for the names of users.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from bowerbird.data.readers.records import RejectedRow
from bowerbird.data.store import Store
from bowerbird.errors import StoreError


@dataclass
class RowCounts:
    """Outcome for one kind of rows."""

    read: int = 0
    accepted: int = 0
    new: int = 0
    """Accepted rows that the store did not hold already."""
    rejected: Counter[str] = field(default_factory=Counter)
    """Rows that can't be used, by reason."""
    ignored: Counter[str] = field(default_factory=Counter)
    """Valid rows that say nothing about an item, by what they are."""
    repaired: Counter[str] = field(default_factory=Counter)
    """Rows accepted without a field that could not be read, by reason."""


@dataclass
class ImportSummary:
    """How many rows an import read, accepted and rejected."""

    layout: str
    items: RowCounts = field(default_factory=RowCounts)
    events: RowCounts = field(default_factory=RowCounts)
    collections: RowCounts = field(default_factory=RowCounts)
    aliases: RowCounts = field(default_factory=RowCounts)
    """Pairs of ids of one user, each pair counted once."""
    not_in_files: int = 0
    """Items of the store, not yet withdrawn, that the files do not have."""
    withdrawn: int = 0
    """Of them, those that a full import withdrew."""
    is_dry_run: bool = False
    """Whether nothing was published."""
    images: int = 0
    images_broken: int = 0
    images_not_fetched: int = 0
    """Pictures that are addresses on the web: an import downloads nothing."""
    seconds: float = 0.0
    rejected_file: Path | None = None

    @property
    def rows_read(self) -> int:
        """Items, events and collections read so far."""
        return self.items.read + self.events.read + self.collections.read

    def as_dict(self) -> dict[str, Any]:
        """Counts and file as plain values, for JSON."""
        return dict(msgspec.to_builtins(self, enc_hook=str))


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
