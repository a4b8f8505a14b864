"""Currencies by their codes, signs and names in many languages, from the CLDR (by Babel)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from functools import cache, lru_cache
from typing import NamedTuple

from babel import Locale
from babel.numbers import get_currency_name, get_currency_precision, list_currencies

from bowerbird.data.readers.values.currency_tables import (
    ABBREVIATIONS,
    COMMON,
    LOCALES,
    MINOR_DIGITS,
    SHARED,
    SHARED_BY,
    SIGNS,
)


class Currency(NamedTuple):
    """A currency as named next to a number."""

    code: str
    """ISO 4217; empty where none is named, or a sign that several share."""
    decimals: int
    """Digits after the decimal mark, usually."""
    is_named: bool
    sign: str = ""
    """The sign that named it, if several currencies have it: $, £ or ¥."""


NONE = Currency("", 2, False)


@lru_cache(4096)
def read_currency(words: str) -> Currency | None:
    """Read a code, a sign or a name; None where it is none of these.

    >>> read_currency("EURO").code, read_currency("KWD").decimals, read_currency("kr").code
    ('EUR', 3, '')
    >>> read_currency("per kg") is None
    True
    """
    name = " ".join(words.casefold().split())
    for spelling in (name, name.strip(". "), name.replace(".", "")):
        if len(spelling) == 3 and spelling.upper() in list_currencies():
            return _currency(spelling.upper())
        if spelling in SIGNS:
            return _currency(SIGNS[spelling])._replace(sign=spelling)
        if spelling in SHARED:
            return Currency("", 2, True)
        if spelling in (spellings := _codes_by_spelling()):
            return _currency(spellings[spelling])
    parts = name.split() if " " in name else [name[:3], name[3:]]
    if len(parts) == 2 and all(parts):  # USD $, $ AUD, or CLP$
        first, second = read_currency(parts[0]), read_currency(parts[1])
        return combine_currencies(first, second) if first and second else None
    return None


def combine_currencies(first: Currency, second: Currency) -> Currency | None:
    """The currency that two spellings name; None where they contradict each other.

    A code wins over a sign that its currency shares: $100 AUD.

    >>> combine_currencies(read_currency("$"), read_currency("AUD")).code
    'AUD'
    """
    if not first.code or not second.code or first.code == second.code:
        return first if first.code or not second.is_named else second
    for sign, other in ((first, second), (second, first)):
        if sign.sign and other.code in SHARED_BY[sign.sign]:
            return other
    return None


def minor_digits(code: str) -> int:
    """Decimals of the smallest unit by ISO 4217, in which payment systems count.

    Not the digits that people write (`Currency.decimals`, from the CLDR): a forint has two by ISO, and prices
    have none.

    >>> minor_digits("USD"), minor_digits("JPY"), minor_digits("KWD"), minor_digits("HUF")
    (2, 0, 3, 2)
    """
    return next((digits for digits, codes in MINOR_DIGITS.items() if code in codes), 2)


def _currency(code: str) -> Currency:
    return Currency(code, get_currency_precision(code), True)


@cache
def _codes_by_spelling() -> dict[str, str]:
    """Codes by signs and names in lower case; what several currencies share is left out."""
    codes: dict[str, set[str]] = defaultdict(set)
    for name in LOCALES:
        locale = Locale.parse(name)
        for code, spelling in _spellings(locale):
            codes[spelling.casefold().strip("\u200f\u200e. ")].add(code)
    unique = {spelling: next(iter(shared)) for spelling, shared in codes.items() if len(shared) == 1}
    english = {sign.casefold(): code for code, sign in Locale.parse("en").currency_symbols.items()}
    own = {spelling: code for code, line in ABBREVIATIONS.items() for spelling in line.split()}
    return unique | english | own


def _spellings(locale: Locale) -> Iterable[tuple[str, str]]:
    yield from locale.currency_symbols.items()
    yield from locale.currencies.items()
    for code in COMMON:
        for count in (1, 2, 5, 0.5, 1_000_000):
            yield code, get_currency_name(code, count, locale)
