"""Plain numbers, as files and JSON hold them."""

from __future__ import annotations

import math
from typing import Any


def parse_number(value: Any) -> float | None:
    """Parse a finite number; None for anything else.

    >>> parse_number("4.5"), parse_number("nan"), parse_number(10**400), parse_number("1_000")
    (4.5, None, None, None)
    """
    if isinstance(value, bool) or (isinstance(value, str) and "_" in value):
        return None
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def parse_whole_number(value: Any) -> int | None:
    """Parse a whole number that fits 32 bits, e.g. a rank in a list; None for anything else."""
    number = parse_number(value)
    return int(number) if number is not None and number.is_integer() and abs(number) < 2**31 else None
