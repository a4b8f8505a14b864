"""Prices as stores write them: an amount and a currency, in the conventions of many languages.

A number is split into digits and marks here, so that what has two readings is rejected; `currencies` finds
the currency. Three digits after a single mark are thousands where the currency has fewer decimals
(1.015 EUR), decimals where it has three (1.015 KWD), and rejected where no currency and no other price of
the column decides.
"""

from __future__ import annotations

import math
import re
import unicodedata
from decimal import Decimal
from typing import Any, NamedTuple

from bowerbird.data.readers.values.currencies import NONE, Currency, combine_currencies, read_currency
from bowerbird.data.readers.values.outcomes import Rejection
from bowerbird.data.readers.values.texts import parse_prose

FORMS = "write 19.99 EUR, 19,99 €, $1,299.00 or 1 299,00 kr"
NO_NUMBER = Rejection(f"is not a price ({FORMS})")
NEGATIVE = Rejection("is negative (a price is zero or more)")
SEVERAL = Rejection("has several numbers (write one price)")
TOO_LARGE = Rejection("is too large for a price")
MARKS = Rejection(f"has marks that are neither thousands nor decimals ({FORMS})")
AMBIGUOUS = Rejection(
    "has two readings, thousands or decimals (write 1015 or 1.02, or give a currency or the decimal mark)"
)
TWO_CURRENCIES = Rejection("names two currencies (write one)")

MAX_LENGTH = 60  # characters; longer values are not prices
MAX_AMOUNT = 1e15

_PLAIN = re.compile(r"(\d{1,12}(?:\.\d{1,2})?)(?: ?([A-Z]{3}))?", re.ASCII)
_NUMBER = re.compile(r"\d(?:[\d.,' ]*\d)?")
_EXPONENT = re.compile(r"[+]?\d+(?:\.\d*)?[eE][+-]?\d{1,3}")
_NO_DECIMALS = re.compile(r"(?<=\d)\s?[.,:/]\s?[-–—]+")  # Swiss 12.–, Swedish 12:-, German 12,--, Indian 12/-
_EURO_AS_MARK = re.compile(r"(\d)\s?€\s?(\d\d)")  # French 12€50
_TAX = re.compile(
    r"\s*\(?\b(?:ttc|t\.t\.c|brutto|(?:inc|incl|including|inkl|inklusive|iva|i\.v\.a|z|s|met)\.?\s+"
    r"(?:vat|gst|tax|mwst|ust|moms|mva|iva|tva|btw|dph|inclusa|incluida|incluído|incl))\b\.?\)?$",
    re.IGNORECASE,
)
"""What says that taxes are part of a price."""
_MARKS = str.maketrans({"’": "'", "`": "'", "´": "'", "ʼ": "'", "′": "'", "٬": "'", "٫": ",", "،": ","})
_SIGNS = str.maketrans({"−": "-", "–": "-", "—": "-"})


class Price(NamedTuple):
    """An amount and its currency."""

    amount: float
    currency: str
    """ISO 4217 code; empty where none is named, or a sign of several currencies (kr)."""


def parse_price(value: Any, currency: str = "", decimal_mark: str = "") -> Price | Rejection | None:
    """Parse a price; None for a missing value.

    `currency` is the code of values that name none, `decimal_mark` ("." or ",") that of the column, see
    `find_decimal_mark`.

    >>> parse_price("1 298,00 EUR"), parse_price("19.9900 EUR"), parse_price("1.299 EUR"), parse_price(5)
    (Price(amount=1298.0, currency='EUR'), Price(amount=19.99, currency='EUR'), \
Price(amount=1299.0, currency='EUR'), Price(amount=5.0, currency=''))
    >>> parse_price("1.299").reason[:16], parse_price("1.299", decimal_mark=".").amount
    ('has two readings', 1.299)
    """
    if isinstance(value, str):
        plain = _PLAIN.fullmatch(value)
        if plain is not None:
            stated = read_currency(plain[2]) if plain[2] else NONE
            if stated is not None:
                return Price(float(plain[1]), stated.code or currency)
        return _parse_text(value, currency, decimal_mark)
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return NO_NUMBER
    return _checked(value, currency)


def find_decimal_mark(values: list[Any]) -> str:
    """The decimal mark of a column's prices: "." or "," where some have one reading only and all agree.

    >>> find_decimal_mark(["24.500", "185.130001"]), find_decimal_mark(["1.299,00", "1.5"])
    ('.', '')
    """
    marks = set()
    for value in values:
        if isinstance(value, str) and len(value) <= MAX_LENGTH:
            number = _NUMBER.search(_normalise(value))
            grouping, mark, fraction = _split(number[0]) if number else ("", "", "")
            if mark and fraction and len(fraction) < 10 and not _is_ambiguous(grouping, mark, fraction):
                marks.add(mark)
    return marks.pop() if len(marks) == 1 else ""


def _without_tax(text: str) -> str:
    """A price without what says that taxes are part of it; most have no such words."""
    may_end_in_tax = text.count(" ") > 1 or text[-3:].lower() in ("ttc", "t.c", "tto")
    return _TAX.sub("", text) if may_end_in_tax else text


def _parse_text(value: str, default: str, decimal_mark: str) -> Price | Rejection | None:
    if "&" in value or "<" in value:
        value = parse_prose(value)
    if len(value) > MAX_LENGTH:
        return NO_NUMBER if value.strip() else None
    text = _EURO_AS_MARK.sub(r"\1,\2 €", _NO_DECIMALS.sub(" ", _without_tax(_normalise(value)))).strip()
    if not text:
        return None
    if _EXPONENT.fullmatch(text):
        return _checked(float(text), default)
    numbers = list(_NUMBER.finditer(text))
    if len(numbers) != 1:
        return SEVERAL if numbers else NO_NUMBER
    before, after = text[: numbers[0].start()].strip(), text[numbers[0].end() :].strip()
    if before.startswith(("-", "(")) or before.endswith("-"):
        return NEGATIVE
    digits = numbers[0][0]
    if text[: numbers[0].start()].endswith((".", ",")) and _starts_fraction(before):
        before, digits = before[:-1], f"0{before[-1]}{digits}"
    stated = NONE
    for words in (before.lstrip("+ "), after.lstrip(".,")):
        currency = read_currency(words) if words else NONE
        if currency is None:
            return NO_NUMBER
        combined = combine_currencies(stated, currency)
        if combined is None:
            return TWO_CURRENCIES
        stated = combined
    amount = _parse_number(digits, _with_default(stated, default), decimal_mark)
    return amount if isinstance(amount, Rejection) else _checked(amount, stated.code or default)


def _starts_fraction(before: str) -> bool:
    """Whether the mark at the end belongs to the number ($.75) and not to an abbreviation (Rs.75)."""
    return len(before) == 1 or not before[-2].isalpha()


def _with_default(stated: Currency, default: str) -> Currency:
    default_currency = read_currency(default) if default and not stated.is_named else None
    return default_currency or stated


def _normalise(text: str) -> str:
    """Digits of all scripts as ASCII, all blanks as one blank, all apostrophes as one."""
    if not text.isascii():
        text = text.translate(_MARKS)
        text = unicodedata.normalize("NFKC", text)
        text = "".join(
            str(unicodedata.decimal(character)) if character.isdecimal() else character
            for character in text
            if unicodedata.category(character) != "Cf"  # marks of writing direction
        ).translate(_SIGNS)
    return " ".join(text.split())


def _split(number: str) -> tuple[str, str, str]:
    """Split a number at its last dot or comma: what is before it, the mark, the digits after it."""
    position = max(number.rfind("."), number.rfind(","))
    return ("", "", number) if position < 0 else (number[:position], number[position], number[position + 1 :])


def _is_ambiguous(whole: str, mark: str, fraction: str) -> bool:
    """Whether the last mark may be one of thousands or of decimals."""
    return len(fraction) == 3 and 1 <= len(whole) <= 3 and whole.isdecimal() and not whole.startswith("0")


def _parse_number(number: str, currency: Currency, decimal_mark: str) -> Decimal | Rejection:
    whole, mark, fraction = _split(number)
    if not mark or mark in whole:
        whole, fraction = number, ""
    elif not fraction.isdecimal():
        return MARKS
    elif _is_ambiguous(whole, mark, fraction):
        is_decimal = _resolve(mark, currency, decimal_mark)
        if is_decimal is None:
            return AMBIGUOUS
        if not is_decimal:
            whole, fraction = whole + fraction, ""
    digits = _without_thousands(whole)
    return MARKS if digits is None else Decimal(f"{digits}.{fraction or 0}")


def _resolve(mark: str, currency: Currency, decimal_mark: str) -> bool | None:
    """Whether a single mark before three digits is a decimal mark; None where nothing decides."""
    if currency.decimals == 3:
        return True if mark in (".", decimal_mark) else None if not decimal_mark else False
    if currency.is_named:
        return False
    return mark == decimal_mark if decimal_mark else None


def _without_thousands(whole: str) -> str | None:
    """Digits of a whole number; None where its marks are not between thousands (or Indian lakhs)."""
    if whole.isdecimal():
        return whole
    mark = next(character for character in whole if not character.isdecimal())
    groups = whole.split(mark)
    is_grouped = (
        all(group.isdecimal() for group in groups)
        and len(groups[-1]) == 3
        and 1 <= len(groups[0]) <= 3
        and not groups[0].startswith("0")
        and (all(len(group) == 3 for group in groups[1:-1]) or _is_indian(mark, groups))
    )
    return "".join(groups) if is_grouped else None


def _is_indian(mark: str, groups: list[str]) -> bool:
    return mark in ", " and len(groups[0]) <= 2 and all(len(group) == 2 for group in groups[1:-1])


def _checked(amount: float | Decimal, currency: str) -> Price | Rejection:
    if amount != amount:  # NaN as a Decimal
        return NO_NUMBER
    if amount < 0:
        return NEGATIVE
    return Price(float(amount), currency) if amount <= MAX_AMOUNT else TOO_LARGE
