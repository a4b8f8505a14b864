"""Google product feeds: TSV or CSV, or XML (RSS 2.0 or Atom, with or without the `g:` namespace)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import groupby, islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from bowerbird.data.readers.catalogues.feed_columns import FeedBatch
from bowerbird.data.readers.catalogues.feed_items import item_of
from bowerbird.data.readers.catalogues.fields_of import feed_row
from bowerbird.data.readers.catalogues.localised_names import feed_name
from bowerbird.data.readers.catalogues.xml_rows import read_xml_rows
from bowerbird.data.readers.inputs.forms import Form, form_of
from bowerbird.data.readers.inputs.records_of_text import header_names, open_records, row_of
from bowerbird.data.readers.inputs.tables import read_rows
from bowerbird.data.readers.records import Records, RowLocations
from bowerbird.data.readers.values.item_fields import SAMPLED_ROWS, with_decimal_mark
from bowerbird.data.readers.values.prices import find_decimal_mark
from bowerbird.errors import InputError

ROWS_PER_BATCH = 4096
Row = dict[str, list[str]]
"""Values of each field; only a few fields have several."""


def read(paths: Sequence[Path]) -> Records:
    """Read the items of feed files. Raises `InputError` for a file that is not a feed."""
    for path in paths:
        form = form_of(path)
        if form is Form.JSON:
            raise InputError(f"{path} is JSON; a product feed is XML or a table: leave out the layout's name")
        if form is Form.TEXT:
            yield from _text_records(path)
            continue
        located = read_xml_rows(path, normalise_name) if form is Form.XML else _table_rows(path)
        rows, mark = with_decimal_mark(located, "price")
        for location, row in rows:
            yield item_of(row, location, path.parent, mark)


def _text_records(path: Path) -> Records:
    """Items of a table of text, in columns; rows with too many or too few fields one by one."""
    with open_records(path) as (columns, records, separator):
        names = header_names(path, [normalise_name(name) for name in columns])
        width, mark = len(names) if len(set(names)) == len(names) else -1, None
        while chunk := list(islice(records, ROWS_PER_BATCH)):
            if mark is None:
                _require_id(path, columns)
                prices = [row.get("price", "") for _, row in _rows_of(path, names, chunk, separator)]
                mark = find_decimal_mark(prices[:SAMPLED_ROWS])
            for is_whole, run in groupby(chunk, lambda record: len(record[1]) == width):
                if is_whole:
                    yield from _columns_of(path, names, list(run), mark).records()
                else:
                    for location, row in _rows_of(path, names, run, separator):
                        yield item_of(_fields_of(row), location, path.parent, mark)


def _rows_of(
    path: Path, names: list[str], records: Iterable[tuple[int, list[str]]], separator: str
) -> Iterator[tuple[str, dict[str, str]]]:
    for number, fields in records:
        yield f"{path.name}:{number}", row_of(names, fields, separator)


def _columns_of(path: Path, names: list[str], records: list[tuple[int, list[str]]], mark: str) -> FeedBatch:
    columns = {
        name: pa.array([text.strip() for text in values], pa.string())
        for name, values in zip(names, zip(*(fields for _, fields in records), strict=True), strict=True)
        if name
    }
    locations = RowLocations(path.name, np.array([number for number, _ in records]))
    return FeedBatch(columns, locations, path.parent, mark)


def _table_rows(path: Path) -> Iterator[tuple[str, Row]]:
    is_checked = False
    for location, row in read_rows(path):
        if not is_checked:
            _require_id(path, list(row))
            is_checked = True
        yield location, _fields_of({normalise_name(name): value for name, value in row.items()})


def _fields_of(row: Mapping[str, Any]) -> Row:
    fields = feed_row(row)
    for name in ("product_type", "google_product_category"):
        if len(fields.get(name, ())) > 1:  # a list of a Parquet file
            fields[name] = [" > ".join(fields[name])]
    if len(fields.get("product_detail", ())) == 1:
        fields["product_detail"] = fields["product_detail"][0].split(",")
    return fields


def _require_id(path: Path, names: list[str]) -> None:
    if "id" not in map(normalise_name, names):
        raise InputError(
            f"{path} has no column `id`; it has {', '.join(names)}. A product feed has id, title and price: "
            "rename the columns, or say what yours mean (layout parquet with --columns MAP.toml)"
        )


@lru_cache(1024)
def normalise_name(name: str) -> str:
    """Normalise a field's name: English, no namespace, underscores; without its parts in brackets."""
    whole = name.rsplit("}", 1)[-1].partition("(")[0]  # shipping(country:price)
    return feed_name(whole.strip().lower().removeprefix("g:").replace(" ", "_"))
