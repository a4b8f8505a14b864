"""Meta's (Facebook, Instagram) and Pinterest's catalogue files: CSV or TSV with the feed's names.

https://developers.facebook.com/docs/marketing-api/catalog/reference lists the fields; Meta's template starts
with two lines of comments. Several pictures stand in one field, separated by commas.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from bowerbird.data.readers.catalogues.fields_of import FeedRow, feed_row
from bowerbird.data.readers.catalogues.google_feed import item_of
from bowerbird.data.readers.inputs.tables import read_rows, require_columns
from bowerbird.data.readers.records import Records
from bowerbird.errors import InputError

RENAMED = {"fb_product_category": "google_product_category", "name": "title", "image": "image_link"}
LISTS = ("additional_image_link",)


def read(paths: Sequence[Path]) -> Records:
    """Read the items of catalogue files. Raises `InputError` for a file that is none."""
    for path in paths:
        is_checked = False
        for location, row in _rows(path):
            if not is_checked:
                require_columns(path, [_normalised(name) for name in row], ("id", "title"))
                is_checked = True
            yield item_of(to_feed_row(row), location, path.parent)


def to_feed_row(row: dict[str, Any]) -> FeedRow:
    """A row with the feed's names; those of Meta alone are renamed, in so far as the feed has them."""
    fields: dict[str, Any] = {}
    for name, value in row.items():
        normalised = _normalised(name)
        fields.setdefault(RENAMED.get(normalised, normalised), value)
    for name in LISTS:
        if isinstance(fields.get(name), str):
            fields[name] = fields[name].split(",")
    return feed_row(fields)


def _normalised(name: str) -> str:
    return name.strip().lower().replace(" ", "_").partition("[0]")[0]


def _rows(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    try:
        with path.open("rb") as file:
            has_comments = file.read(4).lstrip(b'\xef\xbb\xbf"').startswith(b"#")
    except OSError as error:
        raise InputError(f"{path} can't be read ({error.strerror})") from None
    if not has_comments:
        yield from read_rows(path)
        return
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines(keepends=True)
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text ({error.reason}): save it as UTF-8") from None
    n_comments = next((n for n, line in enumerate(lines) if not line.lstrip('"').startswith("#")), len(lines))
    delimiter = "\t" if path.suffix.lower() == ".tsv" else ","
    reader = csv.DictReader(io.StringIO("".join(lines[n_comments:])), delimiter=delimiter)
    for row in reader:
        values = {name: value or "" for name, value in row.items() if name is not None}
        yield f"{path.name}:{n_comments + reader.line_num}", values
