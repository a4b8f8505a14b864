"""H&M's articles and purchases: the Kaggle competition's csv files and picture folders, or Parquet files."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bowerbird.data.events import Action, Event
from bowerbird.data.items import Item
from bowerbird.data.readers.event_columns import EventRows, id_texts, numbers
from bowerbird.data.readers.fields import find_file, parse_amount, parse_id, parse_number, parse_text
from bowerbird.data.readers.inputs.parquet import require_columns
from bowerbird.data.readers.inputs.records_of_text import ragged_reason
from bowerbird.data.readers.inputs.table_batches import read_batches
from bowerbird.data.readers.inputs.tables import read_rows
from bowerbird.data.readers.records import EventBatch, ItemDraft, Records, RejectedRow
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


def read(paths: Sequence[Path]) -> Records:
    """Read articles, then purchases, of each folder.

    Articles get no price. The price of a sale stays with the purchase: as a field of the article it would
    leak which articles will be sold at all. It is scaled by an unknown factor.
    """
    for folder in paths:
        articles = find_file(folder, "items.parquet", "articles.csv")
        sales = find_file(folder, "transactions.parquet", "transactions_train.csv")
        pictures = folder / "images" if (folder / "images").is_dir() else None
        for location, row in read_rows(articles, ("article_id", "prod_name")):
            yield _item(row, location, pictures)
        yield from _purchases(sales)


def _article_id(value: Any) -> str:
    """Pad an article id to ten characters: csv readers drop the leading zero."""
    return article.zfill(10) if (article := parse_id(value)) else ""


def _item(row: dict[str, Any], location: str, pictures: Path | None) -> ItemDraft | RejectedRow:
    article = _article_id(row["article_id"])
    if reason := ragged_reason(row) or ("" if article else "no article_id"):
        return RejectedRow("items", reason, location, row)
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
    file = pictures / article[:3] / f"{article}.jpg" if pictures else None
    picture = row.get("image") if "image" in row else file
    return ItemDraft(item, location, picture)


def _purchases(sales: Path) -> Iterator[EventBatch | RejectedRow]:
    """One event per line; n equal lines of one day are n units of one article."""
    copies = _Copies()
    names = ("t_dat", "article_id")
    for batch in read_batches(sales, names, ("customer_id", "user", "price")):
        if isinstance(batch, RejectedRow):
            yield batch
            continue
        rows = EventRows(batch)
        user = "user" if "user" in batch.rows.column_names else "customer_id"
        require_columns(sales, batch.rows.column_names, (user,))
        rows.set_id("user_id", user)
        articles = id_texts(rows.column("article_id"))
        rows.reject(pc.equal(articles, ""), "no article_id")
        articles = pc.utf8_lpad(articles, 10, "0")
        rows.set("item_id", articles)
        rows.set("action", Action.PURCHASE.value)
        rows.set_time("t_dat", "no date that can be read")
        if "price" in batch.rows.column_names:
            prices = numbers(rows.column("price"), _price_value)
            rows.set_parsed("value", "price", prices, "is no number or price with one reading")
        for record in rows.records():
            yield copies.number(record) if isinstance(record, EventBatch) else record


class _Copies:
    """Numbers equal purchases of one day, so that each is an event of its own.

    The competition's file is sorted by day: only the counts of the last day are held. In a file that is not,
    rows of a day that comes again are numbered by their lines.
    """

    def __init__(self) -> None:
        self._counts: Counter[bytes] = Counter()
        self._day = _NO_DAY
        self._ended: set[int] = set()

    def number(self, batch: EventBatch) -> EventBatch:
        """Give repeated purchases ids of their own; those of single ones stay derived."""
        rows = batch.rows
        days = rows["at"].cast(pa.int64()).to_numpy()
        keys = [
            hashlib.blake2b(f"{user}\x1f{item}".encode(), digest_size=8).digest()
            for user, item in zip(rows["user_id"].to_pylist(), rows["item_id"].to_pylist(), strict=True)
        ]
        suffixes: dict[int, str] = {}
        starts = np.flatnonzero(np.diff(days, prepend=days[:1] - 1))
        for start, end in zip(starts.tolist(), [*starts[1:].tolist(), len(days)], strict=True):
            self._begin(int(days[start]))
            for row, key in enumerate(keys[start:end], start):
                self._counts[key] += 1
                if self._day in self._ended:
                    suffixes[row] = batch.locations[row]
                elif self._counts[key] > 1:
                    suffixes[row] = str(self._counts[key])
        return replace(batch, rows=_with_suffixes(rows, suffixes)) if suffixes else batch

    def _begin(self, day: int) -> None:
        if day != self._day:
            self._ended.add(self._day)
            self._counts.clear()
            self._day = day


_NO_DAY = -(2**62)


def _with_suffixes(rows: pa.Table, suffixes: dict[int, str]) -> pa.Table:
    """Give rows the id that is derived from them, and a suffix."""
    repeated = rows.take(pa.array(list(suffixes), pa.int64())).to_pylist()
    ids: list[str | None] = [None] * rows.num_rows
    for row, (index, suffix) in zip(repeated, suffixes.items(), strict=True):
        ids[index] = f"{Event.from_row({**row, 'event_id': ''}).event_id}/{suffix}"
    column = rows.schema.get_field_index("event_id")
    return rows.set_column(column, rows.schema.field("event_id"), pa.array(ids, pa.string()))


def _price_value(value: Any) -> float | None:
    # As a number first: 1.299 without a currency has two readings, but here it is a number.
    number = parse_number(value)
    return parse_amount(value if number is None else number)
