"""Google product feeds: TSV or CSV, or XML (RSS 2.0 or Atom, with or without the `g:` namespace)."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import groupby, islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from bowerbird.data.readers.catalogues.feed_columns import FeedBatch
from bowerbird.data.readers.catalogues.feed_items import item_of
from bowerbird.data.readers.inputs.forms import Form, form_of
from bowerbird.data.readers.inputs.records_of_text import open_records, row_of
from bowerbird.data.readers.inputs.tables import read_rows
from bowerbird.data.readers.inputs.text_files import open_bytes
from bowerbird.data.readers.records import Records, RowLocations
from bowerbird.data.readers.values.item_fields import SAMPLED_ROWS, with_decimal_mark
from bowerbird.data.readers.values.prices import find_decimal_mark
from bowerbird.data.readers.values.texts import parse_text
from bowerbird.errors import InputError

ITEM_TAGS = ("item", "entry")
GOOGLE = "{http://base.google.com/ns/1.0}"
XHTML = "{http://www.w3.org/1999/xhtml}"

ROWS_PER_BATCH = 4096
Row = dict[str, list[str]]
"""Values of each field; only a few fields have several."""


def read(paths: Sequence[Path]) -> Records:
    """Read the items of feed files. Raises `InputError` for a file that is not a feed."""
    for path in paths:
        form = form_of(path)
        if form is Form.TEXT:
            yield from _text_records(path)
            continue
        rows, mark = with_decimal_mark(_xml_rows(path) if form is Form.XML else _table_rows(path), "price")
        for location, row in rows:
            yield item_of(row, location, path.parent, mark)


def _text_records(path: Path) -> Records:
    """Items of a table of text, in columns; rows with too many or too few fields one by one."""
    with open_records(path) as (columns, records, separator):
        names = [_normalise_name(name) for name in columns]
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
        yield location, _fields_of({_normalise_name(name): value for name, value in row.items()})


def _fields_of(row: Mapping[str, Any]) -> Row:
    fields = {name: [text] for name, value in row.items() if (text := parse_text(value))}
    for name in ("product_detail", "additional_image_link"):
        if name in fields:
            fields[name] = fields[name][0].split(",")
    return fields


def _require_id(path: Path, names: list[str]) -> None:
    if "id" not in map(_normalise_name, names):
        raise InputError(
            f"{path} has no column `id`; it has {', '.join(names)}. A product feed has id, title and price: "
            "rename the columns, or say what yours mean (layout parquet with --columns MAP.toml)"
        )


def _xml_rows(path: Path) -> Iterator[tuple[str, Row]]:
    number = 0
    try:
        with open_bytes(path) as file:
            open_elements: list[ElementTree.Element] = []
            for event, element in ElementTree.iterparse(file, ("start", "end")):
                if event == "start":
                    open_elements.append(element)
                    continue
                open_elements.pop()
                if _normalise_name(element.tag) in ITEM_TAGS:
                    number += 1
                    yield f"{path.name}: item {number}", _xml_row(element)
                    for above in open_elements:  # so that memory does not grow with the file
                        above.clear()
    except (ElementTree.ParseError, LookupError, ValueError) as error:  # the latter two: unknown encodings
        raise InputError(f"{path} is not well-formed XML ({error})") from None
    if not number:
        raise InputError(f"{path} has no <item> or <entry>: is it a product feed (RSS 2.0 or Atom)?")


def _xml_row(element: ElementTree.Element) -> Row:
    """Fields by name; where Google's namespace has a field, plain ones of that name do not count."""
    plain: Row = {}
    of_google: Row = {}
    for child in element:
        if content := _content(child):
            is_of_google = child.tag.startswith((GOOGLE, "g:"))
            (of_google if is_of_google else plain).setdefault(_normalise_name(child.tag), []).append(content)
    return plain | of_google


def _content(element: ElementTree.Element) -> str:
    """Text of a field; parts of a nested field (product_detail) are joined as in the TSV form."""
    if len(element) and element[0].tag.startswith(XHTML):
        return " ".join(element.itertext()).strip()
    parts = [(child.text or "").strip() for child in element]
    return ":".join(parts) if parts else (element.text or element.get("href") or "").strip()


@lru_cache(1024)
def _normalise_name(name: str) -> str:
    """Normalise a field's name: no namespace, lower case, underscores."""
    return name.rsplit("}", 1)[-1].strip().removeprefix("g:").lower().replace(" ", "_")
