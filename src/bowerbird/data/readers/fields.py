"""Single fields as people write them: prices, times, tables of text."""

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
_LONGEST_PRICE = 40  # characters; longer ones are texts that went astray, and slow to match
_SIGN = {"$": "USD", "€": "EUR", "£": "GBP"}


def price_of(said: Any) -> tuple[float, str] | None:
    """A price and its currency ("" if none is said); None where it is no finite number of at least 0.

    >>> price_of("1,299.00 USD"), price_of("€ 12,90"), price_of(5), price_of("free")
    ((1299.0, 'USD'), (12.9, 'EUR'), (5.0, ''), None)
    """
    if not isinstance(said, str):
        number = number_of(said)
        return (number, "") if number is not None and number >= 0 else None
    match = _PRICE.match(said.strip()) if len(said) <= _LONGEST_PRICE else None
    if match is None:
        return None
    currency = (match["before"] or match["after"] or "").upper()
    digits = re.sub(r"[' ]", "", match["number"]).rstrip(".,")
    # Three digits after the mark are thousands, unless a lone zero stands before it.
    decimals = re.search(r"(?<=^0)[.,](\d+)$|[.,](\d{1,2})$", digits)
    whole = re.sub(r"[.,]", "", digits[: decimals.start()] if decimals else digits)
    fraction = (decimals[1] or decimals[2]) if decimals else "0"
    return float(f"{whole}.{fraction}"), _SIGN.get(currency, currency)


def number_of(said: Any) -> float | None:
    """A finite number; None where it is none.

    >>> number_of("4.5"), number_of("nan"), number_of(10**400)
    (4.5, None, None)
    """
    try:
        number = float(said) if not isinstance(said, bool) else math.nan
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def whole_of(said: Any) -> int | None:
    """A whole number that fits 32 bits (a place in a list); None where it is none."""
    number = number_of(said)
    return int(number) if number is not None and number.is_integer() and abs(number) < 2**31 else None


def time_of(said: Any) -> datetime | None:
    """A moment in UTC, from ISO 8601, a date, a datetime, or seconds, milli- or microseconds since 1970.

    >>> time_of("2026-01-02T03:04:05Z") == time_of(1767323045) == time_of(1767323045000)
    True
    """
    try:
        if isinstance(said, datetime):
            return said.replace(tzinfo=UTC) if said.tzinfo is None else said.astimezone(UTC)
        if isinstance(said, date):
            return datetime(said.year, said.month, said.day, tzinfo=UTC)
        number = number_of(said)
        if number is None:
            return time_of(datetime.fromisoformat(said.strip())) if isinstance(said, str) else None
        return _moment(number)
    except (ValueError, OverflowError):  # before the year 1 or after 9999
        return None


def _moment(number: float) -> datetime | None:
    # Seconds stay below 10^11 until the year 5138, milliseconds reach it in 1973: the size tells the unit.
    for unit, limit in ((1.0, 1e11), (1e3, 1e14), (1e6, 1e17)):
        if abs(number) < limit:
            try:
                return datetime.fromtimestamp(number / unit, UTC)
            except (ValueError, OverflowError):  # before the year 1
                return None
    return None


def text_of(said: Any) -> str:
    """Text of a field without surrounding blanks; empty for nothing and for what is no single value.

    Whole numbers lose their ".0": tables with gaps hold ids as floats. Half characters, which JSON can hold
    and files can't, become question marks.

    >>> text_of(108775015.0), text_of(None), text_of({"id": 1}), text_of("half \\ud800")
    ('108775015', '', '', 'half ?')
    """
    if said is None or isinstance(said, dict | list | bool) or (isinstance(said, float) and math.isnan(said)):
        return ""
    if isinstance(said, float) and said.is_integer():
        said = int(said)
    text = said.decode(errors="replace") if isinstance(said, bytes) else str(said)
    return (text if text.isascii() else text.encode(errors="replace").decode()).strip()


def availability_of(said: Any) -> str:
    """Availability in the catalogue's spelling; what says nothing is in stock."""
    return text_of(said).lower().replace(" ", "_") or "in_stock"


def file_in(folder: Path, *names: str) -> Path:
    """The first of some files that a folder holds. Raises `InputError` naming what was looked for."""
    for name in names:
        if (folder / name).is_file():
            return folder / name
    raise InputError(f"{folder} holds none of {', '.join(names)}: give the folder that does")


def table_rows(path: Path, delimiter: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Rows of a delimited text file with a header, each with its place. Raises `InputError` for no text."""
    csv.field_size_limit(2**27)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, delimiter=delimiter, strict=False)
            for row in reader:
                yield f"{path.name}:{reader.line_num}", {k: v or "" for k, v in row.items() if k is not None}
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is no UTF-8 text ({error.reason}): save it as UTF-8") from None
    except csv.Error as error:
        raise InputError(f"{path} can't be read as a table ({error})") from None
    except OSError as error:
        raise InputError(f"{path} can't be read ({error.strerror})") from None
