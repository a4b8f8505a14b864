"""Amazon Reviews 2023 (https://amazon-reviews-2023.github.io): metadata and reviews in JSON lines, or gzip.

A review of at least 4 stars is a save, one of at most 2 a hide, one between a view; the stars stay in
`value`. An item is a `parent_asin`: reviews name it too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

from bowerbird.data.events import Action, Event
from bowerbird.data.readers.catalogues.feed_items import item_of
from bowerbird.data.readers.catalogues.fields_of import FeedRow, decimal_text, feed_row, texts_of
from bowerbird.data.readers.fields import parse_number, parse_text, parse_time
from bowerbird.data.readers.inputs.forms import Form, form_of
from bowerbird.data.readers.inputs.json_lines import decode_json
from bowerbird.data.readers.inputs.json_objects import read_json_objects
from bowerbird.data.readers.inputs.tables import read_rows
from bowerbird.data.readers.records import EventDraft, Record, Records, RejectedRow

MIN_SAVE_STARS, MAX_HIDE_STARS = 4.0, 2.0  # stars
PICTURE_SIZES = ("large", "hi_res", "thumb")
NO_PRICE = ("None", "nan", "—")


def read(paths: Sequence[Path]) -> Records:
    """Read items, then reviews, of files."""
    reviews = [path for path in paths if _holds_reviews(path)]
    for file in [*(path for path in paths if path not in reviews), *reviews]:
        for location, row in _rows_of(file):
            yield _record(row, location, file.parent)


def _rows_of(path: Path) -> Iterator[tuple[str, Any]]:
    """The rows of JSON, or of a table: the benchmark's reviews are CSV, exports of Hugging Face Parquet."""
    return read_json_objects(path) if form_of(path) is Form.JSON else read_rows(path)


def _holds_reviews(path: Path) -> bool:
    _, first = next(iter(_rows_of(path)), ("", None))
    return isinstance(first, dict) and "user_id" in first


def _record(row: Any, location: str, folder: Path) -> Record:
    if not isinstance(row, dict):
        return RejectedRow("items", "not a JSON object", location, row)
    return _review(row, location) if "user_id" in row else item_of(_feed_row(row), location, folder)


def _feed_row(row: dict[str, Any]) -> FeedRow:
    price = parse_text(decimal_text(row.get("price")))
    details = row.get("details")
    if isinstance(details, str):  # as Hugging Face's copy holds it
        details = decode_json(details.encode())
    fields = {
        "id": row.get("parent_asin"),
        "title": row.get("title"),
        "description": "\n".join([*texts_of(row.get("features")), *texts_of(row.get("description"))]),
        "price": "" if price in NO_PRICE else price if " " in price or "$" in price else f"{price} USD",
        "brand": row.get("store"),
        "product_type": " > ".join(texts_of(row.get("categories")) or texts_of(row.get("main_category"))),
        "star_rating": row.get("average_rating"),
        "review_count": row.get("rating_number"),
        **_pictures(row.get("images")),
    }
    if not price:
        fields["price"] = ""
    pairs = details.items() if isinstance(details, dict) else ()
    return feed_row(fields, [(str(name).lower(), value) for name, value in pairs])


def _pictures(images: Any) -> dict[str, list[str]]:
    if isinstance(images, dict):  # lists by size, as Hugging Face's copy holds them
        sizes = [each if isinstance(each, list) else [] for each in map(images.get, PICTURE_SIZES)]
        images = [dict(zip(PICTURE_SIZES, each, strict=True)) for each in zip_longest(*sizes)]
    entries = images if isinstance(images, list) else []
    links = list(dict.fromkeys(link for entry in entries if (link := _link(entry))))
    return {"image_link": links[:1], "additional_image_link": links[1:]}


def _link(entry: Any) -> str:
    sizes = (entry.get(size) for size in PICTURE_SIZES) if isinstance(entry, dict) else iter((entry,))
    return next((text for size in sizes if (text := parse_text(size))), "")


def _review(row: dict[str, Any], location: str) -> EventDraft | RejectedRow:
    user, item = parse_text(row.get("user_id")), parse_text(row.get("parent_asin") or row.get("asin"))
    at, stars = parse_time(row.get("timestamp")), parse_number(row.get("rating"))
    reasons = {
        "no user_id": not user,
        "no parent_asin": not item,
        "no timestamp that can be read": at is None,
        "no rating that can be read": stars is None,
    }
    if at is None or stars is None or not user or not item:
        return RejectedRow(
            "events", next(reason for reason, holds in reasons.items() if holds), location, row
        )
    action = (
        Action.SAVE if stars >= MIN_SAVE_STARS else Action.HIDE if stars <= MAX_HIDE_STARS else Action.VIEW
    )
    return EventDraft(Event(user, item, action, at, value=stars), location)
