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

_PRICE = re.compile(r"(?P<before>[A-Z]{3}|[$€£])?\s*(?P<number>\d[\d.,' ]*)\s*(?P<after>[A-Z]{3}|[$€£])?$")
_SIGN = {"$": "USD", "€": "EUR", "£": "GBP"}


def price_of(said: Any) -> tuple[float, str] | None:
    """A price and its currency ("" if none is said); None where it is no finite number of at least 0.

    >>> price_of("1,299.00 USD"), price_of("€ 12,90"), price_of(5), price_of("free")
    ((1299.0, 'USD'), (12.9, 'EUR'), (5.0, ''), None)
    """
    if isinstance(said, int | float) and not isinstance(said, bool):
        return (float(said), "") if math.isfinite(said) and said >= 0 else None
    match = _PRICE.match(str(said).strip())
    if match is None:
        return None
    currency = match["before"] or match["after"] or ""
    number = re.sub(r"[' ]", "", match["number"]).rstrip(".,")
    decimals = re.search(r"[.,](\d{1,2})$", number)
    whole = re.sub(r"[.,]", "", number[: decimals.start()] if decimals else number)
    return float(f"{whole}.{decimals[1] if decimals else 0}"), _SIGN.get(currency, currency)


def time_of(said: Any) -> datetime | None:
    """A moment in UTC, from ISO 8601, a date, a datetime, or seconds, milli- or microseconds since 1970.

    >>> time_of("2026-01-02T03:04:05Z") == time_of(1767323045) == time_of(1767323045000)
    True
    """
    if isinstance(said, datetime):
        return said.replace(tzinfo=UTC) if said.tzinfo is None else said.astimezone(UTC)
    if isinstance(said, date):
        return datetime(said.year, said.month, said.day, tzinfo=UTC)
    try:
        number = float(said)
    except (TypeError, ValueError):
        try:
            return time_of(datetime.fromisoformat(str(said).strip()))
        except ValueError:
            return None
    # Seconds stay below 10^11 until the year 5138, milliseconds reach it in 1973: the size tells the unit.
    for unit, limit in ((1.0, 1e11), (1e3, 1e14), (1e6, 1e17)):
        if abs(number) < limit:
            return datetime.fromtimestamp(number / unit, UTC)
    return None


def text_of(said: Any) -> str:
    """Text of a field without surrounding blanks; empty for nothing."""
    if said is None or (isinstance(said, float) and math.isnan(said)):
        return ""
    return str(said).strip()


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
