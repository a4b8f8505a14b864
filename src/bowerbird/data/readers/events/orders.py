"""Ids of events that belong to an order: a transaction counts once, however often and wherever it is sent.

A thank-you page that is loaded again, a browser and a server that both report an order, an export that
overlaps the last one: each says the same `transaction_id`, with other message ids and times.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from bowerbird.data.events import Action
from bowerbird.data.readers.values.texts import parse_name

ORDER_ACTIONS = (Action.PURCHASE, Action.REFUND)


def parse_order_id(value: Any) -> str:
    """The id of an order; empty for what stands for none.

    >>> parse_order_id(4711), parse_order_id("(not set)")
    ('4711', '')
    """
    text = parse_name(value)
    return "" if text == "0" else text


class OrderLines:
    """Event ids of the lines of one message about an order; equal items get numbers."""

    def __init__(self, action: Action, order_id: str) -> None:
        self._prefix = f"{action}/{order_id}" if order_id and action in ORDER_ACTIONS else ""
        self._copies: Counter[str] = Counter()

    def event_id(self, item_id: str) -> str:
        """The id of the next line's event; empty where the message names no order.

        >>> lines = OrderLines(Action.PURCHASE, "7")
        >>> lines.event_id("lamp"), lines.event_id("lamp")
        ('purchase/7/lamp', 'purchase/7/lamp/2')
        """
        if not self._prefix:
            return ""
        self._copies[item_id] += 1
        copy = self._copies[item_id]
        return f"{self._prefix}/{item_id}" + (f"/{copy}" if copy > 1 else "")
