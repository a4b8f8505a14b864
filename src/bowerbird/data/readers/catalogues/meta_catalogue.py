"""Meta's (Facebook, Instagram) and Pinterest's catalogue files: CSV or TSV with the feed's names.

https://developers.facebook.com/docs/marketing-api/catalog/reference lists the fields; Meta's template starts
with two lines of comments. Several pictures stand in one field, separated by commas.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from bowerbird.data.readers.catalogues.feed_items import item_of
from bowerbird.data.readers.catalogues.fields_of import FeedRow, feed_row, texts_of
from bowerbird.data.readers.inputs.json_lines import decode_json
from bowerbird.data.readers.inputs.parquet import require_columns
from bowerbird.data.readers.inputs.records_of_text import header_names
from bowerbird.data.readers.inputs.tables import read_rows
from bowerbird.data.readers.records import IgnoredRow, Records
from bowerbird.data.readers.values.item_fields import with_decimal_mark
from bowerbird.data.readers.values.texts import parse_text

RENAMED = {
    "fb_product_category": "google_product_category",
    "name": "title",
    "image": "image_link",
    "image_url": "image_link",
    "average_review_rating": "star_rating",
    "number_of_ratings": "review_count",
    "number_of_reviews": "review_count",
}
STOCKS = ("quantity_to_sell_on_facebook", "inventory")
"""How many can be bought: an item with none is sold out, whatever else its row says."""
_PICTURE = re.compile(r"image\[[0-9]+\]\.url")
"""Names of the addresses of further pictures."""
HIDDEN = {"hidden", "staging", "archived"}


def read(paths: Sequence[Path]) -> Records:
    """Read the items of catalogue files. Raises `InputError` for a file that is none."""
    for path in paths:
        rows, mark = with_decimal_mark(_feed_rows(path), "price")
        for location, row in rows:
            if (
                row.get("visibility", [""])[0].lower() in HIDDEN
                or row.get("status", [""])[0].lower() in HIDDEN
            ):
                yield IgnoredRow("items", "item that is hidden, staged or archived")
            else:
                yield item_of(row, location, path.parent, mark)


def _feed_rows(path: Path) -> Iterator[tuple[str, FeedRow]]:
    is_checked = False
    for location, row in read_rows(path, with_comments=True):
        if not is_checked:
            require_columns(path, header_names(path, [_normalised(name) for name in row]), ("id", "title"))
            is_checked = True
        yield location, to_feed_row(row)


def to_feed_row(row: dict[str, Any]) -> FeedRow:
    """A row with the feed's names; those of Meta alone are renamed, in so far as the feed has them."""
    fields: dict[str, Any] = {}
    pictures: list[str] = []
    for name, value in row.items():
        normalised = _normalised(name)
        field = RENAMED.get(normalised, normalised)
        if not texts_of(fields.get(field)):
            fields[field] = value
        if _PICTURE.fullmatch(normalised):
            pictures += texts_of(value)
    pictures = _addresses(fields.get("image_link")) or [*texts_of(fields.get("image_link")), *pictures]
    fields["image_link"] = pictures[:1]
    fields["additional_image_link"] = [*texts_of(fields.get("additional_image_link")), *pictures[1:]]
    if any(parse_text(fields.get(name)) in ("0", "0.0") for name in STOCKS):
        fields["availability"] = "out_of_stock"
    return feed_row(fields)


def _addresses(value: Any) -> list[str]:
    """The addresses of pictures in JSON, `[{"url": "https://…"}]`; none where it is none."""
    decoded = decode_json(value.encode()) if isinstance(value, str) and value.startswith("[") else None
    return [
        link
        for each in (decoded if isinstance(decoded, list) else [])
        if isinstance(each, dict) and (link := parse_text(each.get("url")))
    ]


def _normalised(name: str) -> str:
    """`g:image link` is image_link; `image[0].url` the address of the first picture."""
    return name.strip().lower().removeprefix("g:").replace(" ", "_").replace("image[0].url", "image")
