"""RecBole's atomic files: `NAME.item` and `NAME.inter`, tab-separated, with `name:type` headers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from bowerbird.data.events import Action, Event
from bowerbird.data.items import Item
from bowerbird.data.readers.fields import number_of, table_rows, text_of, time_of
from bowerbird.data.readers.records import EventDraft, ItemDraft, Records, Refused
from bowerbird.errors import InputError

TITLES = ("title", "movie_title", "name", "item_name", "product_name")


def read(paths: Sequence[Path]) -> Records:
    """Items, then interactions, of each folder. A rating below 3 is a view, others are clicks."""
    for folder in paths:
        items, interactions = sorted(folder.glob("*.item")), sorted(folder.glob("*.inter"))
        if not items and not interactions:
            raise InputError(f"{folder} holds no .item or .inter file: give the folder of a RecBole dataset")
        for path in items:
            for where, row in _rows(path):
                yield _item(row, where)
        for path in interactions:
            for where, row in _rows(path):
                yield _event(row, where)


def _rows(path: Path) -> Iterator[tuple[str, dict[str, str]]]:
    for where, row in table_rows(path, "\t"):
        yield where, {name.split(":")[0]: value for name, value in row.items()}


def _item(row: dict[str, str], where: str) -> ItemDraft | Refused:
    title = next((row[name] for name in TITLES if row.get(name)), "")
    item_id = text_of(row.get("item_id"))
    if not item_id:
        return Refused("items", "no item_id", where, row)
    rest = {name: value for name, value in row.items() if value and name not in ("item_id", *TITLES)}
    return ItemDraft(Item(item_id, title=title, attributes=rest), where)


def _event(row: dict[str, str], where: str) -> EventDraft | Refused:
    user, item, at = text_of(row.get("user_id")), text_of(row.get("item_id")), time_of(row.get("timestamp"))
    if not user or not item or at is None:
        reason = "no user_id" if not user else "no item_id" if not item else "no timestamp that can be read"
        return Refused("events", reason, where, row)
    rating = number_of(row.get("rating"))
    if row.get("rating") and rating is None:
        return Refused("events", "no rating that can be read", where, row)
    action = Action.VIEW if rating is not None and rating < 3 else Action.CLICK
    return EventDraft(Event(user, item, action, at, value=rating), where)
