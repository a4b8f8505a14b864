"""Values of single events, and what is listed where they can't be read."""

from __future__ import annotations

from typing import Any

from bowerbird.data.readers.fields import parse_text, parse_whole_number
from bowerbird.data.readers.values.outcomes import Rejection, Repair
from bowerbird.data.readers.values.prices import parse_price

NO_VALUE = frozenset({"", "(not set)", "null", "none", "undefined", "nan", "n/a", "-"})
"""What trackers send in place of a value that they do not have."""
NO_RANK = "is no whole number"
Repairs = tuple[Repair, ...]


def amount_of(field: str, value: Any, currency: Any = None) -> tuple[float | None, Repairs]:
    """The amount of a price; one that can't be read is listed.

    >>> amount_of("price", "12,50 €"), amount_of("price", "(not set)")
    ((12.5, ()), (None, ()))
    """
    price = parse_price(value, parse_text(currency))
    if not isinstance(price, Rejection):
        return price.amount if price else None, ()
    return None, _listed(field, value, price.reason)


def rank_of(field: str, value: Any) -> tuple[int | None, Repairs]:
    """The rank in a list; what is no whole number is listed."""
    rank = parse_whole_number(value)
    return rank, () if rank is not None else _listed(field, value, NO_RANK)


def _listed(field: str, value: Any, reason: str) -> Repairs:
    is_missing = value is None or (isinstance(value, str) and value.strip().lower() in NO_VALUE)
    return () if is_missing else (Repair.of(field, value, reason),)
