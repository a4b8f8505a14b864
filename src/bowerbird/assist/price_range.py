"""A range of prices, and amounts as people write them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from babel.numbers import format_currency, format_decimal, list_currencies


@dataclass(frozen=True)
class PriceRange:
    """Prices from `low` to `high`, in the catalogue's currency; an open end excludes its own value."""

    low: float = 0.0
    high: float = math.inf
    low_open: bool = False
    high_open: bool = False

    @property
    def bounded(self) -> bool:
        return self.low > 0 or self.high < math.inf

    def __contains__(self, price: object) -> bool:
        """Whether a price lies inside; no price (None, NaN) never does where a bound is stated.

        >>> 60.0 in PriceRange(high=60, high_open=True), 59.99 in PriceRange(high=60, high_open=True)
        (False, True)
        """
        if not isinstance(price, float | int) or math.isnan(price):
            return not self.bounded
        above = price > self.low if self.low_open else price >= self.low
        return above and (price < self.high if self.high_open else price <= self.high)

    def narrowed(self, bounds: PriceRange) -> PriceRange:
        """What both ranges hold."""
        low, low_open = max((self.low, self.low_open), (bounds.low, bounds.low_open))
        high, high_closed = min((self.high, not self.high_open), (bounds.high, not bounds.high_open))
        return PriceRange(low, high, low_open, not high_closed)

    def as_dict(self) -> dict[str, Any]:
        """As JSON's types; an unbounded end is null."""
        high = self.high if math.isfinite(self.high) else None
        return {"low": self.low, "high": high, "low_open": self.low_open, "high_open": self.high_open}

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> PriceRange:
        """The range that `as_dict` wrote. Raises `ValueError` for one that holds no price."""
        low, high = float(raw["low"]), math.inf if raw["high"] is None else float(raw["high"])
        if not 0 <= low <= high or low == math.inf:
            raise ValueError(f"its prices go from {low} to {high}")
        return cls(low, high, bool(raw["low_open"]), bool(raw["high_open"]))

    def describe(self) -> str:
        """The range in words.

        >>> PriceRange(high=60, high_open=True).describe(), PriceRange(20, 40).describe()
        ('under 60', 'between 20 and 40')
        """
        low, high = money(self.low), money(self.high)
        if self.low > 0 and self.high < math.inf:
            return f"between {low} and {high}"
        if self.high < math.inf:
            return f"under {high}" if self.high_open else f"up to {high}"
        if self.low > 0:
            return f"over {low}" if self.low_open else f"from {low}"
        return ""


ANY_PRICE = PriceRange()
_CENT_FRACTION = 1e-9


def money(amount: float, language: str = "en") -> str:
    """An amount as people write it: whole numbers bare, others with two decimals.

    >>> money(60.0), money(59.9), money(59.9, "de")
    ('60', '59.90', '59,90')
    """
    if not math.isfinite(amount):
        return "any amount"
    if amount == round(amount):
        return f"{amount:.0f}"
    return exact_price(amount).replace(".", format_decimal(1.5, locale=language)[1])


def format_price(amount: float, currency: str, language: str = "en") -> str:
    """A price as people of a language write it, as the shop's page does; amounts below 1 with all digits that
    count.

    >>> format_price(25.9, "USD"), format_price(1014.9, "EUR", "it"), format_price(45, "")
    ('$25.90', '1.014,90\xa0€', '45.00')
    >>> format_price(0.01129, "EUR"), format_price(25.9, "points", "de")
    ('€0.0113', '25,90 points')
    """
    small = 0 < amount < 1 and abs(round(amount, 2) - amount) > _CENT_FRACTION
    if currency.upper() not in list_currencies():  # no currency, or none that ISO 4217 knows
        digits = "0.00######" if small else "#,##0.00"
        number = format_decimal(float(f"{amount:.3g}") if small else amount, digits, locale=language)
        return f"{number} {currency}".strip()
    if small:
        return str(
            format_currency(
                float(f"{amount:.3g}"), currency.upper(), locale=language, decimal_quantization=False
            )
        )
    return str(format_currency(amount, currency.upper(), locale=language))


def exact_price(amount: float) -> str:
    """An amount with two decimals; one below 1 that cents don't hold with three digits that count.

    >>> exact_price(45), exact_price(0.5), exact_price(0.01129)
    ('45.00', '0.50', '0.0113')
    """
    small = 0 < amount < 1 and abs(round(amount, 2) - amount) > _CENT_FRACTION
    return f"{amount:.3g}" if small else f"{amount:.2f}"
