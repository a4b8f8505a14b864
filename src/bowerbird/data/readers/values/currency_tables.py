"""Tables of currencies: locales and plurals to read names in, stores' spellings, shared signs, decimals."""

from __future__ import annotations

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
