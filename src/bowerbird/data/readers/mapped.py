"""Parquet and CSV files with a column map: your own tables, described in TOML.

[items]                       # or [events], [collections]; each file has one kind
file = "articles.csv"         # inside the given folder; omitted where a file is given
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
[events.actions]              # your names -> impression, view, click, save, add_to_cart, purchase, hide
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
from bowerbird.data.readers.fields import (
    parse_availability,
    parse_price,
    parse_text,
    parse_time,
    parse_whole_number,
)
from bowerbird.data.readers.records import (
    CollectionDraft,
    EventDraft,
    ItemDraft,
    Record,
    Records,
    RejectedRow,
)
from bowerbird.data.readers.tables import read_rows
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
    """Read the tables of a column map. Raises `InputError` for an invalid map or table."""
    for kind, columns in _read_map(column_map).items():
        need = [
            name
            for field, columns_of_field in columns.items()
            if field not in ("file", "actions")
            for name in _column_names(columns_of_field)
        ]
        for path in paths:
            table = path / columns["file"] if path.is_dir() and "file" in columns else path
            if "file" in columns and len(paths) > 1 and table.name != Path(columns["file"]).name:
                continue  # a file of another kind
            for location, row in read_rows(table, need):
                yield _RECORD[kind](columns, row, location, table.parent)


def _read_map(path: Path) -> dict[str, dict[str, Any]]:
    try:
        mapping = tomllib.loads(path.read_text())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"the column map {path} can't be read ({error})") from None
    if not mapping or any(kind not in KINDS for kind in mapping):
        raise InputError(
            f"the column map {path} has {', '.join(mapping) or 'nothing'}; it may have {', '.join(KINDS)}"
        )
    for kind, columns in mapping.items():
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
            if not _is_valid_entry(field, value):
                raise InputError(
                    f"{field} of [{kind}] in {path} is {value!r}; expected {_expected_entry(field)}"
                )
    return {kind: mapping[kind] for kind in KINDS if kind in mapping}


def _column_names(field: Any) -> list[str]:
    if isinstance(field, dict):
        return [str(name) for name in field.values()]
    return [str(name) for name in field] if isinstance(field, list) else [str(field)]


def _is_valid_entry(field: str, value: Any) -> bool:
    if field in ("attributes", "actions"):
        return isinstance(value, dict) and all(isinstance(column, str) for column in value.values())
    if field == "category" and isinstance(value, list):
        return all(isinstance(column, str) for column in value)
    return isinstance(value, str)


def _expected_entry(field: str) -> str:
    if field == "actions":
        return "a table of your action names and bowerbird's"
    if field == "attributes":
        return "a table of attributes and columns"
    return "a column's name, or a list of them" if field == "category" else "one name in quotes"


def _item(columns: dict[str, Any], row: dict[str, Any], location: str, folder: Path) -> Record:
    def value_of(name: str) -> Any:
        return row.get(columns[name]) if name in columns else None

    item_id = parse_text(value_of("item_id"))
    if not item_id:
        return RejectedRow("items", "no item_id", location, row)
    price_text = value_of("price")
    price = parse_price(price_text) if parse_text(price_text) else None
    image = value_of("image")
    picture = image if isinstance(image, bytes | None) else _picture(parse_text(image), folder)
    item = Item(
        item_id=item_id,
        title=parse_text(value_of("title")),
        description=parse_text(value_of("description")),
        price=price[0] if price else None,
        currency=parse_text(value_of("currency")) or (price[1] if price else ""),
        brand=parse_text(value_of("brand")),
        category=tuple(
            parse_text(row[name])
            for name in _column_names(columns.get("category", []))
            if parse_text(row[name])
        ),
        attributes={
            name: parse_text(row[column])
            for name, column in columns.get("attributes", {}).items()
            if parse_text(row[column])
        },
        availability=parse_availability(value_of("availability")),
        created_at=parse_time(value_of("created_at")) if value_of("created_at") is not None else None,
    )
    return ItemDraft(
        item, location, picture, ("price is not a number",) if parse_text(price_text) and not price else ()
    )


def _picture(link: str, folder: Path) -> Path | str | None:
    return (link if link.startswith(("http://", "https://")) else folder / link) if link else None


def _event(columns: dict[str, Any], row: dict[str, Any], location: str, folder: Path) -> Record:
    def value_of(name: str) -> Any:
        return row.get(columns[name]) if name in columns else None

    action_name = parse_text(value_of("action")) or Action.CLICK.value
    bowerbird_name: str = columns.get("actions", {}).get(action_name, action_name)
    user, item, at = (
        parse_text(value_of("user_id")),
        parse_text(value_of("item_id")),
        parse_time(value_of("at")),
    )
    if not user or not item or at is None:
        reason = "no user_id" if not user else "no item_id" if not item else "no time that can be read"
        return RejectedRow("events", reason, location, row)
    if bowerbird_name not in set(ACTIONS):
        return RejectedRow("events", f"unknown action {bowerbird_name[:40]!r}", location, row)
    value = parse_price(value_of("value")) if value_of("value") is not None else None
    return EventDraft(
        Event(
            user_id=user,
            item_id=item,
            action=Action(bowerbird_name),
            at=at,
            event_id=parse_text(value_of("event_id")),
            value=value[0] if value else None,
            session=parse_text(value_of("session")) or None,
            surface=parse_text(value_of("surface")) or None,
            query=parse_text(value_of("query")) or None,
            position=parse_whole_number(value_of("position")),
        ),
        location,
    )


def _collection(columns: dict[str, Any], row: dict[str, Any], location: str, folder: Path) -> Record:
    def value_of(name: str) -> Any:
        return row.get(columns[name]) if name in columns else None

    ids = value_of("item_ids")
    items = (
        [parse_text(item_id) for item_id in ids]
        if isinstance(ids, list)
        else parse_text(ids).replace("|", ",").split(",")
    )
    item_ids = tuple(dict.fromkeys(item.strip() for item in items if item.strip()))
    if not parse_text(value_of("collection_id")) or not item_ids:
        return RejectedRow("collections", "no collection_id" if item_ids else "no item_ids", location, row)
    collection = Collection(
        parse_text(value_of("collection_id")),
        item_ids,
        name=parse_text(value_of("name")),
        kind=parse_text(value_of("kind")) or "board",
        user_id=parse_text(value_of("user_id")),
    )
    return CollectionDraft(collection, location)


_RECORD = {"items": _item, "events": _event, "collections": _collection}
