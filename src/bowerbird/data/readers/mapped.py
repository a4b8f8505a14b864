"""Parquet and CSV files with a column map: your own tables, named in TOML.

[items]                       # or [events], [collections]; one file may hold one kind
file = "articles.csv"         # inside the given folder; left out where a file is given
item_id = "sku"
title = "name"
category = ["department", "kind"]      # from broad to narrow
[items.attributes]
colour = "col"

[events]
file = "clicks.parquet"
user_id = "visitor"
item_id = "sku"
at = "ts"
action = "what"
[events.actions]              # your words -> impression, view, click, save, add_to_cart, purchase, hide
buy = "purchase"
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bowerbird.data.collections import Collection
from bowerbird.data.events import ACTIONS, Action, Event
from bowerbird.data.items import Item
from bowerbird.data.readers.fields import availability_of, price_of, text_of, time_of, whole_of
from bowerbird.data.readers.records import CollectionDraft, EventDraft, ItemDraft, Record, Records, Refused
from bowerbird.data.readers.tables import rows_of
from bowerbird.errors import InputError

ITEM_FIELDS = (
    *("item_id", "title", "description", "image", "price", "currency", "brand"),
    *("category", "attributes", "availability", "created_at"),
)
EVENT_FIELDS = (
    *("event_id", "user_id", "item_id", "action", "at", "value", "session"),
    *("surface", "query", "position", "actions"),
)
COLLECTION_FIELDS = ("collection_id", "item_ids", "name", "kind", "user_id")
KINDS = {"items": ITEM_FIELDS, "events": EVENT_FIELDS, "collections": COLLECTION_FIELDS}
MANDATORY = {
    "items": ("item_id",),
    "events": ("user_id", "item_id", "at"),
    "collections": ("collection_id", "item_ids"),
}

_PLACE = re.compile(r"[0-9]{1,9}$")


def read(paths: Sequence[Path], column_map: Path) -> Records:
    """Rows of the tables that the map names. Raises `InputError` for a map or a table that can't be used."""
    for kind, columns in _read_map(column_map).items():
        need = [
            name
            for field, said in columns.items()
            if field not in ("file", "actions")
            for name in _names(said)
        ]
        for path in paths:
            table = path / columns["file"] if path.is_dir() and "file" in columns else path
            if "file" in columns and len(paths) > 1 and table.name != Path(columns["file"]).name:
                continue  # one of the other kinds' files
            for where, row in rows_of(table, need):
                yield _RECORD[kind](columns, row, where, table.parent)


def _read_map(path: Path) -> dict[str, dict[str, Any]]:
    try:
        said = tomllib.loads(path.read_text())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"the column map {path} can't be read ({error})") from None
    if not said or any(kind not in KINDS for kind in said):
        raise InputError(
            f"the column map {path} has {', '.join(said) or 'nothing'}; it may have {', '.join(KINDS)}"
        )
    for kind, columns in said.items():
        if not isinstance(columns, dict):
            raise InputError(f"{kind} of {path} is {columns!r}; write a table, [{kind}]")
        unknown = [name for name in columns if name not in (*KINDS[kind], "file")]
        lacking = [name for name in MANDATORY[kind] if name not in columns]
        if unknown or lacking:
            raise InputError(
                f"[{kind}] of {path} has unknown fields {unknown} and lacks {lacking}; "
                f"it may have file, {', '.join(KINDS[kind])}"
            )
        for field, value in columns.items():
            if not _fits(field, value):
                raise InputError(f"{field} of [{kind}] in {path} is {value!r}; expected {_expected(field)}")
    return {kind: said[kind] for kind in KINDS if kind in said}


def _names(field: Any) -> list[str]:
    if isinstance(field, dict):
        return [str(name) for name in field.values()]
    return [str(name) for name in field] if isinstance(field, list) else [str(field)]


def _fits(field: str, value: Any) -> bool:
    if field in ("attributes", "actions"):
        return isinstance(value, dict) and all(isinstance(one, str) for one in value.values())
    if field == "category" and isinstance(value, list):
        return all(isinstance(one, str) for one in value)
    return isinstance(value, str)


def _expected(field: str) -> str:
    if field == "actions":
        return "a table of your words and ours"
    if field == "attributes":
        return "a table of attributes and columns"
    return "a column's name, or a list of them" if field == "category" else "one name in quotes"


def _item(columns: dict[str, Any], row: dict[str, Any], where: str, folder: Path) -> Record:
    def one(name: str) -> Any:
        return row.get(columns[name]) if name in columns else None

    item_id = text_of(one("item_id"))
    if not item_id:
        return Refused("items", "no item_id", where, row)
    said = one("price")
    price = price_of(said) if text_of(said) else None
    image = one("image")
    picture = image if isinstance(image, bytes | None) else _picture(text_of(image), folder)
    item = Item(
        item_id=item_id,
        title=text_of(one("title")),
        description=text_of(one("description")),
        price=price[0] if price else None,
        currency=text_of(one("currency")) or (price[1] if price else ""),
        brand=text_of(one("brand")),
        category=tuple(
            text_of(row[name]) for name in _names(columns.get("category", [])) if text_of(row[name])
        ),
        attributes={n: text_of(row[c]) for n, c in columns.get("attributes", {}).items() if text_of(row[c])},
        availability=availability_of(one("availability")),
        created_at=time_of(one("created_at")) if one("created_at") is not None else None,
    )
    return ItemDraft(item, where, picture, ("price is no number",) if text_of(said) and not price else ())


def _picture(said: str, folder: Path) -> Path | str | None:
    return (said if said.startswith(("http://", "https://")) else folder / said) if said else None


def _event(columns: dict[str, Any], row: dict[str, Any], where: str, folder: Path) -> Record:
    def one(name: str) -> Any:
        return row.get(columns[name]) if name in columns else None

    said = text_of(one("action")) or Action.CLICK.value
    word: str = columns.get("actions", {}).get(said, said)
    user, item, at = text_of(one("user_id")), text_of(one("item_id")), time_of(one("at"))
    if not user or not item or at is None:
        reason = "no user_id" if not user else "no item_id" if not item else "no time that can be read"
        return Refused("events", reason, where, row)
    if word not in set(ACTIONS):
        return Refused("events", f"unknown action {word[:40]!r}", where, row)
    value = price_of(one("value")) if one("value") is not None else None
    return EventDraft(
        Event(
            user_id=user,
            item_id=item,
            action=Action(word),
            at=at,
            event_id=text_of(one("event_id")),
            value=value[0] if value else None,
            session=text_of(one("session")) or None,
            surface=text_of(one("surface")) or None,
            query=text_of(one("query")) or None,
            position=whole_of(one("position")),
        ),
        where,
    )


def _collection(columns: dict[str, Any], row: dict[str, Any], where: str, folder: Path) -> Record:
    def one(name: str) -> Any:
        return row.get(columns[name]) if name in columns else None

    ids = one("item_ids")
    items = [text_of(i) for i in ids] if isinstance(ids, list) else text_of(ids).replace("|", ",").split(",")
    kept = tuple(dict.fromkeys(item.strip() for item in items if item.strip()))
    if not text_of(one("collection_id")) or not kept:
        return Refused("collections", "no collection_id" if kept else "no item_ids", where, row)
    collection = Collection(
        text_of(one("collection_id")),
        kept,
        name=text_of(one("name")),
        kind=text_of(one("kind")) or "board",
        user_id=text_of(one("user_id")),
    )
    return CollectionDraft(collection, where)


_RECORD = {"items": _item, "events": _event, "collections": _collection}
