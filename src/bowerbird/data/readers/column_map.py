"""Column maps: which columns of your own tables hold what, described in TOML.

[items]                       # or [events], [collections]; each file has one kind
file = "articles.csv"         # inside the given folder; omitted where a file is given
item_id = "sku"
title = "name"
category = ["department", "kind"]      # from broad to narrow
[items.attributes]
colour = "col"

[events]
file = "clicks.parquet"
user_id = "visitor"
item_id = "sku"
at = "ts"
action = "what"
[events.actions]              # your names -> impression, view, click, save, add_to_cart, purchase, hide
buy = "purchase"
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from bowerbird.data.files.records import record_from
from bowerbird.errors import InputError


@dataclass(frozen=True, kw_only=True)
class Columns:
    """The columns of one table: each field but `file` and `actions` names a column, empty where none."""

    file: str = ""
    """Name of the table inside a folder."""

    def __iter__(self) -> Iterator[str]:
        """The columns that the table must have."""
        for each in fields(self):
            if each.name not in ("file", "actions"):
                yield from _column_names(getattr(self, each.name))


@dataclass(frozen=True, kw_only=True)
class ItemColumns(Columns):
    """Columns of a table of items."""

    item_id: str
    title: str = ""
    description: str = ""
    image: str = ""
    price: str = ""
    currency: str = ""
    brand: str = ""
    category: str | tuple[str, ...] = ()
    """From broad to narrow."""
    attributes: dict[str, str] = field(default_factory=dict)
    """Columns by the names of attributes."""
    availability: str = ""
    created_at: str = ""

    @property
    def category_columns(self) -> tuple[str, ...]:
        """Columns of the category's names, from broad to narrow."""
        return _column_names(self.category)


@dataclass(frozen=True, kw_only=True)
class EventColumns(Columns):
    """Columns of a table of events."""

    user_id: str
    item_id: str
    at: str
    event_id: str = ""
    action: str = ""
    value: str = ""
    session: str = ""
    surface: str = ""
    query: str = ""
    position: str = ""
    recommendation_id: str = ""
    actions: dict[str, str] = field(default_factory=dict)
    """Bowerbird's actions by the names in the table."""


@dataclass(frozen=True, kw_only=True)
class CollectionColumns(Columns):
    """Columns of a table of collections."""

    collection_id: str
    item_ids: str
    name: str = ""
    kind: str = ""
    user_id: str = ""


@dataclass(frozen=True)
class ColumnMap:
    """The tables that a column map describes; None for a kind without one."""

    items: ItemColumns | None = None
    events: EventColumns | None = None
    collections: CollectionColumns | None = None

    @property
    def tables(self) -> list[Columns]:
        """The described tables, items first: events of unknown items are rejected."""
        return [table for table in (self.items, self.events, self.collections) if table is not None]


def read_column_map(path: Path) -> ColumnMap:
    """Read a column map. Raises `InputError` that names an unknown, missing or wrong field."""
    try:
        raw = tomllib.loads(path.read_text())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"the column map {path} can't be read ({error})") from None
    column_map = record_from(raw, ColumnMap, f"the column map {path}")
    if not column_map.tables:
        raise InputError(f"the column map {path} is empty: write a table [items], [events] or [collections]")
    return column_map


def cell(row: Mapping[str, Any], column: str) -> Any:
    """A column's value in a row; None for an empty column name."""
    return row.get(column) if column else None


def _column_names(value: str | tuple[str, ...] | dict[str, str]) -> tuple[str, ...]:
    if isinstance(value, dict):
        return tuple(value.values())
    return (value,) * bool(value) if isinstance(value, str) else value
