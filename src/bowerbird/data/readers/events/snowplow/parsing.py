"""Snowplow's enriched events: tab-separated, without a header, 131 fields.

https://docs.snowplow.io/docs/pipeline/enriched-tsv-format/ gives the order of the fields. Events of the
e-commerce action schema carry their products as context entities; the older schemas (enhanced e-commerce,
add_to_cart, transaction items) are understood too. `domain_userid` (a browser) and `user_id` are joined.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bowerbird.data.events import Action, Alias, Event
from bowerbird.data.readers.events.orders import OrderLines, parse_order_id
from bowerbird.data.readers.events.snowplow.typed_rows import (
    ACTION_OF,
    ACTIONS_OF,
    CARTS,
    ORDERS,
    PRODUCTS,
    schema_name,
)
from bowerbird.data.readers.events.values import amount_of, rank_of
from bowerbird.data.readers.fields import parse_text, parse_time
from bowerbird.data.readers.inputs.json_lines import decode_json
from bowerbird.data.readers.records import (
    Parsed,
    ParsedEvent,
)
from bowerbird.data.readers.values.texts import parse_name
from bowerbird.data.readers.values.times import explain_rejection

N_FIELDS = 131
MIN_FIELDS = 125
"""Fields up to `derived_tstamp`: pipelines before 2016 wrote fewer."""
FIELD = {
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


def fields_of(line: bytes) -> list[str]:
    """The fields of a row."""
    return line.decode(errors="replace").rstrip("\r\n").split("\t")


@dataclass(frozen=True)
class _Base:
    """What the events of one row share."""

    user: str
    at: datetime
    event_id: str
    session: str | None


def parse_row(fields: list[str]) -> Iterator[Parsed]:
    """The events of one row's fields and the alias of its user, or the reasons why it has none."""
    user, device = (
        parse_name(value_of(fields, "user_id")),
        parse_name(value_of(fields, "domain_userid")) or parse_name(value_of(fields, "network_userid")),
    )
    if user and device and user != device:
        yield Alias(device, user)
    stamp = next((text for name in TIMES if (text := value_of(fields, name))), "")
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
        session = value_of(fields, "domain_sessionid") or None
        base = _Base(user or device, at, value_of(fields, "event_id"), session)
        lines = OrderLines(Action(action), order)
        for index, product in enumerate(products):
            yield _event(base, Action(action), product, index, lines)


TIMES = ("true_tstamp", "derived_tstamp", "collector_tstamp")


def _event(
    base: _Base, action: Action, product: dict[str, Any], index: int, lines: OrderLines
) -> ParsedEvent | str:
    item = parse_name(product.get("id")) or parse_name(product.get("sku"))
    if not item:
        return "no product id"
    value, unread_price = amount_of("price", product.get("price"), product.get("currency"))
    position, unread_rank = rank_of("position", product.get("position"))
    event = Event(
        user_id=base.user,
        item_id=item,
        action=action,
        at=base.at,
        event_id=lines.event_id(item) or (f"{base.event_id}/{index}" if base.event_id else ""),
        value=value,
        session=base.session,
        surface=parse_name(product.get("list")) or None,
        position=position,
    )
    return ParsedEvent(event, unread_price + unread_rank)


def _interaction(fields: list[str]) -> tuple[Action | str | None, list[dict[str, Any]], str]:
    """What was done, the products, and the order's id; (None, …) for a row that says nothing about items."""
    if value_of(fields, "event") == "transaction_item":
        product = {"id": value_of(fields, "ti_sku"), "price": value_of(fields, "ti_price") or None}
        return Action.PURCHASE, [product], parse_order_id(value_of(fields, "ti_orderid"))
    text = value_of(fields, "unstruct_event")
    if not text:
        return None, [], ""
    wrapper = decode_json(text.encode())
    inner = wrapper.get("data") if isinstance(wrapper, dict) else None
    data = inner.get("data") if isinstance(inner, dict) else None
    if not isinstance(inner, dict) or not isinstance(data, dict):
        return "unstruct_event is not self-describing JSON", [], ""
    name = schema_name(inner.get("schema"))
    if name in CARTS:
        product = {"id": data.get("sku"), "price": data.get("unitPrice", data.get("unit_price"))}
        return ACTION_OF[name], [product], ""
    action = ACTIONS_OF.get(name, {}).get(parse_text(data.get("type") or data.get("action")).lower())
    if action is None:
        return None, [], ""
    entities = _entities(value_of(fields, "contexts"))
    shown_in = parse_text(data.get("name"))
    products = [{"list": shown_in, **entity} for schema, entity in entities if schema in PRODUCTS]
    orders = [entity for schema, entity in entities if schema in ORDERS]
    ids = [parse_order_id(order.get("transaction_id") or order.get("id")) for order in orders]
    return action, products, next((order_id for order_id in ids if order_id), "")


def _entities(text: str) -> list[tuple[str, dict[str, Any]]]:
    """Schema names and data of the context entities."""
    wrapper = decode_json(text.encode()) if text else None
    entities = wrapper.get("data") if isinstance(wrapper, dict) else None
    return [
        (schema_name(entity.get("schema")), entity["data"])
        for entity in (entities if isinstance(entities, list) else [])
        if isinstance(entity, dict) and isinstance(entity.get("data"), dict)
    ]


def value_of(fields: list[str], name: str) -> str:
    """A field by its name; empty where the row ends before it."""
    index = FIELD[name]
    return fields[index].strip() if index < len(fields) else ""
