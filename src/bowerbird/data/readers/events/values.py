"""Values of single events, and what is listed where they can't be read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import msgspec
import numpy as np

from bowerbird.data.arrays import BoolArray
from bowerbird.data.readers.fields import parse_text, parse_whole_number
from bowerbird.data.readers.values.outcomes import Rejection, Repair
from bowerbird.data.readers.values.prices import parse_price
from bowerbird.data.readers.values.texts import is_null

NO_RANK = "is no whole number"
Repairs = tuple[Repair, ...]
T = TypeVar("T")
Value = str | int | float | None
"""A value of JSON that is no list, object or boolean."""


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
    is_missing = value is None or (isinstance(value, str) and is_null(value))
    return () if is_missing else (Repair.of(field, value, reason),)


def decode_typed(decoder: msgspec.json.Decoder[T], line: bytes) -> T | None:
    """A line of JSON in the decoder's type; None where it is not of it, or is not UTF-8."""
    try:
        if not line.isascii():
            line.decode()  # the decoder does not look into what it skips
        return decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def each_distinct(parse: Callable[[Any], T], values: Sequence[Any]) -> list[T]:
    """`parse` of each value, called once for each distinct one."""
    parsed = {value: parse(value) for value in set(values)}
    return [parsed[value] for value in values]


def numbers_of(
    parse: Callable[[Any], tuple[float | None, Repairs]], values: Sequence[Any]
) -> tuple[list[float | None], BoolArray]:
    """Numbers, and whether each value could be read, (n,) bool."""
    parsed = {value: parse(value) for value in set(values)}
    unreadable = {value for value, (_, repairs) in parsed.items() if repairs}
    is_readable = np.ones(len(values), bool)
    if unreadable:
        is_readable[:] = [value not in unreadable for value in values]
    return [parsed[value][0] for value in values], is_readable


def texts_of(values: Sequence[Value]) -> list[str | None]:
    """Texts as `parse_text` gives them, None where there is none: most are ids, and none is a surrogate."""
    return [
        value if value is None else (value.strip() if type(value) is str else parse_text(value)) or None
        for value in values
    ]
