"""Fields of one item as they are read, with a list of those that were left out and why."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import chain, islice
from typing import Any, NamedTuple, TypeVar

from bowerbird.data.readers.values.availability import IN_STOCK, parse_availability
from bowerbird.data.readers.values.currencies import NONE, read_currency
from bowerbird.data.readers.values.ids import SHORTENED_ID, is_shortened, parse_id
from bowerbird.data.readers.values.numbers import parse_number
from bowerbird.data.readers.values.outcomes import Rejection, Repair
from bowerbird.data.readers.values.prices import Price, find_decimal_mark, parse_price
from bowerbird.data.readers.values.texts import parse_text
from bowerbird.data.readers.values.times import parse_time

T = TypeVar("T")
Row = TypeVar("Row", bound=Mapping[str, Any])
Rows = Iterator[tuple[str, Row]]
"""Locations and rows."""
SAMPLED_ROWS = 1_000
TAXONOMY_NUMBER = re.compile(r"[0-9]+(?:\.0+)?")
NOT_NAMES = "is a number of Google's taxonomy (write its names, or a product_type)"
_DECIMAL_COMMA = re.compile(r"^\s*(\d{1,3}),(\d{1,2})\s*$")
_THOUSANDS = r"[.,' \u2019\u00a0\u202f]"
_GROUPED = re.compile(rf"\d{{1,3}}(?:{_THOUSANDS}\d{{3}})+")
_ONLY_A_DAY = re.compile(r"(?!\d{9})[^:T]+")


_BETWEEN_TIMES = re.compile(r"\s+(?:-|to|until|bis)\s+|\s*[–—,;|]\s*|\s*%2F\s*", re.IGNORECASE)
"""What stands between two times, where it is no slash."""


def _ends_of(period: str) -> tuple[str, str]:
    """The two times of a period.

    >>> _ends_of("2026-01-01/2026-02-01"), _ends_of("2026-01-01T00:00-0800 - 2026-02-01T00:00-0800")
    (('2026-01-01', '2026-02-01'), ('2026-01-01T00:00-0800', '2026-02-01T00:00-0800'))
    """
    times = [period] if "/" in period else _BETWEEN_TIMES.split(period)
    if len(times) == 2:
        return times[0], times[1]
    first, _, last = period.partition("/")
    return first, last


class SalePrice(NamedTuple):
    """What an item costs now; with a sale price its list price and the dates of the sale."""

    price: Price | None
    list_price: float | None = None
    sale_price: float | None = None
    starts: datetime | None = None
    ends: datetime | None = None


def with_decimal_mark(rows: Rows[Row], price: str) -> tuple[Rows[Row], str]:
    """The same rows, and the decimal mark that the first prices agree on; see `find_decimal_mark`.

    `price` names their field, which may hold a list of values; empty for none.
    """
    first = list(islice(rows, SAMPLED_ROWS))
    values = [row.get(price) for _, row in first] if price else []
    prices = [each for value in values for each in (value if isinstance(value, list) else [value])]
    return chain(first, rows), find_decimal_mark(prices)


class ItemFields:
    """Reads fields of one row; what can't be read is left out and becomes a `Repair`.

    `decimal_mark` is that of the column of prices, see `prices.find_decimal_mark`.
    """

    def __init__(self, decimal_mark: str = "") -> None:
        self.repairs: list[Repair] = []
        self._decimal_mark = decimal_mark

    def price(self, field: str, value: Any, currency: str = "") -> Price | None:
        """Read a price; `currency` is the code of values that name none."""
        price = parse_price(value, currency, self._decimal_mark)
        return self._or_none(field, value, price)

    def currency(self, field: str, value: Any) -> str:
        """Read the code of a currency; empty where there is none."""
        text = parse_text(value)
        currency = read_currency(text) if text else NONE
        if currency is None:
            self.repairs.append(Repair.of(field, value, "is no currency (write its code, as EUR)"))
        return currency.code if currency else ""

    def sale_price(
        self, price: Any, sale_price: Any, dates: Any = None, currency: str = "", now: datetime | None = None
    ) -> SalePrice:
        """Read the price in force: the sale's, where there is one above zero and its dates include now.

        `dates` are two times with a slash between them, as in `sale_price_effective_date`.
        """
        usual = self.price("price", price, currency)
        sale = self.price("sale_price", sale_price, currency)
        period = self._period(dates)
        if sale is None or sale.amount == 0 or period is None:
            return SalePrice(usual)
        starts, ends = period
        now = now or datetime.now(UTC)
        is_sale = (starts is None or starts <= now) and (ends is None or now < ends)
        if usual is None or sale.amount == usual.amount:
            return SalePrice(sale if is_sale else usual)
        is_other_currency = bool(sale.currency and usual.currency) and sale.currency != usual.currency
        if sale.amount > usual.amount or is_other_currency:
            self.repairs.append(Repair.of("sale_price", sale_price, "is not below the price in its currency"))
            return SalePrice(usual)
        in_force = Price(sale.amount, sale.currency or usual.currency) if is_sale else usual
        return SalePrice(in_force, usual.amount, sale.amount, starts, ends)

    def number(self, field: str, value: Any) -> float | None:
        """Read a number of at least zero."""
        number = parse_number(_DECIMAL_COMMA.sub(r"\1.\2", value) if isinstance(value, str) else value)
        is_missing = not parse_text(value)
        return (
            number
            if is_missing or (number is not None and number >= 0)
            else self._or_none(field, value, Rejection("is not a number of at least zero"))
        )

    def count(self, field: str, value: Any) -> int | None:
        """Read a whole number of at least zero; marks before three digits are those of thousands."""
        text = parse_text(value)
        number = parse_number(re.sub(_THOUSANDS, "", text) if _GROUPED.fullmatch(text) else value)
        if text and (number is None or number < 0 or not number.is_integer()):
            return self._or_none(field, value, Rejection("is not a whole number of at least zero"))
        return None if number is None or not text else int(number)

    def _period(self, dates: Any) -> tuple[datetime | None, datetime | None] | None:
        """Start and end of a sale; None where they can't be read, and then there is no sale."""
        text = parse_text(dates)
        if not text:
            return None, None
        first, last = _ends_of(text)
        starts, ends = parse_time(first), parse_time(last)
        fault = ""
        if isinstance(starts, Rejection) or isinstance(ends, Rejection) or (starts is None and ends is None):
            fault = "is not two times (START/END)"
        elif ends is not None and _ONLY_A_DAY.fullmatch(last.strip()):
            ends += timedelta(days=1)  # a day named as the last is one of the sale
        if not fault and starts is not None and ends is not None and ends < starts:  # type: ignore[operator]
            fault = "ends before it starts"
        if fault:
            self.repairs.append(Repair.of("sale_price_effective_date", text, fault))
            return None
        return starts, ends  # type: ignore[return-value]  # rejections are faults

    def time(self, field: str, value: Any) -> datetime | None:
        """Read a time."""
        return self._or_none(field, value, parse_time(value))

    def trade_number(self, field: str, value: str) -> str:
        """Read a number of trade (GTIN), which spreadsheets take for a quantity."""
        text = parse_id(value.strip("'"))
        return (self._or_none(field, value, Rejection(SHORTENED_ID)) or "") if is_shortened(text) else text

    def taxonomy(self, value: str) -> str:
        """Read the names of a category; a number of Google's taxonomy says nothing to people."""
        if not TAXONOMY_NUMBER.fullmatch(value):
            return value
        self.repairs.append(Repair.of("google_product_category", value, NOT_NAMES))
        return ""

    def availability(self, field: str, value: Any) -> str:
        """Read an availability; an unknown word counts as in stock."""
        return self._or_none(field, value, parse_availability(value)) or IN_STOCK

    def _or_none(self, field: str, value: Any, outcome: T | Rejection | None) -> T | None:
        if not isinstance(outcome, Rejection):
            return outcome
        self.repairs.append(Repair.of(field, value, outcome.reason))
        return None
