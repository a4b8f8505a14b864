"""Rows of other catalogues as rows of the Google product feed, whose reader makes the items.

One place makes items of feeds; a layout only says which of its fields is which.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from bowerbird.data.readers.fields import parse_text

PRICES = ("price", "sale_price")
FeedRow = dict[str, list[str]]
"""Values by the feed's field names."""


def feed_row(fields: Mapping[str, Any], details: Iterable[tuple[str, Any]] = ()) -> FeedRow:
    """A row of the feed: texts and lists of texts by field names, and further attributes by their own.

    >>> feed_row({"id": 7, "title": " Lamp ", "gtin": None}, [("shade", "linen")])
    {'id': ['7'], 'title': ['Lamp'], 'product_detail': ['General:shade:linen']}
    """
    written = {name: decimal_text(value) if name in PRICES else value for name, value in fields.items()}
    if isinstance(fields.get("availability"), bool):
        written["availability"] = str(fields["availability"]).lower()
    row = {name: texts for name, value in written.items() if (texts := texts_of(value))}
    attributes = [
        f"General:{name.replace(':', ' ')}:{text.replace(':', ' ')}"
        for name, value in details
        if name and (text := ", ".join(texts_of(value)))
    ]
    return row | ({"product_detail": attributes} if attributes else {})


def texts_of(value: Any) -> list[str]:
    """The texts of a value or of a list of values; missing and empty ones are left out."""
    values = value if isinstance(value, list | tuple) else [value]
    return [text for text in map(parse_text, values) if text]


def first_text(*values: Any) -> str:
    """The first value that is a text or a number."""
    return next((text for value in values for text in texts_of(value)), "")


def decimal_text(value: Any) -> Any:
    """A fraction as a text with one reading; anything else as it is.

    As a text, 24.567 may be thousands; a number of JSON or of a table can't.

    >>> decimal_text(24.567), decimal_text("24.567"), decimal_text(5.25)
    ('24.5670', '24.567', '5.25')
    """
    if not isinstance(value, float | Decimal) or not math.isfinite(value) or value == int(value):
        return value
    text = f"{Decimal(str(value)):f}"
    return f"{text}0" if text[-4:-3] == "." else text


def money(amount: Any, currency: Any) -> str:
    """A price as the feed writes it; empty without an amount."""
    text = parse_text(decimal_text(amount))
    return f"{text} {parse_text(currency)}".strip() if text else ""
