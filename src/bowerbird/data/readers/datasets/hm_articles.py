"""H&M's articles: text in columns, Parquet files with pictures row by row."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bowerbird.data.items import ITEM_SCHEMA, Item
from bowerbird.data.readers.event_columns import id_texts, texts
from bowerbird.data.readers.fields import parse_id, parse_text
from bowerbird.data.readers.inputs.forms import Form, form_of
from bowerbird.data.readers.inputs.table_batches import TableBatch, read_batches
from bowerbird.data.readers.inputs.tables import read_rows
from bowerbird.data.readers.item_columns import each_unless_plain, map_of
from bowerbird.data.readers.records import ItemBatch, ItemDraft, Records, RejectedRow, RowLocations
from bowerbird.data.readers.values.texts import parse_prose

ATTRIBUTES = {
    "type": "product_type_name",
    "colour": "colour_group_name",
    "pattern": "graphical_appearance_name",
    "shade": "perceived_colour_value_name",
    "colour family": "perceived_colour_master_name",
    "section": "section_name",
    "department": "department_name",
}
CATEGORY = ("index_group_name", "product_group_name", "product_type_name")
COLUMNS = ("article_id", "prod_name")
"""Those without which a table is none of articles."""
_DIGITS = 10


def read_articles(path: Path, pictures: Path | None) -> Records:
    """Read articles; `pictures` is the folder of their pictures, where there is one."""
    if form_of(path) is Form.PARQUET:
        for location, row in read_rows(path, COLUMNS):
            yield item_of(row, location, pictures)
        return
    optional = dict.fromkeys(("detail_desc", *CATEGORY, *ATTRIBUTES.values()))
    for batch in read_batches(path, COLUMNS, tuple(optional)):
        if isinstance(batch, RejectedRow):
            yield replace(batch, kind="items")
        else:
            yield from _items(batch, pictures)


def article_ids(column: pa.Array) -> pa.Array:
    """Ids of articles, (n,), padded to ten characters: csv readers drop the leading zero; "" for none."""
    ids = id_texts(column)
    return pc.if_else(pc.equal(ids, ""), "", pc.utf8_lpad(ids, _DIGITS, "0"))


def item_of(row: dict[str, Any], location: str, pictures: Path | None) -> ItemDraft | RejectedRow:
    """The article of one row."""
    article = parse_id(row["article_id"])
    if not article:
        return RejectedRow("items", "no article_id", location, row)
    article = article.zfill(_DIGITS)
    item = Item(
        item_id=article,
        title=parse_prose(row["prod_name"]),
        description=parse_prose(row.get("detail_desc")),
        category=tuple(parse_text(row.get(name)) for name in CATEGORY if parse_text(row.get(name))),
        attributes={
            attribute: parse_text(row.get(name))
            for attribute, name in ATTRIBUTES.items()
            if parse_text(row.get(name))
        },
    )
    picture = row.get("image") if "image" in row else _picture_of(article, pictures)
    return ItemDraft(item, location, picture)


def _picture_of(article: str, pictures: Path | None) -> Path | None:
    return pictures / article[:3] / f"{article}.jpg" if pictures else None


def _items(batch: TableBatch, pictures: Path | None) -> Iterator[ItemBatch | RejectedRow]:
    """The articles of some rows, as `item_of` reads each."""
    ids = article_ids(batch.rows["article_id"].combine_chunks())
    has_id = pc.not_equal(ids, "").to_numpy(zero_copy_only=False)
    for row in np.flatnonzero(~has_id).tolist():
        content = batch.rows.slice(row, 1).to_pylist()[0]
        yield RejectedRow("items", "no article_id", f"{batch.file}:{batch.numbers[row]}", content)
    rows, ids = batch.rows.filter(pa.array(has_id)), ids.filter(pa.array(has_id))
    fields = {"item_id": ids} | _fields_of(rows)
    arrays = [fields.get(field.name, pa.nulls(len(ids), field.type)) for field in ITEM_SCHEMA]
    files = [_picture_of(article, pictures) for article in ids.to_pylist()]
    locations = RowLocations(batch.file, batch.numbers[has_id])
    yield ItemBatch(pa.table(arrays, schema=ITEM_SCHEMA), locations, files, {})


def _fields_of(rows: pa.Table) -> dict[str, pa.Array]:
    """What rows say of articles, by the names of `ITEM_SCHEMA`, (n,) each."""
    blank = pa.repeat(pa.scalar("", pa.string()), rows.num_rows)

    def text(name: str) -> pa.Array:
        return texts(rows[name].combine_chunks()) if name in rows.column_names else blank

    attributes = {attribute: text(name) for attribute, name in sorted(ATTRIBUTES.items())}
    present = {
        attribute: pc.not_equal(values, "").to_numpy(zero_copy_only=False)
        for attribute, values in attributes.items()
    }
    return {
        "title": each_unless_plain(text("prod_name"), parse_prose),
        "description": each_unless_plain(text("detail_desc"), parse_prose),
        "currency": blank,
        "brand": blank,
        "category": _paths([text(name).to_pylist() for name in CATEGORY]),
        "attributes": map_of(attributes, present),
        "availability": pa.repeat(pa.scalar("in_stock", pa.string()), rows.num_rows),
    }


def _paths(levels: list[list[str]]) -> pa.Array:
    """Categories from broad to narrow, (n,) lists, without the levels that are missing."""
    rows = list(zip(*levels, strict=True))
    path_of = {row: [name for name in row if name] for row in set(rows)}
    return pa.array([path_of[row] for row in rows], ITEM_SCHEMA.field("category").type)
