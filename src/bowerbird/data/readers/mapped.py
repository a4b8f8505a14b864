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

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bowerbird.data.collections import Collection
from bowerbird.data.events import ACTIONS, Action, Event
from bowerbird.data.items import Item
from bowerbird.data.readers.fields import price_of, text_of, time_of
from bowerbird.data.readers.records import EventDraft, ItemDraft, Record, Records, Refused
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


def read(paths: Sequence[Path], column_map: Path) -> Records:
    """Rows of the tables that the map names. Raises `InputError` for a map or a table that can't be used."""
    for kind, columns in _read_map(column_map).items():
        named = [name for field in columns.values() for name in _names(field)]
        for path in paths:
            table = path / str(columns["file"]) if path.is_dir() and "file" in columns else path
            need = [name for name in named if name not in (columns.get("file"), *_action_words(columns))]
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
        unknown = [name for name in columns if name not in (*KINDS[kind], "file")]
        lacking = [name for name in MANDATORY[kind] if name not in columns]
        if unknown or lacking:
            raise InputError(
                f"[{kind}] of {path} has unknown fields {unknown} and lacks {lacking}; "
                f"it may have file, {', '.join(KINDS[kind])}"
            )
    return {kind: said[kind] for kind in KINDS if kind in said}


def _names(field: Any) -> list[str]:
    if isinstance(field, dict):
        return [str(name) for name in field.values()]
    return [str(name) for name in field] if isinstance(field, list) else [str(field)]


def _action_words(columns: dict[str, Any]) -> list[str]:
    return [str(word) for word in columns.get("actions", {}).values()]


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
        availability=text_of(one("availability")) or "in_stock",
        created_at=time_of(one("created_at")) if one("created_at") is not None else None,
    )
    return ItemDraft(item, where, picture, ("price is no number",) if text_of(said) and not price else ())


def _picture(said: str, folder: Path) -> Path | str | None:
    return (said if said.startswith(("http://", "https://")) else folder / said) if said else None


def _event(columns: dict[str, Any], row: dict[str, Any], where: str, folder: Path) -> Record:
    def one(name: str) -> Any:
        return row.get(columns[name]) if name in columns else None

    said = text_of(one("action")) or Action.CLICK.value
    word = str(columns.get("actions", {}).get(said, said))
    user, item, at = text_of(one("user_id")), text_of(one("item_id")), time_of(one("at"))
    if not user or not item or at is None:
        reason = "no user_id" if not user else "no item_id" if not item else "no time that can be read"
        return Refused("events", reason, where, row)
    if word not in set(ACTIONS):
        return Refused("events", f"unknown action {word!r}", where, row)
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
            position=int(one("position")) if text_of(one("position")).isdigit() else None,
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
    return Collection(
        text_of(one("collection_id")),
        kept,
        name=text_of(one("name")),
        kind=text_of(one("kind")) or "board",
        user_id=text_of(one("user_id")),
    )


_RECORD = {"items": _item, "events": _event, "collections": _collection}
