"""Ids as tables hold them: texts, and numbers that went through a column of floats or a spreadsheet."""

from __future__ import annotations

import re
from typing import Any

from bowerbird.data.readers.values.texts import parse_name

FLOAT = re.compile(r"^([0-9]+)\.([0-9]+)(?:E([0-9]{1,2}))?$")
"""Numbers as pandas and Spark write those of a column of floats."""
SHORTENED = re.compile(r"^[0-9]\.[0-9]+E\+[0-9]+$")
SHORTENED_ID = "was shortened by a spreadsheet (as in 1.23457E+12): export the column as text"


def parse_id(value: Any) -> str:
    """Parse the id of a row of a table; whole numbers that went through a column of floats are whole again.

    >>> parse_id("7325.0"), parse_id("SKU-1.0"), parse_id("1.08775015E8"), parse_id("NULL")
    ('7325', 'SKU-1.0', '108775015', '')
    """
    text = parse_name(value)
    if "." not in text or not (number := FLOAT.fullmatch(text)):
        return text
    digits, exponent = number[2].rstrip("0"), int(number[3] or 0)
    return number[1] + digits.ljust(exponent, "0") if len(digits) <= exponent else text


def is_shortened(text: str) -> bool:
    """Whether an id is one that a spreadsheet shortened.

    >>> is_shortened("1.23457E+12"), is_shortened("1E3")
    (True, False)
    """
    return "E+" in text and SHORTENED.search(text) is not None
