"""A column map proposed for a table, from the names of its columns."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from bowerbird.data.readers.values.actions import parse_action, snake_case

NAMES: Mapping[str, Mapping[str, Sequence[str]]] = {
    "events": {
        "user_id": (
            *("user_id", "userid", "user", "visitor_id", "visitorid", "visitor", "customer_id", "customer"),
            *("client_id", "member_id", "session_user", "uid", "anonymous_id", "kunde", "kundennummer"),
            *("utilisateur", "usuario", "cliente", "who"),
        ),
        "item_id": (
            *("item_id", "itemid", "item", "product_id", "productid", "product", "article_id", "sku"),
            *(
                "asin",
                "movie_id",
                "movieid",
                "track_id",
                "content_id",
                "artikel",
                "artikelnummer",
                "producto",
            ),
            *("produit", "prodotto"),
        ),
        "at": (
            *("at", "timestamp", "event_time", "event_timestamp", "time", "ts", "datetime", "created_at"),
            *("date", "t_dat", "event_date", "order_date"),
        ),
        "action": ("action", "event", "event_type", "event_name", "type", "behavior", "behaviour", "what"),
        "value": ("value", "price", "amount", "rating", "revenue"),
        "session": ("session", "session_id", "user_session", "sessionid"),
        "event_id": ("event_id", "message_id", "id"),
        "surface": ("surface", "page", "placement"),
        "query": ("query", "search_term", "keyword"),
        "position": ("position", "rank"),
    },
    "items": {
        "item_id": (
            *("item_id", "itemid", "id", "product_id", "productid", "sku", "article_id", "asin", "movie_id"),
            *(
                "uniq_id",
                "code",
                "artikelnummer",
                "artikel_nr",
                "referencia",
                "reference",
                "codice",
                "artikelnr",
            ),
        ),
        "title": (
            "title",
            "name",
            "product_name",
            "prod_name",
            "item_name",
            "product_title",
            "product",
            "titel",
            "bezeichnung",
            "artikelname",
            "produktname",
            "titre",
            "nom",
            "nombre",
            "titulo",
            "titolo",
            "nome",
            "naam",
            "namn",
            "navn",
            "nazwa",
        ),
        "description": (
            "description",
            "desc",
            "detail_desc",
            "body",
            "text",
            "plot",
            "summary",
            "beschreibung",
            "descripcion",
            "descrizione",
            "descricao",
            "omschrijving",
            "beskrivning",
        ),
        "image": (
            "image",
            "image_link",
            "image_url",
            "img",
            "picture",
            "photo",
            "image_path",
            "bild",
            "bild_url",
            "image_src",
            "imagen",
            "immagine",
        ),
        "price": (
            "price",
            "current_price",
            "list_price",
            "cost",
            "retail_price",
            "preis",
            "prix",
            "precio",
            "prezzo",
            "preco",
            "prijs",
            "pris",
            "cena",
        ),
        "currency": ("currency", "currency_code", "waehrung", "devise", "moneda", "valuta"),
        "brand": (
            "brand",
            "vendor",
            "manufacturer",
            "maker",
            "store",
            "marke",
            "marque",
            "marca",
            "hersteller",
            "merk",
        ),
        "availability": (
            "availability",
            "in_stock",
            "stock_status",
            "available",
            "stock",
            "quantity",
            "verfuegbarkeit",
            "bestand",
            "lagerbestand",
            "disponibilite",
            "disponibilidad",
            "disponibilita",
        ),
        "created_at": ("created_at", "launch_date", "date_added", "release_date"),
    },
}
"""Usual names of columns, the most certain first, by the fields of a column map."""
CATEGORIES = (
    *("department", "category", "categories", "main_category", "cats", "product_type", "kind"),
    "subcategory",
)
ATTRIBUTES = {
    "color": "colour",
    **{name: name for name in ("colour", "size", "material", "pattern", "style", "gender")},
}


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
