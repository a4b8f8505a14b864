"""H&M's articles and purchases: the Kaggle competition's csv files and picture folders, or Parquet files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bowerbird.data.events import Action
from bowerbird.data.logs.event_ids import derive_event_ids
from bowerbird.data.readers.datasets.hm_articles import article_ids, read_articles
from bowerbird.data.readers.event_columns import EventRows, numbers
from bowerbird.data.readers.fields import find_file, parse_amount, parse_number
from bowerbird.data.readers.inputs.parquet import require_columns
from bowerbird.data.readers.inputs.table_batches import read_batches, table_columns
from bowerbird.data.readers.records import EventBatch, Records, RejectedRow
from bowerbird.errors import InputError

HM_SALES = frozenset({"t_dat", "customer_id", "article_id"})
HM_ARTICLES = frozenset({"article_id", "prod_name", "product_type_name"})
"""Columns that say what a file of the competition holds."""


def read(paths: Sequence[Path]) -> Records:
    """Read articles, then purchases, of each folder.

    Articles get no price. The price of a sale stays with the purchase: as a field of the article it would
    leak which articles will be sold at all. It is scaled by an unknown factor.
    """
    yield from _single_files([path for path in paths if path.is_file()])
    for folder in (path for path in paths if not path.is_file()):
        articles = find_file(folder, "items.parquet", "articles.csv")
        sales = find_file(folder, "transactions.parquet", "transactions_train.csv")
        pictures = folder / "images" if (folder / "images").is_dir() else None
        yield from read_articles(articles, pictures)
        yield from _purchases(sales)


def _single_files(paths: Sequence[Path]) -> Records:
    """The articles, then the purchases, of files of the competition."""
    columns = {path: frozenset(table_columns(path)) for path in paths}
    for path, names in columns.items():
        if names >= HM_ARTICLES:
            yield from read_articles(path, None)
        elif not names >= HM_SALES:
            raise InputError(
                f"{path} has neither {', '.join(sorted(HM_SALES))} nor {', '.join(sorted(HM_ARTICLES))}; it "
                f"has {', '.join(sorted(names))}: name the folder, or another layout"
            )
    for path, names in columns.items():
        if names >= HM_SALES:
            yield from _purchases(path)


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
        articles = article_ids(rows.column("article_id"))
        rows.reject(pc.equal(articles, ""), "no article_id")
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

    The competition's file is sorted by day: only the ids of the last day are held. In a file that is not,
    rows of a day that comes again are numbered by their lines.
    """

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        """How many purchases of the day have each derived id."""
        self._day = _NO_DAY
        self._ended: set[int] = set()

    def number(self, batch: EventBatch) -> EventBatch:
        """Give each purchase the id that is derived from it, and the copies of one a suffix each."""
        days = batch.rows["at"].cast(pa.int64()).to_numpy()
        ids: list[str] = derive_event_ids(batch.rows).to_pylist()
        starts = np.flatnonzero(np.diff(days, prepend=days[:1] - 1))
        for start, end in zip(starts.tolist(), [*starts[1:].tolist(), len(days)], strict=True):
            self._begin(int(days[start]))
            if self._day in self._ended:
                for row in range(start, end):
                    ids[row] += f"/{batch.locations[row]}"
                continue
            for row, event_id in enumerate(ids[start:end], start):
                self._counts[event_id] = count = self._counts.get(event_id, 0) + 1
                if count > 1:
                    ids[row] += f"/{count}"
        column = batch.rows.schema.get_field_index("event_id")
        field = batch.rows.schema.field(column)
        return replace(batch, rows=batch.rows.set_column(column, field, pa.array(ids, field.type)))

    def _begin(self, day: int) -> None:
        if day != self._day:
            self._ended.add(self._day)
            self._counts.clear()
            self._day = day


_NO_DAY = -(2**62)


def _price_value(value: Any) -> float | None:
    # As a number first: 1.299 without a currency has two readings, but here it is a number.
    number = parse_number(value)
    return parse_amount(value if number is None else number)
