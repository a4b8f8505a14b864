"""Snowplow's enriched events: tab-separated, without a header, 131 fields.

https://docs.snowplow.io/docs/pipeline/enriched-tsv-format/ gives the order of the fields. Events of the
e-commerce action schema carry their products as context entities; the older schemas (enhanced e-commerce,
add_to_cart, transaction items) are understood too. `domain_userid` (a browser) and `user_id` are joined.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from bowerbird.data.events import Action, Alias, Event
from bowerbird.data.readers.events.orders import OrderLines, parse_order_id
from bowerbird.data.readers.fields import parse_amount, parse_text, parse_time, parse_whole_number
from bowerbird.data.readers.inputs.json_lines import decode_json
from bowerbird.data.readers.inputs.text_files import open_bytes
from bowerbird.data.readers.records import Records, RejectedRow, records_of
from bowerbird.data.readers.values.times import explain_rejection
from bowerbird.errors import InputError

N_FIELDS = 131
MIN_FIELDS = 125
"""Fields up to `derived_tstamp`: pipelines before 2016 wrote fewer."""
_FIELD = {
    "collector_tstamp": 3,
    "event": 5,
    "event_id": 6,
    "user_id": 12,
    "domain_userid": 15,
    "network_userid": 17,
    "contexts": 52,
    "unstruct_event": 58,
    "ti_orderid": 67,
    "ti_sku": 68,
    "ti_price": 71,
    "domain_sessionid": 123,
    "derived_tstamp": 124,
    "true_tstamp": 130,
}
ACTION_OF = {
    "product_view": Action.VIEW,
    "list_view": Action.IMPRESSION,
    "list_click": Action.CLICK,
    "add_to_cart": Action.ADD_TO_CART,
    "remove_from_cart": Action.REMOVE,
    "transaction": Action.PURCHASE,
    "refund": Action.REFUND,
}
ACTION_OF_ENHANCED = {
    "detail": Action.VIEW,
    "view": Action.IMPRESSION,
    "click": Action.CLICK,
    "add": Action.ADD_TO_CART,
    "remove": Action.REMOVE,
    "purchase": Action.PURCHASE,
    "refund": Action.REFUND,
}
_PRODUCTS = ("product", "productFieldObject")
_ORDERS = ("transaction", "refund", "actionFieldObject")


def read(paths: Sequence[Path]) -> Records:
    """Read the events of enriched files. Raises `InputError` for a file without a row of that form."""
    for path in paths:
        n_rows = n_valid = 0
        for location, fields in _read_lines(path):
            n_rows += 1
            if len(fields) < MIN_FIELDS:
                reason = f"{len(fields)} fields, expected {N_FIELDS}"
                yield RejectedRow("events", reason, location, "\t".join(fields)[:500])
                continue
            n_valid += 1
            yield from _records(fields, location)
        if n_rows and not n_valid:
            raise InputError(
                f"{path} has no row of {N_FIELDS} tab-separated fields: is it an enriched Snowplow file?"
            )


def _read_lines(path: Path) -> Iterator[tuple[str, list[str]]]:
    with open_bytes(path) as file:
        for number, line in enumerate(file, start=1):
            text = line.decode(errors="replace")
            if text.strip():
                yield f"{path.name}:{number}", text.rstrip("\r\n").split("\t")


def _records(fields: list[str], location: str) -> Records:
    name = _value(fields, "event") or "unnamed"
    for record in records_of(parse_events(fields), location, fields, f"{name} event"):
        if isinstance(record, RejectedRow):
            row = {name: fields[index] for name, index in _FIELD.items() if index < len(fields)}
            record = replace(record, row=row)
        yield record


@dataclass(frozen=True)
class _Base:
    """What the events of one row share."""

    user: str
    at: datetime
    event_id: str
    session: str | None


def parse_events(fields: list[str]) -> Iterator[Event | Alias | str]:
    """The events of one row's fields and the alias of its user, or the reasons why it has none."""
    user, device = (
        _value(fields, "user_id"),
        _value(fields, "domain_userid") or _value(fields, "network_userid"),
    )
    if user and device and user != device:
        yield Alias(device, user)
    stamp = next((text for name in _TIMES if (text := _value(fields, name))), "")
    at = parse_time(stamp) if stamp else None
    action, products, order = _interaction(fields)
    if action is None:
        return
    if isinstance(action, str) and not isinstance(action, Action):
        yield action
    elif not user and not device:
        yield "no user_id and no domain_userid"
    elif at is None:
        yield "no time that can be read" + explain_rejection(stamp)
    elif not products:
        yield "no product"
    else:
        session = _value(fields, "domain_sessionid") or None
        base = _Base(user or device, at, _value(fields, "event_id"), session)
        lines = OrderLines(Action(action), order)
        for index, product in enumerate(products):
            yield _event(base, Action(action), product, index, lines)


_TIMES = ("true_tstamp", "derived_tstamp", "collector_tstamp")


def _event(
    base: _Base, action: Action, product: dict[str, Any], index: int, lines: OrderLines
) -> Event | str:
    item = parse_text(product.get("id")) or parse_text(product.get("sku"))
    if not item:
        return "no product id"
    return Event(
        user_id=base.user,
        item_id=item,
        action=action,
        at=base.at,
        event_id=lines.event_id(item) or (f"{base.event_id}/{index}" if base.event_id else ""),
        value=parse_amount(product.get("price"), parse_text(product.get("currency"))),
        session=base.session,
        surface=parse_text(product.get("list")) or None,
        position=parse_whole_number(product.get("position")),
    )


def _interaction(fields: list[str]) -> tuple[Action | str | None, list[dict[str, Any]], str]:
    """What was done, the products, and the order's id; (None, …) for a row that says nothing about items."""
    if _value(fields, "event") == "transaction_item":
        product = {"id": _value(fields, "ti_sku"), "price": _value(fields, "ti_price") or None}
        return Action.PURCHASE, [product], parse_order_id(_value(fields, "ti_orderid"))
    text = _value(fields, "unstruct_event")
    if not text:
        return None, [], ""
    wrapper = decode_json(text.encode())
    inner = wrapper.get("data") if isinstance(wrapper, dict) else None
    data = inner.get("data") if isinstance(inner, dict) else None
    if not isinstance(inner, dict) or not isinstance(data, dict):
        return "unstruct_event is not self-describing JSON", [], ""
    name = _schema_name(inner)
    if name in ("add_to_cart", "remove_from_cart"):
        product = {"id": data.get("sku"), "price": data.get("unitPrice", data.get("unit_price"))}
        return ACTION_OF[name], [product], ""
    actions = {"snowplow_ecommerce_action": ACTION_OF, "action": ACTION_OF_ENHANCED}.get(name, {})
    action = actions.get(parse_text(data.get("type") or data.get("action")).lower())
    if action is None:
        return None, [], ""
    entities = _entities(_value(fields, "contexts"))
    shown_in = parse_text(data.get("name"))
    products = [{"list": shown_in, **entity} for schema, entity in entities if schema in _PRODUCTS]
    orders = [entity for schema, entity in entities if schema in _ORDERS]
    ids = [parse_order_id(order.get("transaction_id") or order.get("id")) for order in orders]
    return action, products, next((order_id for order_id in ids if order_id), "")


def _entities(text: str) -> list[tuple[str, dict[str, Any]]]:
    """Schema names and data of the context entities."""
    wrapper = decode_json(text.encode()) if text else None
    entities = wrapper.get("data") if isinstance(wrapper, dict) else None
    return [
        (_schema_name(entity), entity["data"])
        for entity in (entities if isinstance(entities, list) else [])
        if isinstance(entity, dict) and isinstance(entity.get("data"), dict)
    ]


def _schema_name(record: dict[str, Any]) -> str:
    """The name in a schema's address, iglu:VENDOR/NAME/jsonschema/VERSION."""
    parts = parse_text(record.get("schema")).split("/")
    return parts[1] if len(parts) > 1 else ""


def _value(fields: list[str], name: str) -> str:
    index = _FIELD[name]
    return fields[index].strip() if index < len(fields) else ""
