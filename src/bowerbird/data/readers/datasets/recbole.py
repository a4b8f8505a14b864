"""RecBole's atomic files: `NAME.item` and `NAME.inter`, tab-separated, with `name:type` headers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from bowerbird.data.events import Action, Event
from bowerbird.data.items import Item
from bowerbird.data.readers.fields import parse_number, parse_text, parse_time, read_delimited
from bowerbird.data.readers.records import EventDraft, ItemDraft, Records, RejectedRow
from bowerbird.errors import InputError

TITLE_FIELDS = ("title", "movie_title", "name", "item_name", "product_name")


def read(paths: Sequence[Path]) -> Records:
    """Read items, then interactions, of each folder. A rating below 3 is a view, others are clicks."""
    for folder in paths:
        items, interactions = sorted(folder.glob("*.item")), sorted(folder.glob("*.inter"))
        if not items and not interactions:
            raise InputError(f"{folder} has no .item or .inter file: name the folder of a RecBole dataset")
        for path in items:
            for location, row in _rows(path):
                yield _item(row, location)
        for path in interactions:
            for location, row in _rows(path):
                yield _event(row, location)


def _rows(path: Path) -> Iterator[tuple[str, dict[str, str]]]:
    for location, row in read_delimited(path, "\t"):
        yield location, {name.split(":")[0]: value for name, value in row.items()}


def _item(row: dict[str, str], location: str) -> ItemDraft | RejectedRow:
    title = next((row[name] for name in TITLE_FIELDS if row.get(name)), "")
    item_id = parse_text(row.get("item_id"))
    if not item_id:
        return RejectedRow("items", "no item_id", location, row)
    attributes = {
        name: value for name, value in row.items() if value and name not in ("item_id", *TITLE_FIELDS)
    }
    return ItemDraft(Item(item_id, title=title, attributes=attributes), location)


def _event(row: dict[str, str], location: str) -> EventDraft | RejectedRow:
    user, item, at = (
        parse_text(row.get("user_id")),
        parse_text(row.get("item_id")),
        parse_time(row.get("timestamp")),
    )
    if not user or not item or at is None:
        reason = "no user_id" if not user else "no item_id" if not item else "no timestamp that can be read"
        return RejectedRow("events", reason, location, row)
    rating = parse_number(row.get("rating"))
    if row.get("rating") and rating is None:
        return RejectedRow("events", "no rating that can be read", location, row)
    action = Action.VIEW if rating is not None and rating < 3 else Action.CLICK
    return EventDraft(Event(user, item, action, at, value=rating), location)
