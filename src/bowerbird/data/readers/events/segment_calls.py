"""Calls of trackers as typed records: several times as fast to decode as dicts.

A record holds what `segment.parse_call` reads. A line that does not fit its types is no such call: it is read
as a dict.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from bowerbird.data.events import Action
from bowerbird.data.readers.events.event_lines import EventFields
from bowerbird.data.readers.events.orders import ORDER_ACTIONS, OrderLines, parse_order_id
from bowerbird.data.readers.events.values import Value, decode_typed
from bowerbird.data.readers.fields import parse_text
from bowerbird.data.readers.values.actions import snake_case

Field = Value | UnsetType


def event_name(value: Any) -> str:
    """The name of an event as the specification writes it, in small letters.

    >>> event_name("product_viewed"), event_name("ProductViewed"), event_name("Product Viewed")
    ('product viewed', 'product viewed', 'product viewed')
    """
    return snake_case(parse_text(value)).replace("_", " ")


class Product(Struct, gc=False):
    """A product in a list; what it does not have is that of the call's properties."""

    product_id: Field = UNSET
    sku: Field = UNSET
    price: Field = UNSET
    currency: Field = UNSET
    session_id: Field = UNSET
    list_id: Field = UNSET
    query: Field = UNSET
    position: Field = UNSET
    recommendation_id: Field = UNSET


class Properties(Struct, gc=False):
    """The properties of a call about one product, or about those in its list."""

    product_id: Value = None
    sku: Value = None
    price: Value = None
    currency: Value = None
    session_id: Value = None
    list_id: Value = None
    query: Value = None
    position: Value = None
    recommendation_id: Value = None
    order_id: Value = None
    transaction_id: Value = None
    products: list[Product] = []
    wishlist_name: Value = None
    board_name: Value = None
    board: Value = None

    @property
    def names_board(self) -> bool:
        """Whether the product was put on a board."""
        return not (self.wishlist_name is None and self.board_name is None and self.board is None)

    def of_product(self, product: Product) -> Properties:
        """The properties with those of a product in their place."""
        return Properties(
            self.product_id if product.product_id is UNSET else product.product_id,
            self.sku if product.sku is UNSET else product.sku,
            self.price if product.price is UNSET else product.price,
            self.currency if product.currency is UNSET else product.currency,
            self.session_id if product.session_id is UNSET else product.session_id,
            self.list_id if product.list_id is UNSET else product.list_id,
            self.query if product.query is UNSET else product.query,
            self.position if product.position is UNSET else product.position,
            self.recommendation_id if product.recommendation_id is UNSET else product.recommendation_id,
        )


_NONE = Properties()


class Call(Struct, gc=False):
    """A call, without what says nothing about users and items."""

    type: str = "track"
    event: str | None = None
    user: Value = msgspec.field(default=None, name="userId")
    anonymous: Value = msgspec.field(default=None, name="anonymousId")
    message_id: Value = msgspec.field(default=None, name="messageId")
    timestamp: str | None = None
    original_timestamp: str | None = msgspec.field(default=None, name="originalTimestamp")
    sent_at: str | None = msgspec.field(default=None, name="sentAt")
    received_at: str | None = msgspec.field(default=None, name="receivedAt")
    properties: Properties | None = None
    batch: None = None
    """Senders post several calls as one, see `calls_of`; what is left of these is not a call."""

    def events(self, action: Action, is_list: bool) -> Sequence[EventFields] | str | None:
        """The events of a call about products; None where it must be read as a dict."""
        properties = self.properties or _NONE
        stamp = self.timestamp or self.original_timestamp or self.sent_at or self.received_at
        if not stamp or (action is Action.SAVE and properties.names_board):
            return None
        user = self.anonymous if self.user is None or self.user == "" else self.user
        if not is_list:
            return [_fields(user, action, stamp, self.message_id, properties, None)]
        if not properties.products:
            return None
        lines = None
        if action in ORDER_ACTIONS:
            lines = OrderLines(action, parse_order_id(properties.order_id or properties.transaction_id))
        message_id, has_several = parse_text(self.message_id), len(properties.products) > 1
        events = []
        for index, product in enumerate(properties.products):
            own_id = f"{message_id}/{index}" if message_id and has_several else message_id
            events.append(_fields(user, action, stamp, own_id, properties.of_product(product), lines))
        return events


def _fields(
    user: Value, action: Action, stamp: str, own_id: Value, product: Properties, lines: OrderLines | None
) -> EventFields:
    item = product.sku if product.product_id is None or product.product_id == "" else product.product_id
    return (
        user,
        item,
        action,
        stamp,
        (lines and lines.event_id(parse_text(item))) or own_id,
        product.price,
        product.currency,
        product.session_id,
        product.list_id,
        product.query,
        product.position,
        product.recommendation_id,
    )


_call = msgspec.json.Decoder(Call)


def decode_call(line: bytes) -> Call | None:
    """The call of a line; None where it is not of the usual form."""
    return decode_typed(_call, line)


class Batch(Struct, gc=False, omit_defaults=True):
    """Several calls that were posted as one, with the times that they share."""

    batch: list[Raw] = []
    timestamp: Raw | UnsetType = UNSET
    original_timestamp: Raw | UnsetType = msgspec.field(default=UNSET, name="originalTimestamp")
    sent_at: Raw | UnsetType = msgspec.field(default=UNSET, name="sentAt")
    received_at: Raw | UnsetType = msgspec.field(default=UNSET, name="receivedAt")


_batch = msgspec.json.Decoder(Batch)


BATCH = b'"batch"'
"""What a line holds that may be a batch."""


def calls_of(line: bytes) -> list[bytes]:
    """The calls of a line: those of a batch, each with the times that they share, or the line itself.

    >>> calls_of(b'{"batch": [{"userId": "ann"}, {}, 7], "sentAt": "2026-01-02"}')
    [b'{"sentAt":"2026-01-02","userId": "ann"}', b'{"sentAt":"2026-01-02"}', b'7']
    """
    batch = decode_typed(_batch, line)
    if batch is None or not batch.batch:
        return [line]
    calls = [bytes(call) for call in batch.batch]
    batch.batch = []
    shared = msgspec.json.encode(batch)
    return calls if shared == b"{}" else [_with_shared(shared, call) for call in calls]


def _with_shared(shared: bytes, call: bytes) -> bytes:
    """A call after the fields that it shares with others: of a name that comes twice the last counts."""
    if not call.startswith(b"{"):
        return call
    own = call[1:].lstrip()
    return shared if own == b"}" else shared[:-1] + b"," + own
