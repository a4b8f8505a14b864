"""Parsers of single fields (prices, numbers, times, texts), and rows of delimited text files."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from bowerbird.errors import InputError

_PRICE = re.compile(
    r"(?P<before>[A-Z]{3}|[$€£])?\s*(?P<number>\d[\d.,' ]*)\s*(?P<after>[A-Z]{3}|[$€£])?$", re.IGNORECASE
)
_MAX_PRICE_LENGTH = 40  # characters; longer values are not prices, and slow to match
_CURRENCY_OF_SYMBOL = {"$": "USD", "€": "EUR", "£": "GBP"}


def parse_price(value: Any) -> tuple[float, str] | None:
    """Parse a price and its currency ("" if there is none); None unless it is a finite number >= 0.

    >>> parse_price("1,299.00 USD"), parse_price("€ 12,90"), parse_price(5), parse_price("free")
    ((1299.0, 'USD'), (12.9, 'EUR'), (5.0, ''), None)
    """
    if not isinstance(value, str):
        number = parse_number(value)
        return (number, "") if number is not None and number >= 0 else None
    match = _PRICE.match(value.strip()) if len(value) <= _MAX_PRICE_LENGTH else None
    if match is None:
        return None
    currency = (match["before"] or match["after"] or "").upper()
    digits = re.sub(r"[' ]", "", match["number"]).rstrip(".,")
    # Three digits after the separator are thousands, unless only a zero stands before it.
    decimals = re.search(r"(?<=^0)[.,](\d+)$|[.,](\d{1,2})$", digits)
    whole = re.sub(r"[.,]", "", digits[: decimals.start()] if decimals else digits)
    fraction = (decimals[1] or decimals[2]) if decimals else "0"
    return float(f"{whole}.{fraction}"), _CURRENCY_OF_SYMBOL.get(currency, currency)


def parse_number(value: Any) -> float | None:
    """Parse a finite number; None for anything else.

    >>> parse_number("4.5"), parse_number("nan"), parse_number(10**400)
    (4.5, None, None)
    """
    try:
        number = float(value) if not isinstance(value, bool) else math.nan
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def parse_whole_number(value: Any) -> int | None:
    """Parse a whole number that fits 32 bits, e.g. a rank in a list; None for anything else."""
    number = parse_number(value)
    return int(number) if number is not None and number.is_integer() and abs(number) < 2**31 else None


def parse_time(value: Any) -> datetime | None:
    """Parse a time into UTC: ISO 8601, a date, a datetime, or seconds, milli- or microseconds since 1970.

    >>> parse_time("2026-01-02T03:04:05Z") == parse_time(1767323045) == parse_time(1767323045000)
    True
    """
    try:
        if isinstance(value, datetime):
            return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
        if isinstance(value, date):
            return datetime(value.year, value.month, value.day, tzinfo=UTC)
        number = parse_number(value)
        if number is None:
            return parse_time(datetime.fromisoformat(value.strip())) if isinstance(value, str) else None
        return _time_from_number(number)
    except (ValueError, OverflowError):  # before the year 1 or after 9999
        return None


def _time_from_number(number: float) -> datetime | None:
    # Seconds stay below 10^11 until the year 5138, milliseconds reach it in 1973: the magnitude tells the
    # unit.
    for per_second, limit in ((1.0, 1e11), (1e3, 1e14), (1e6, 1e17)):
        if abs(number) < limit:
            try:
                return datetime.fromtimestamp(number / per_second, UTC)
            except (ValueError, OverflowError):  # before the year 1
                return None
    return None


def parse_text(value: Any) -> str:
    """Parse a text and strip it; empty for a missing value and for lists, objects and booleans.

    Whole numbers lose their ".0": tables with missing values hold ids as floats. Lone surrogates, which JSON
    can hold and UTF-8 files can't, become question marks.

    >>> parse_text(108775015.0), parse_text(None), parse_text({"id": 1}), parse_text("half \\ud800")
    ('108775015', '', '', 'half ?')
    """
    if (
        value is None
        or isinstance(value, dict | list | bool)
        or (isinstance(value, float) and math.isnan(value))
    ):
        return ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = value.decode(errors="replace") if isinstance(value, bytes) else str(value)
    return (text if text.isascii() else text.encode(errors="replace").decode()).strip()


def parse_availability(value: Any) -> str:
    """Parse an availability into the catalogue's spelling; a missing value means in stock."""
    return parse_text(value).lower().replace(" ", "_") or "in_stock"


def find_file(folder: Path, *names: str) -> Path:
    """The first of some files that exists in a folder. Raises `InputError` with their names if none does."""
    for name in names:
        if (folder / name).is_file():
            return folder / name
    raise InputError(f"{folder} has none of the files {', '.join(names)}: name the folder that does")


def read_delimited(path: Path, delimiter: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Read a delimited text file with a header: locations and rows. Raises `InputError` for other files."""
    csv.field_size_limit(2**27)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, delimiter=delimiter, strict=False)
            for row in reader:
                yield (
                    f"{path.name}:{reader.line_num}",
                    {name: value or "" for name, value in row.items() if name is not None},
                )
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text ({error.reason}): save it as UTF-8") from None
    except csv.Error as error:
        raise InputError(f"{path} can't be read as a table ({error})") from None
    except OSError as error:
        raise InputError(f"{path} can't be read ({error.strerror})") from None
