"""Words in dates: names of months and weekdays in many languages, from the CLDR (by Babel), and "of"."""

from __future__ import annotations

from collections import defaultdict
from functools import cache

from babel import Locale

from bowerbird.data.readers.values.currency_tables import LOCALES

ENGLISH_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")

CONNECTIVES = {
    "t",
    "am",
    "pm",
    "a",
    "m",
    "p",
    "st",
    "nd",
    "rd",
    "th",
    "de",
    "del",
    "di",
    "of",
    "at",
    "um",
    "г",
}
"""Words of dates that say nothing."""


@cache
def months() -> dict[str, int]:
    """Months by their names and abbreviations; names that mean different months are left out."""
    numbers: dict[str, set[int]] = defaultdict(set)
    for name in LOCALES:
        for form in ("format", "stand-alone"):
            for width in ("wide", "abbreviated"):
                for number, month in Locale.parse(name).months[form][width].items():
                    numbers[month.casefold().rstrip(".")].add(number)
    unique = {month: next(iter(options)) for month, options in numbers.items() if len(options) == 1}
    return unique | {month: number for number, month in enumerate(ENGLISH_MONTHS, 1)} | {"sept": 9}


@cache
def weekdays() -> frozenset[str]:
    """Names and abbreviations of weekdays."""
    return frozenset(
        day.casefold().rstrip(".")
        for name in LOCALES
        for width in ("wide", "abbreviated")
        for day in Locale.parse(name).days["format"][width].values()
    )
