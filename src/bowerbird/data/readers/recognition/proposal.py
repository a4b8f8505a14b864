"""A column map proposed for a table, from the names of its columns."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from bowerbird.data.readers.recognition.column_names import ATTRIBUTES, CATEGORIES, NAMES
from bowerbird.data.readers.values.actions import parse_action, snake_case


def propose_column_map(columns: Sequence[str], action_names: Sequence[str] = ()) -> str:
    """TOML of a column map for a table; empty where its columns name neither events nor items.

    `action_names` are values of the column of actions.

    >>> print(propose_column_map(["visitor", "sku", "ts"]))
    [events]
    user_id = "visitor"
    item_id = "sku"
    at = "ts"
    <BLANKLINE>
    """
    by_name = {snake_case(name): name for name in reversed(columns)}
    events = _matches(by_name, "events")
    if {"user_id", "item_id", "at"} <= events.keys():
        known = {
            name: str(action) for name in action_names if (action := parse_action(name)) not in (None, name)
        }
        return _table("events", events) + (_table("events.actions", known) if "action" in events else "")
    items = _matches(by_name, "items")
    if "item_id" not in items or not items.keys() & {"title", "image"}:
        return ""
    levels = [by_name[name] for name in CATEGORIES if name in by_name]
    category = f"category = [{', '.join(map(_quoted, levels))}]\n" if levels else ""
    attributes = {title: by_name[name] for name, title in ATTRIBUTES.items() if name in by_name}
    return _table("items", items) + category + _table("items.attributes", attributes)


def action_column(columns: Sequence[str]) -> str:
    """The column that a proposal takes for the action; empty where there is none."""
    by_name = {snake_case(name): name for name in reversed(columns)}
    return _matches(by_name, "events").get("action", "")


def _matches(by_name: Mapping[str, str], kind: str) -> dict[str, str]:
    """Columns by fields; no column stands for two fields."""
    matches: dict[str, str] = {}
    for field, names in NAMES[kind].items():
        present = (by_name[name] for name in names if name in by_name)
        free = (column for column in present if column not in matches.values())
        if (column := next(free, None)) is not None:
            matches[field] = column
    return matches


def _table(name: str, values: Mapping[str, str]) -> str:
    if not values:
        return ""
    lines = (f"{_key(key)} = {_quoted(value)}\n" for key, value in values.items())
    return f"[{name}]\n{''.join(lines)}"


def _key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else _quoted(key)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c >= " " else f"\\u{ord(c):04x}" for c in escaped) + '"'
