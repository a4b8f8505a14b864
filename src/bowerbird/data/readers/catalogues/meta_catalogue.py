"""Meta's (Facebook, Instagram) and Pinterest's catalogue files: CSV or TSV with the feed's names.

https://developers.facebook.com/docs/marketing-api/catalog/reference lists the fields; Meta's template starts
with two lines of comments. Several pictures stand in one field, separated by commas.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bowerbird.data.readers.catalogues.feed_items import item_of
from bowerbird.data.readers.catalogues.fields_of import FeedRow, feed_row
from bowerbird.data.readers.inputs.parquet import require_columns
from bowerbird.data.readers.inputs.tables import read_rows
from bowerbird.data.readers.records import Records

RENAMED = {"fb_product_category": "google_product_category", "name": "title", "image": "image_link"}
LISTS = ("additional_image_link",)


def read(paths: Sequence[Path]) -> Records:
    """Read the items of catalogue files. Raises `InputError` for a file that is none."""
    for path in paths:
        is_checked = False
        for location, row in read_rows(path, with_comments=True):
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
