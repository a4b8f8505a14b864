"""RecBole's atomic files: `NAME.item` and `NAME.inter`, tab-separated, with `name:type` headers.

The files are not quoted: a quote mark is part of its value. Types are token, token_seq (tokens separated by
blanks), float and float_seq.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from bowerbird.data.events import Action
from bowerbird.data.items import Item
from bowerbird.data.readers.event_columns import EventRows, numbers
from bowerbird.data.readers.fields import parse_id, parse_number, parse_text
from bowerbird.data.readers.inputs.paths import data_files
from bowerbird.data.readers.inputs.table_batches import TableBatch, read_batches, read_header
from bowerbird.data.readers.records import EventBatch, ItemDraft, Records, RejectedRow
from bowerbird.data.readers.values.item_fields import ItemFields
from bowerbird.data.readers.values.texts import parse_prose
from bowerbird.errors import InputError

TITLE_FIELDS = ("title", "movie_title", "name", "item_name", "product_name")
CATEGORY_FIELDS = ("categories", "category")
MIN_LIKE_STARS = 3
"""A lower rating is a view, others are clicks."""


def read(paths: Sequence[Path]) -> Records:
    """Read items, then interactions, of each folder, or of each file."""
    files = data_files(paths)
    items = [file for file in files if file.suffix == ".item"]
    interactions = [file for file in files if file.suffix == ".inter"]
    if not items and not interactions:
        names = ", ".join(map(str, paths))
        raise InputError(f"{names} has no .item or .inter file: name the folder of a RecBole dataset")
    for path in items:
        yield from _items(path)
    for path in interactions:
        yield from _events(path)


def _names_by_column(path: Path, required: Sequence[str]) -> dict[str, str]:
    """Names without their types, by the columns of a file."""
    columns = {column: column.split(":")[0] for column in read_header(path, quoted=False)}
    missing = [name for name in required if name not in columns.values()]
    if missing:
        raise InputError(
            f"{path} has no column {', '.join(missing)}; it has {', '.join(columns)}: is it a RecBole file?"
        )
    return columns


def _items(path: Path) -> Iterator[ItemDraft | RejectedRow]:
    columns = _names_by_column(path, ("item_id",))
    sequences = {name for column, name in columns.items() if column.endswith("_seq")}
    for batch in read_batches(path, list(columns), quoted=False):
        if isinstance(batch, RejectedRow):
            yield RejectedRow("items", batch.reason, batch.location, batch.row)
            continue
        rows = batch.rows.rename_columns(list(columns.values())).to_pylist()
        for row, number in zip(rows, batch.numbers.tolist(), strict=True):
            yield _item(row, sequences, f"{path.name}:{number}")


def _item(row: dict[str, str], sequences: set[str], location: str) -> ItemDraft | RejectedRow:
    row = {name: parse_text(value) for name, value in row.items()}
    if not row["item_id"]:
        return RejectedRow("items", "no item_id", location, row)
    title_field = next((name for name in TITLE_FIELDS if row.get(name)), "")
    category_field = next((name for name in CATEGORY_FIELDS if row.get(name) and name in sequences), "")
    read = ItemFields()
    written = row.get("price", "")
    number = parse_number(written)  # of a column of floats: 24.567 is no 24,567
    price = read.price("price", written if number is None else number)
    fields = {"item_id", *TITLE_FIELDS, category_field, "price", "brand", "description"}
    item = Item(
        parse_id(row["item_id"]),
        title=parse_prose(row.get(title_field, "")),
        description=parse_prose(row.get("description", "")),
        price=price.amount if price else None,
        currency=price.currency if price else "",
        brand=row.get("brand", ""),
        category=parse_tokens(row.get(category_field, "")),
        attributes={name: value for name, value in row.items() if value and name not in fields},
    )
    return ItemDraft(item, location, repairs=tuple(read.repairs))


def parse_tokens(text: str) -> tuple[str, ...]:
    """The tokens of a sequence, which blanks separate; where there are commas, they do.

    >>> parse_tokens("Comedy Drama"), parse_tokens("Home, Table lamps")
    (('Comedy', 'Drama'), ('Home', 'Table lamps'))
    """
    tokens = text.split(",") if "," in text else text.split()
    return tuple(dict.fromkeys(token.strip(" '\"[]") for token in tokens if token.strip(" '\"[]")))


def _events(path: Path) -> Iterator[EventBatch | RejectedRow]:
    columns = _names_by_column(path, ("user_id", "item_id", "timestamp"))
    for batch in read_batches(path, list(columns), quoted=False):
        if isinstance(batch, RejectedRow):
            yield batch
        else:
            rows = batch.rows.rename_columns(list(columns.values()))
            yield from _event_records(TableBatch(rows, batch.file, batch.numbers))


def _event_records(batch: TableBatch) -> Iterator[EventBatch | RejectedRow]:
    rows = EventRows(batch)
    rows.set_id("user_id", "user_id")
    rows.set_id("item_id", "item_id")
    rows.set_time("timestamp", "no timestamp that can be read")
    rows.set("action", Action.CLICK.value)
    if "rating" in batch.rows.column_names:
        written = rows.column("rating")
        stars = numbers(written, parse_number)
        rows.reject(pc.and_(stars.is_null(), pc.not_equal(written, "")), "no rating that can be read")
        rows.set("value", stars)
        is_view = pc.less(stars, pa.scalar(float(MIN_LIKE_STARS))).fill_null(False)
        rows.set("action", pc.if_else(is_view, Action.VIEW.value, Action.CLICK.value))
    yield from rows.records()
