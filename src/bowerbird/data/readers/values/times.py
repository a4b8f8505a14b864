"""Times as databases, spreadsheets and people write them; what has two readings is rejected."""

from __future__ import annotations

import re
import unicodedata
import warnings
from datetime import UTC, date, datetime
from typing import Any

from dateutil import parser as dateutil_parser

from bowerbird.data.readers.values.numbers import parse_number
from bowerbird.data.readers.values.outcomes import Rejection
from bowerbird.data.readers.values.time_names import CONNECTIVES, ENGLISH_MONTHS, months, weekdays

FORMS = "write 2026-01-31, 2026-01-31T12:00:00Z, 20260131, 31.01.2026, Jan 31, 2026, or seconds since 1970"
UNREADABLE = Rejection(f"is not a time ({FORMS})")
DAY_OR_MONTH = Rejection(f"may be day/month or month/day ({FORMS})")
TIME_ZONE = Rejection("names a time zone by letters that several share (write UTC, +01:00 or -05:00)")
SERIAL = Rejection(f"may be a spreadsheet's count of days ({FORMS})")
OUT_OF_RANGE = Rejection("is a date that does not exist, or lies before the year 1 or after 9999")

SMALL = Rejection(f"may be a year, a day or seconds of the 1970s ({FORMS})")

MAX_LENGTH = 80  # characters; longer values are not times
MIN_EPOCH = 1e8
"""Smaller numbers are not taken for seconds since 1970: they would be before March 1973."""
EPOCH_UNITS = ((1e11, 1e0), (1e14, 1e3), (1e17, 1e6), (1e20, 1e9))
"""Units a second of times since 1970, by the number below which a time is one: seconds reach 10^11 in the
year 5138, milliseconds in 1973."""
SPREADSHEET_DAYS = (20_000, 70_000)
"""Counts of days since 1900 of the years 1954 to 2091. As seconds, they would all be in January 1970."""

_SLASHES = re.compile(r"\d{1,2}/\d{1,2}/\d{2,4}\b|\d{1,2}-\d{1,2}-\d{2,4}\b")
_YEAR_FIRST = re.compile(
    r"(\d{4})(?:[/.-]|\s?[年년]\s?)(\d{1,2})(?:[/.-]|\s?[月월]\s?)(\d{1,2})(?:$|(?=[T ,])|\s?[日일])"
)
_DOTS = re.compile(r"(\d{1,2})\.\s?(\d{1,2})\.\s?(\d{4})(?=$|[T ,])")
_COMPACT = re.compile(r"((?:19|20|21)\d\d)(\d\d)(\d\d)(?:[T ]?(\d\d)(\d\d)(\d\d)?)?(Z?)(?:\.0+)?", re.ASCII)
_ZONE_NAME = re.compile(r"(?:(?<=Z)|(?<=[+-]\d\d:\d\d))\[[\w/+-]+\]$|(?<=[+-]\d{4}) \([^()]*\)$")
"""The name of a zone after its offset: Java's [Europe/Berlin], JavaScript's (Central European Time)."""
_HALF_DAY = re.compile(r"(\d{1,2})(:\d\d(?::\d\d)?)\s?([AP])\.?M\.?$", re.IGNORECASE)
_ZONE_LETTERS = re.compile(r"\d{4}-\d\d-\d\d[T ][\d:.,]+ ?[A-Z]{2,5}")
_OFFSET = re.compile(r"\s+(?:UTC|GMT)?([+-]\d\d:?(?:\d\d)?)$")
_UTC = re.compile(r"\s*(?:UTC|GMT|Z)$", re.IGNORECASE)
_LETTERS = re.compile(r"[^\W\d_]+\.?")


def parse_time(value: Any) -> datetime | Rejection | None:
    """Parse a time into UTC; None for a missing value. A time without a zone is in UTC.

    Numbers are seconds, milli- or microseconds since 1970, by their magnitude, or a compact date.

    >>> parse_time("2026-01-02T03:04:05Z") == parse_time(1767323045) == parse_time("1767323045000")
    True
    >>> parse_time("2026-01-31 12:00:00.5 UTC").isoformat(), parse_time("Oct 23, 2022").isoformat()
    ('2026-01-31T12:00:00.500000+00:00', '2022-10-23T00:00:00+00:00')
    >>> parse_time("23/10/2022").reason[:29], parse_time(20220131).isoformat()[:10]
    ('may be day/month or month/day', '2022-01-31')
    """
    try:
        if isinstance(value, str):
            return _parse_text(value.strip())
        if isinstance(value, datetime):
            return _in_utc(value)
        if isinstance(value, date):
            return datetime(value.year, value.month, value.day, tzinfo=UTC)
        if value is None or value != value:
            return None
        number = parse_number(value)
        return UNREADABLE if number is None else _from_number(number)
    except (ValueError, OverflowError):
        return OUT_OF_RANGE


def explain_rejection(value: Any) -> str:
    """Why a time can't be read, as the end of a sentence; empty where there is none.

    >>> explain_rejection("31st"), explain_rejection(None)
    (': it is not a time (write 2026-01-31, 2026-01-31T12:00:00Z, 20260131, 31.01.2026, Jan 31, 2026, or \
seconds since 1970)', '')
    """
    outcome = parse_time(value)
    return f": it {outcome.reason}" if isinstance(outcome, Rejection) else ""


def _parse_text(text: str) -> datetime | Rejection | None:
    if not text:
        return None
    if len(text) > MAX_LENGTH:
        return UNREADABLE
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text).replace("−", "-")
    number = parse_number(text)
    if number is not None:
        return _from_number(number)
    if compact := _COMPACT.fullmatch(text):
        return _from_compact(compact)
    text = _HALF_DAY.sub(_in_24_hours, _ZONE_NAME.sub("", text))
    iso = _UTC.sub("+00:00", _OFFSET.sub(r"\1", _YEAR_FIRST.sub(_iso_date, text)))
    try:
        return _in_utc(datetime.fromisoformat(iso))
    except ValueError:
        pass
    if dots := _DOTS.match(text):  # in countries that write dots, the day comes first
        rest = text[dots.end() :].strip(" ,T")
        day = f"{dots[3]}-{int(dots[2]):02}-{int(dots[1]):02}"
        return _in_utc(datetime.fromisoformat(f"{day}T{_padded(rest)}" if rest else day))
    if _SLASHES.match(text):
        return DAY_OR_MONTH
    return TIME_ZONE if _ZONE_LETTERS.fullmatch(text) else _from_names(_OFFSET.sub(r" \1", text))


def _iso_date(match: re.Match[str]) -> str:
    return f"{match[1]}-{int(match[2]):02}-{int(match[3]):02}"


def _in_24_hours(match: re.Match[str]) -> str:
    hour = int(match[1])
    if not 1 <= hour <= 12:
        return match[0]
    return f"{hour % 12 + 12 * (match[3] in 'Pp'):02}{match[2]}"


def _padded(clock: str) -> str:
    return f"0{clock}" if clock[1:2] == ":" else clock


def _from_compact(match: re.Match[str]) -> datetime:
    year, month, day, hour, minute, second = (int(part or 0) for part in match.groups()[:6])
    return datetime(year, month, day, hour, minute, second, tzinfo=UTC)


def _from_number(number: float) -> datetime | Rejection:
    if number.is_integer() and (compact := _COMPACT.fullmatch(str(int(number)))):
        try:
            return _from_compact(compact)
        except ValueError:
            pass  # 20221399 is no date: seconds of August 1970
    if SPREADSHEET_DAYS[0] <= number < SPREADSHEET_DAYS[1]:
        return SERIAL
    if abs(number) < MIN_EPOCH:
        return SMALL
    for limit, per_second in EPOCH_UNITS:
        if abs(number) < limit:
            return datetime.fromtimestamp(number / per_second, UTC)
    return OUT_OF_RANGE


def _from_names(text: str) -> datetime | Rejection:
    """A date with the name of its month, in any language of `LOCALES`."""
    n_months = 0
    words: list[str] = []

    def in_english(match: re.Match[str]) -> str:
        nonlocal n_months
        word = match[0].casefold().rstrip(".")
        if month := months().get(word):
            n_months += 1
            return ENGLISH_MONTHS[month - 1]
        if word in ("utc", "gmt", "z"):
            return "UTC"
        if word in CONNECTIVES:
            return match[0] if word in ("t", "am", "pm") else " "
        if word not in weekdays():
            words.append(word)
        return " "

    english = _LETTERS.sub(in_english, text)
    if n_months != 1:
        return UNREADABLE
    if words:
        return TIME_ZONE if all(len(word) <= 5 for word in words) else UNREADABLE
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        readings = {
            dateutil_parser.parse(english, default=default, dayfirst=True)
            for default in (datetime(2000, 1, 1), datetime(2004, 2, 2))
        }
    return _in_utc(readings.pop()) if len(readings) == 1 else UNREADABLE  # several: a part was missing


def _in_utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
