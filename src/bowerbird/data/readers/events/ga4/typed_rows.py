"""Rows of Google Analytics' export as typed records; what says nothing about users and items is skipped.

A record holds what `ga4.parse_row` reads. A line that does not fit its types is read as a dict.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from bowerbird.data.events import Action
from bowerbird.data.readers.events.event_lines import EventFields
from bowerbird.data.readers.events.orders import ORDER_ACTIONS, OrderLines, parse_order_id
from bowerbird.data.readers.events.values import Value, decode_typed
from bowerbird.data.readers.values.texts import parse_name


class Item(Struct, gc=False):
    """A product of a row."""

    item_id: Value = None
    price: Value = None
    index: Value | UnsetType = UNSET
    item_list_index: Value = None
    item_list_name: Value = None


class Values(Struct, gc=False, forbid_unknown_fields=True):
    """A parameter's value, in one of these."""

    string_value: Value = None
    int_value: Value = None
    float_value: Value = None
    double_value: Value = None

    def only(self) -> Value | UnsetType:
        """The value; unset where there are several, whose order says which counts."""
        if self.float_value is None and self.double_value is None:
            if self.string_value is None:
                return self.int_value
            return self.string_value if self.int_value is None else UNSET
        values = self.string_value, self.int_value, self.float_value, self.double_value
        present = [value for value in values if value is not None]
        return present[0] if len(present) == 1 else UNSET


class Parameter(Struct, gc=False):
    """A parameter of a row."""

    key: str = ""
    value: Values = msgspec.field(default_factory=Values)


class Ecommerce(Struct, gc=False):
    """The record of an order."""

    transaction_id: Value = None


PARAMETERS = ("ga_session_id", "currency", "transaction_id")
"""Those that say something of events."""


class Row(Struct, gc=False):
    """An exported row. What only rows about items need is decoded for them."""

    event_name: str = ""
    user_id: Value = None
    user_pseudo_id: Value = None
    event_timestamp: int | str | None = None
    event_params: Raw = Raw(b"[]")
    ecommerce: Raw = Raw(b"null")
    items: Raw = Raw(b"[]")

    def events(self, action: Action) -> Sequence[EventFields] | None:
        """The events of a row about items; None where it must be read as a dict."""
        is_order = action in ORDER_ACTIONS
        try:
            items = _decode_items(self.items)
            listed = _decode_parameters(self.event_params) or ()
            order = _decode_order(self.ecommerce) if is_order else None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
        values: dict[str, Value | UnsetType] = {}
        for each in listed:
            if each.key in PARAMETERS and each.key not in values:
                values[each.key] = each.value.only()
        if not items or UNSET in values.values() or not self.event_timestamp:
            return None
        lines = None
        if is_order:
            order_id = parse_order_id(order.transaction_id) if order else ""
            lines = OrderLines(action, order_id or parse_order_id(values.get("transaction_id")))
        user = self.user_id if parse_name(self.user_id) else self.user_pseudo_id
        return self._fields(user, action, items, values, lines)  # type: ignore[arg-type]  # none is unset

    def _fields(
        self,
        user: Value,
        action: Action,
        items: Sequence[Item],
        values: Mapping[str, Value],
        lines: OrderLines | None,
    ) -> Sequence[EventFields]:
        session, currency = values.get("ga_session_id"), values.get("currency")
        stamp = str(self.event_timestamp)
        return [
            (
                user,
                item.item_id,
                action,
                stamp,
                lines.event_id(parse_name(item.item_id)) if lines else None,
                item.price,
                currency,
                session,
                item.item_list_name,
                None,
                item.item_list_index if item.index is UNSET else item.index,
                None,
            )
            for item in items
        ]


_row = msgspec.json.Decoder(Row)
_decode_items = msgspec.json.Decoder(list[Item] | None).decode
_decode_parameters = msgspec.json.Decoder(list[Parameter] | None).decode
_decode_order = msgspec.json.Decoder(Ecommerce | None).decode


def decode_row(line: bytes) -> Row | None:
    """The row of a line; None where it is not of the usual form."""
    return decode_typed(_row, line)
