"""Parquet and CSV files with a column map: your own tables, see `column_map`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bowerbird.data.collections import Collection
from bowerbird.data.events import EVENT_SCHEMA
from bowerbird.data.items import Item
from bowerbird.data.readers.catalogues.feed_items import parse_path, resolve_picture
from bowerbird.data.readers.column_map import (
    CollectionColumns,
    Columns,
    EventColumns,
    ItemColumns,
    cell,
    read_column_map,
)
from bowerbird.data.readers.inputs.paths import data_files
from bowerbird.data.readers.inputs.records_of_text import ragged_reason
from bowerbird.data.readers.inputs.table_batches import read_batches
from bowerbird.data.readers.inputs.tables import read_rows
from bowerbird.data.readers.mapped_events import events_of
from bowerbird.data.readers.records import (
    CollectionDraft,
    ItemDraft,
    Record,
    Records,
    RejectedRow,
)
from bowerbird.data.readers.values.ids import SHORTENED_ID, is_shortened, parse_id
from bowerbird.data.readers.values.item_fields import ItemFields, with_decimal_mark
from bowerbird.data.readers.values.texts import is_null, parse_prose, parse_text
from bowerbird.errors import InputError

REQUIRED = ("user_id", "item_id", "action", "at")
"""Columns of an exported table of events that must be there."""


def read(paths: Sequence[Path], column_map: Path) -> Records:
    """Read the tables of a column map. Raises `InputError` for an invalid map or table."""
    for columns in read_column_map(column_map).tables:
        for path in paths:
            table = path / columns.file if path.is_dir() and columns.file else path
            if columns.file and len(paths) > 1 and table.name != Path(columns.file).name:
                continue  # a file of another kind
            for file in data_files([table]):
                yield from _read_table(columns, file)


def _read_table(columns: Columns, path: Path) -> Records:
    if isinstance(columns, EventColumns):
        for batch in read_batches(path, list(dict.fromkeys(columns))):
            yield from (batch,) if isinstance(batch, RejectedRow) else events_of(columns, batch)
        return
    rows = read_rows(path, list(columns))
    if isinstance(columns, ItemColumns):
        rows, decimal_mark = with_decimal_mark(rows, columns.price)
        for location, row in rows:
            yield _item(columns, row, location, path.parent, decimal_mark)
    elif isinstance(columns, CollectionColumns):
        for location, row in rows:
            yield _collection(columns, row, location)


def read_exported(paths: Sequence[Path]) -> Records:
    """Read tables of events whose columns have bowerbird's own names, as `bowerbird events export` does.

    Raises `InputError` for other tables: they need a column map.
    """
    names = {name: name for name in EVENT_SCHEMA.names}
    columns = EventColumns(**names)
    for path in data_files(paths):
        try:
            for batch in read_batches(path, REQUIRED, [name for name in names if name not in REQUIRED]):
                yield from (batch,) if isinstance(batch, RejectedRow) else events_of(columns, batch)
        except InputError as error:
            raise InputError(
                f"{error}: give a column map with --columns MAP.toml; `bowerbird import inspect {path}` "
                "proposes one"
            ) from None


def _item(
    columns: ItemColumns, row: dict[str, Any], location: str, folder: Path, decimal_mark: str
) -> Record:
    item_id = parse_id(cell(row, columns.item_id))
    missing = f"item_id {SHORTENED_ID}" if is_shortened(item_id) else "" if item_id else "no item_id"
    if reason := ragged_reason(row) or missing:
        return RejectedRow("items", reason, location, row)
    fields = ItemFields(decimal_mark)
    written = {columns.price: cell(row, columns.price), columns.availability: cell(row, columns.availability)}
    row = {name: None if isinstance(value, str) and is_null(value) else value for name, value in row.items()}
    row |= written
    currency = fields.currency(columns.currency or "currency", cell(row, columns.currency))
    price = fields.price(columns.price or "price", cell(row, columns.price), currency)
    image = cell(row, columns.image)
    picture = image if isinstance(image, bytes | None) else resolve_picture(parse_text(image), folder)
    item = Item(
        item_id=item_id,
        title=parse_prose(cell(row, columns.title)),
        description=parse_prose(cell(row, columns.description)),
        price=price.amount if price else None,
        currency=price.currency if price else currency,
        brand=parse_prose(cell(row, columns.brand)),
        category=tuple(name for column in columns.category_columns for name in _levels(row[column])),
        attributes={
            name: text for name, column in columns.attributes.items() if (text := parse_prose(row[column]))
        },
        availability=fields.availability("availability", cell(row, columns.availability)),
        created_at=fields.time(columns.created_at or "created_at", cell(row, columns.created_at)),
    )
    return ItemDraft(item, location, picture, tuple(fields.repairs))


def _levels(value: Any) -> list[str]:
    """Names of a category: those of a list or of a path, else the one of the cell."""
    values = value if isinstance(value, list) else [value]
    return [name for each in values for name in parse_path(parse_text(each))]


def _collection(columns: CollectionColumns, row: dict[str, Any], location: str) -> Record:
    ids = cell(row, columns.item_ids)
    items = (
        [parse_id(item_id) for item_id in ids]
        if isinstance(ids, list)
        else parse_text(ids).replace("|", ",").split(",")
    )
    item_ids = tuple(dict.fromkeys(parse_id(item) for item in items if item.strip()))
    is_named = bool(parse_text(cell(row, columns.collection_id)))
    missing = "" if is_named and item_ids else "no collection_id" if item_ids else "no item_ids"
    if reason := ragged_reason(row) or missing:
        return RejectedRow("collections", reason, location, row)
    collection = Collection(
        parse_text(cell(row, columns.collection_id)),
        item_ids,
        name=parse_text(cell(row, columns.name)),
        kind=parse_text(cell(row, columns.kind)) or "board",
        user_id=parse_text(cell(row, columns.user_id)),
    )
    return CollectionDraft(collection, location)
