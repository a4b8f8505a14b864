"""Single fields as plain values, None where they can't be read; files of a folder.

`values` parses them, and gives the reasons that these functions leave out.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from bowerbird.data.readers.values import prices, times
from bowerbird.data.readers.values.ids import parse_id as parse_id
from bowerbird.data.readers.values.numbers import parse_number as parse_number
from bowerbird.data.readers.values.numbers import parse_whole_number as parse_whole_number
from bowerbird.data.readers.values.outcomes import Rejection
from bowerbird.data.readers.values.prices import Price
from bowerbird.data.readers.values.texts import parse_name as parse_name
from bowerbird.data.readers.values.texts import parse_text as parse_text
from bowerbird.errors import InputError


def parse_price(value: Any, currency: str = "") -> Price | None:
    """Parse a price and its currency ("" if there is none); None unless it is a finite number >= 0.

    `currency` is that of prices that name none.

    >>> parse_price("1,299.00 USD"), parse_price("free")
    (Price(amount=1299.0, currency='USD'), None)
    """
    price = prices.parse_price(value, currency)
    return None if isinstance(price, Rejection) else price


def parse_amount(value: Any, currency: str = "") -> float | None:
    """Parse the amount of a price; None as in `parse_price`."""
    price = parse_price(value, currency)
    return price.amount if price else None


def parse_time(value: Any) -> datetime | None:
    """Parse a time into UTC; None where it can't be read, or has two readings.

    >>> parse_time("2026-01-02T03:04:05Z") == parse_time(1767323045), parse_time("23/10/2022")
    (True, None)
    """
    moment = times.parse_time(value)
    return None if isinstance(moment, Rejection) else moment


def find_file(folder: Path, *names: str) -> Path:
    """The first of some files that exists in a folder. Raises `InputError` with their names if none does."""
    for name in names:
        if (folder / name).is_file():
            return folder / name
    raise InputError(f"{folder} has none of the files {', '.join(names)}: name the folder that does")
