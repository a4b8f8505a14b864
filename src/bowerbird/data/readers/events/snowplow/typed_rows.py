"""The self-describing JSON of Snowplow's rows as typed records.

A record holds what `snowplow.parse_row` reads. JSON that does not fit its types is read as dicts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from bowerbird.data.events import Action
from bowerbird.data.readers.events.event_lines import EventFields
from bowerbird.data.readers.events.orders import OrderLines, parse_order_id
from bowerbird.data.readers.events.values import Value
from bowerbird.data.readers.fields import parse_name, parse_text

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
ACTIONS_OF: Mapping[str, Mapping[str, Action]] = {
    "snowplow_ecommerce_action": ACTION_OF,
    "action": ACTION_OF_ENHANCED,
}
CARTS = ("add_to_cart", "remove_from_cart")
"""Schemas of events about one product, which they hold themselves."""
PRODUCTS = ("product", "productFieldObject")
ORDERS = ("transaction", "refund", "actionFieldObject")


@lru_cache(4096)
def _name_of(address: str) -> str:
    parts = address.split("/")
    return parts[1] if len(parts) > 1 else ""


def schema_name(address: Any) -> str:
    """The name in a schema's address.

    >>> schema_name("iglu:com.example/product/jsonschema/1-0-0"), schema_name(None)
    ('product', '')
    """
    return _name_of(parse_text(address))


class Product(Struct, gc=False):
    """A product entity."""

    id: Value = None
    sku: Value = None
    price: Value = None
    currency: Value = None
    list: Value | UnsetType = UNSET
    position: Value = None


class Order(Struct, gc=False):
    """A transaction entity."""

    transaction_id: Value = None
    id: Value = None


class Entity(Struct, gc=False):
    """A context entity; its data is decoded where it is about products."""

    schema: str = ""
    data: Raw = Raw(b"null")


class Contexts(Struct, gc=False):
    """The context entities of a row."""

    data: list[Entity] | None = None


class ActionData(Struct, gc=False):
    """What was done."""

    type: Value = None
    action: Value = None
    name: Value = None


class SelfDescribing(Struct, gc=False):
    """An event and its schema; its data is decoded where it is about products."""

    schema: str
    data: Raw


class Unstructured(Struct, gc=False):
    """The event of a row."""

    data: SelfDescribing


class Interaction(NamedTuple):
    """What a row says about products; no action where it says nothing."""

    action: Action | None
    products: Sequence[Product] = ()
    order_id: str = ""
    shown_in: str = ""

    def with_entities(self, entities: Sequence[Entity] | None) -> Interaction:
        """The same with the products and the order of some entities."""
        products, order_id = [], ""
        for entity in entities or ():
            name = _name_of(entity.schema.strip())
            if name in PRODUCTS:
                products.append(_decode_product(entity.data))
            elif name in ORDERS:
                order = _decode_order(entity.data)
                order_id = order_id or parse_order_id(order.transaction_id or order.id)
        return Interaction(self.action, products, order_id, self.shown_in)

    def events(self, user: str, stamp: str, event_id: str, session: str) -> Sequence[EventFields] | None:
        """The events of a row of the usual form; None where it must be read one by one."""
        if not self.products or not stamp or self.action is None:
            return None
        lines = OrderLines(self.action, self.order_id) if self.order_id else None
        events: list[EventFields] = []
        for index, product in enumerate(self.products):
            item = parse_name(product.id) or parse_name(product.sku)
            own_id = f"{event_id}/{index}" if event_id else ""
            events.append(
                (
                    user,
                    item,
                    self.action,
                    stamp,
                    (lines and lines.event_id(item)) or own_id,
                    product.price,
                    product.currency,
                    session,
                    self.shown_in if product.list is UNSET else product.list,
                    None,
                    product.position,
                    None,
                )
            )
        return events


_NOTHING = Interaction(None)
_decode_event = msgspec.json.Decoder(Unstructured).decode
_decode_action = msgspec.json.Decoder(ActionData).decode
_decode_contexts = msgspec.json.Decoder(Contexts).decode
_decode_product = msgspec.json.Decoder(Product).decode
_decode_order = msgspec.json.Decoder(Order).decode


def decode_interaction(event: str, contexts: str) -> Interaction | None:
    """What a row's event and contexts say; None where they must be read as dicts."""
    if not event:
        return _NOTHING
    action = _action_of(event)
    if action is None or action.action is None:
        return action
    try:
        return action.with_entities(_decode_contexts(contexts).data if contexts else None)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


@lru_cache(4096)
def _action_of(event: str) -> Interaction | None:
    """What an event says without its contexts: few distinct texts."""
    try:
        described = _decode_event(event).data
        name, data = schema_name(described.schema), _decode_action(described.data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    action = ACTIONS_OF.get(name, {}).get(parse_text(data.type or data.action).lower())
    return None if name in CARTS else Interaction(action, shown_in=parse_text(data.name))
