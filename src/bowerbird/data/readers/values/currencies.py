"""Currencies by their codes, signs and names in many languages, from the CLDR (by Babel)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from functools import cache, lru_cache
from typing import NamedTuple

from babel import Locale
from babel.numbers import get_currency_name, get_currency_precision, list_currencies

LOCALES = (
    *("en", "de", "fr", "es", "it", "nl", "pt", "sv", "nb", "da", "fi", "pl", "cs", "sk", "hu", "ro"),
    *("bg", "el", "ru", "uk", "tr", "he", "ar", "fa", "hi", "th", "vi", "id", "ms", "ja", "zh", "ko"),
    *("hr", "sr", "sl", "et", "lv", "lt", "is", "ca", "pt_PT"),
)
COMMON = (
    *("EUR", "USD", "GBP", "JPY", "CNY", "CHF", "SEK", "NOK", "DKK", "PLN", "CZK", "HUF", "RON", "BGN"),
    *("RUB", "UAH", "TRY", "ILS", "INR", "BRL", "MXN", "CAD", "AUD", "NZD", "KRW", "VND", "THB", "IDR"),
)
"""Currencies whose names are read in every form of their plural."""

ABBREVIATIONS = {
    "EUR": "euro euros eur. ευρώ",
    "USD": "us$ usd$ $us u$s u.s.$ dollars dollar",
    "GBP": "pound pounds quid gb£",
    "JPY": "yen 円 jp¥",
    "CNY": "rmb yuan 元 人民币 cn¥",
    "AUD": "a$ au$ aud$",
    "CAD": "c$ ca$ cad$ $ca",
    "NZD": "nz$",
    "HKD": "hk$",
    "SGD": "s$ sg$",
    "TWD": "nt$",
    "MXN": "mx$ mex$",
    "ARS": "ar$",
    "PEN": "s/ s/.",
    "BRL": "r$ reais",
    "CHF": "fr sfr fr. sfr. franken",
    "PLN": "zł zl złotych złoty",
    "CZK": "kč kc korun",
    "HUF": "ft",
    "RON": "lei leu",
    "RUB": "руб р ₽ рублей rub.",
    "UAH": "грн ₴ гривень",
    "BGN": "лв",
    "TRY": "tl ₺",
    "IDR": "rp",
    "MYR": "rm",
    "ZAR": "r",
    "KRW": "원 ₩",
    "VND": "đ ₫ vnđ",
    "THB": "บาท ฿",
    "ILS": "₪ שח ש״ח",
    "INR": "₹ inr.",
    "SEK": "skr svenska kronor",
    "NOK": "nkr",
    "DKK": "dkr",
    "ISK": "ikr",
    "HRK": "kn",
    "RSD": "din дин",
    "AED": "dhs dh",
    "KWD": "kd",
    "BHD": "bd",
}
"""Spellings of stores that the CLDR does not list, in lower case."""
SHARED = {"kr", "kronor", "kroner", "krone", "krona", "kr.", "rs", "₨", "rupees"}
"""Signs of several currencies: the amount is read, the currency stays unknown."""


MINOR_DIGITS = {
    0: [
        "BIF",
        "CLP",
        "DJF",
        "GNF",
        "ISK",
        "JPY",
        "KMF",
        "KRW",
        "PYG",
        "RWF",
        "UGX",
        "UYI",
        "VND",
        "VUV",
        "XAF",
        "XOF",
        "XPF",
    ],
    3: ["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"],
    4: ["CLF", "UYW"],
}
"""Currencies by the decimals of their smallest unit, where these are not two (ISO 4217)."""


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
SIGNS = {"$": "USD", "£": "GBP", "¥": "JPY"}
"""Signs of several currencies that one of them has in most stores."""
SHARED_BY = {
    "$": [
        "AUD",
        "BBD",
        "BMD",
        "BND",
        "BSD",
        "BZD",
        "CAD",
        "CLP",
        "COP",
        "DOP",
        "FJD",
        "GYD",
        "HKD",
        "JMD",
        "KYD",
        "LRD",
        "MXN",
        "NAD",
        "NIO",
        "NZD",
        "SBD",
        "SGD",
        "SRD",
        "TTD",
        "TWD",
        "UYU",
        "XCD",
        "ARS",
        "CVE",
    ],
    "£": ["EGP", "FKP", "GIP", "LBP", "SHP", "SSP", "SDG", "SYP"],
    "¥": ["CNY"],
}
"""Other currencies with these signs at home: a code next to the sign decides."""


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
