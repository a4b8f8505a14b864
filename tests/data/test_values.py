"""Single values: prices in the spellings of twenty locales, times, availabilities, texts and files."""

from __future__ import annotations

import gzip
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from babel import Locale
from babel.numbers import format_currency
from hypothesis import given
from hypothesis import strategies as st

from bowerbird.data.readers.inputs.records_of_text import find_separator, read_delimited
from bowerbird.data.readers.values.availability import parse_availability
from bowerbird.data.readers.values.outcomes import Rejection
from bowerbird.data.readers.values.prices import Price, find_decimal_mark, parse_price
from bowerbird.data.readers.values.texts import parse_prose
from bowerbird.data.readers.values.times import parse_time

LOCALES = (
    *("en_US", "en_GB", "de_DE", "de_CH", "de_AT", "fr_FR", "fr_CH", "es_ES", "it_IT", "nl_NL", "pt_PT"),
    *("pt_BR", "sv_SE", "nb_NO", "da_DK", "fi_FI", "pl_PL", "cs_CZ", "hu_HU", "en_IN", "ja_JP", "tr_TR"),
)
AMOUNTS = (0.5, 9.95, 19.99, 100.0, 1298.0, 1299.95, 12500.0, 1234567.89)
CURRENCIES = ("EUR", "USD", "GBP", "JPY", "PLN")


@pytest.mark.parametrize("locale", LOCALES)
def test_prices_of_a_locale_are_read(locale: str) -> None:
    """Eight amounts in five currencies as the CLDR writes them, in two forms: 1,760 spellings."""
    for currency in CURRENCIES:
        for amount in AMOUNTS:
            for form in ("standard", "name"):
                text = format_currency(amount, currency, locale=locale, format_type=form)
                price = parse_price(text)
                expected = round(amount) if currency == "JPY" else amount
                assert isinstance(price, Price), (text, price)
                assert price.amount == pytest.approx(expected, abs=0.5 if currency == "JPY" else 0), text
                assert price.currency in (currency, ""), text


@pytest.mark.parametrize(
    ("text", "amount", "currency"),
    [
        ("19.9900 EUR", 19.99, "EUR"),
        ("1\u00a0298,00 EUR", 1298, "EUR"),
        ("1\u202f298,00 €", 1298, "EUR"),
        ("1.015 EUR", 1015, "EUR"),
        ("1.015 KWD", 1.015, "KWD"),
        ("1'299.50 CHF", 1299.5, "CHF"),
        ("CHF 12.–", 12, "CHF"),
        ("12:- kr", 12, ""),
        ("12€50", 12.5, "EUR"),
        ("9,5€", 9.5, "EUR"),
        ("US$ 12.00", 12, "USD"),
        ("100 AUD", 100, "AUD"),
        ("A$100", 100, "AUD"),
        ("R$ 1.299,90", 1299.9, "BRL"),
        ("6.90 EURO", 6.9, "EUR"),
        ("1125 kr", 1125, ""),
        ("₹1,23,456.50", 123456.5, "INR"),
        ("¥ 1,200", 1200, "JPY"),
        (".75 EUR", 0.75, "EUR"),
        ("185.130001 EUR", 185.130001, "EUR"),
        ("1e3", 1000, ""),
        ("٣٤٫٥ EUR", 34.5, "EUR"),
        (5, 5, ""),
        ("१,२३,४५६.५० INR", 123456.5, "INR"),
        ("１９．９９ EUR", 19.99, "EUR"),
        ("₹ 500/-", 500, "INR"),
        ("1.299,- €", 1299, "EUR"),
        ("1 299:-", 1299, ""),
        ("¥1,980", 1980, "JPY"),
        ("1,980円", 1980, "JPY"),
        ("1.299.000 ₫", 1299000, "VND"),
        ("$ 12.990 CLP", 12990, "CLP"),
        ("CLP$ 12.990", 12990, "CLP"),
        ("S/. 12.50", 12.5, "PEN"),
        ("GB£19.99", 19.99, "GBP"),
        ("12.50 € EUR", 12.5, "EUR"),
        ("Rs. 1,299", 1299, ""),
        ("120 dhs", 120, "AED"),
    ],
)
def test_a_price(text: str, amount: float, currency: str) -> None:
    assert parse_price(text) == Price(amount, currency)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "1.299",
            "free",
            "-5",
            "5-9 EUR",
            "€ 5 GBP",
            "1.2.3",
            "12 apples",
            "1,23,4",
            "NaN",
            "19.99 - 29.99 EUR",
        ),
        *(
            "from 19.99",
            "ab 19,99 €",
            "99p",
            "10%",
            "19.99 €/kg",
            "1.299,-",
            "1,299 KWD",
            "12 Euro 50",
            "2 for 5",
        ),
        *(
            "(12.50)",
            "12.50-",
            "N/A",
            "1.000.00",
            "1,000,00",
            "12..50",
            "Now 9.99 was 12.99",
            "1_000",
            "0x10",
        ),
    ],
)
def test_what_is_no_price_or_has_two_readings_is_rejected_with_a_reason(text: str) -> None:
    outcome = parse_price(text)
    assert isinstance(outcome, Rejection) and len(outcome.reason) > 10


def test_other_prices_of_the_column_decide() -> None:
    assert find_decimal_mark(["18999", "185.130001", "24.500"]) == "."
    assert parse_price("24.500", decimal_mark=".") == Price(24.5, "")
    assert parse_price("24.500", decimal_mark=",") == Price(24500, "")
    assert find_decimal_mark(["1,5", "1.5"]) == ""


@given(st.decimals(0, 999_999, places=2), st.sampled_from(["EUR", "USD", "SEK"]))
def test_what_is_written_plainly_is_read_back(amount: object, currency: str) -> None:
    assert parse_price(f"{amount} {currency}") == Price(float(str(amount)), currency)


@given(st.text(max_size=80))
def test_any_text_gives_a_value_or_a_reason(text: str) -> None:
    for parse in (parse_price, parse_time, parse_availability):
        outcome = parse(text)
        assert outcome is None or isinstance(outcome, Price | datetime | str | Rejection)


NOON = datetime(2021, 1, 31, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "2021-01-31 12:00:00 UTC",
            "2021-01-31T12:00:00Z",
            "2021-01-31 12:00:00+00",
            "2021-01-31T13:00+0100",
        ),
        *("2021-01-31 12:00:00.000 +0000", "20210131120000", "20210131T120000Z", "2021/01/31 12:00"),
        *("31.01.2021 12:00", "31. 1. 2021 12:00:00", "Jan 31, 2021 12:00", "31 January 2021 12:00 PM"),
        *(
            "31 janvier 2021 12:00",
            "31. Januar 2021 12:00",
            "31 de enero de 2021 12:00",
            "Sun, 31 Jan 2021 12:00:00 GMT",
        ),
        *("1612094400", "1612094400000", "1612094400000000", "1612094400000000000", "1.6120944e9"),
        *("2021-1-31 12:00", "2021年1月31日 12:00", "2021년 1월 31일 12:00", "31 января 2021 г. 12:00"),
        *("2021-01-31 12:00 PM", "2021-01-31T07:00:00−05:00", "２０２１-01-31 12:00"),
        *("2021-01-31T13:00:00+01:00[Europe/Berlin]", "2021-01-31T12:00:00Z[UTC]"),
        "Sun Jan 31 2021 13:00:00 GMT+0100 (Central European Standard Time)",
    ],
)
def test_a_time(text: str) -> None:
    assert parse_time(text) == NOON


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("23/10/2022", "may be day/month or month/day"),
        ("10-11-2022", "may be day/month or month/day"),
        ("44227.5", "may be a spreadsheet's count of days"),
        ("Oct 2022", "is not a time"),
        ("31 Jan 2021 12:00 EST", "names a time zone by letters"),
        ("2021-02-31", "is not a time"),
        ("2021-01-31 12:00:00 CET", "names a time zone by letters"),
        ("2021-01-31T12:00:00[Europe/Berlin]", "is not a time"),
        *((text, "may be a year, a day or seconds") for text in ("2026", "2026031", "0", "18991231")),
        *(
            (text, "is not a time")
            for text in ("P3D", "2026-01-31/2026-02-28", "12:00", "31.01.26", "2026-01")
        ),
        ("yesterday", "is not a time"),
    ],
)
def test_an_ambiguous_time_is_rejected_with_the_forms_understood(text: str, reason: str) -> None:
    outcome = parse_time(text)
    assert isinstance(outcome, Rejection) and outcome.reason.startswith(reason)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *(("out-of-stock", "out_of_stock"), ("OutOfStock", "out_of_stock"), ("Out_Of_Stock", "out_of_stock")),
        *(("https://schema.org/OutOfStock", "out_of_stock"), ("http://schema.org/InStock", "in_stock")),
        *(
            ("sold out", "out_of_stock"),
            ("discontinued", "out_of_stock"),
            ("no", "out_of_stock"),
            ("", "in_stock"),
        ),
        *(("available for order", "in_stock"), ("PreOrder", "preorder"), ("ausverkauft", "out_of_stock")),
        *((True, "in_stock"), ("FALSE", "out_of_stock"), ("12", "in_stock"), ("0", "out_of_stock")),
    ],
)
def test_an_availability(text: object, expected: str) -> None:
    assert parse_availability(text) == expected


def test_html_becomes_what_a_browser_shows_and_plain_text_stays() -> None:
    assert parse_prose("<ul><li>Oak</li><li>200&nbsp;cm</li></ul><style>p{}</style>") == "Oak 200 cm"
    assert parse_prose("&lt;p&gt;Tv&amp;#228;tt&lt;/p&gt;") == "Tvätt"
    for plain in ("R&D < 5 > 3", "a <ring> of gold", "AT&T; 50% off", "Tom & Jerry's"):
        assert parse_prose(plain) == plain


@given(
    st.text(st.characters(blacklist_characters="&<", blacklist_categories=["Cs", "Cc", "Cf"]), max_size=60)
)
def test_text_without_marks_changes_its_blanks_only(text: str) -> None:
    assert parse_prose(text) == " ".join(text.split())


ROWS = [{"id": "1", "title": "Käse"}, {"id": "2", "title": 'A "great" one'}]
TABLE = 'id\ttitle\n1\tKäse\n2\tA "great" one\n'


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
@pytest.mark.parametrize("packing", ["plain", "gzip", "zip"])
def test_encoding_and_compression_are_recognised(tmp_path: Path, encoding: str, packing: str) -> None:
    path = tmp_path / "any.name"
    content = TABLE.encode(encoding)
    if packing == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("feed.txt", content)
    else:
        path.write_bytes(gzip.compress(content) if packing == "gzip" else content)
    assert [row for _, row in read_delimited(path)] == ROWS


@pytest.mark.parametrize("separator", ["\t", ",", ";", "|"])
def test_the_separator_is_recognised(separator: str) -> None:
    assert find_separator(separator.join(["id", "title of it", "price"]) + "\n") == separator


def test_quote_marks_in_tabs_stay_unless_they_enclose_a_field(tmp_path: Path) -> None:
    path = tmp_path / "feed.tsv"
    path.write_text(
        'id\ttitle\tnote\n1\t"Great" lamp\ta\n2\t"Great lamp\tb\n3\t19" rack\tc\n4\t"a ""b"" c"\td\n'
        '5\t"two\nlines"\te\n6\t"\tf\n'
    )
    titles = [row["title"] for _, row in read_delimited(path)]
    assert titles == ['"Great" lamp', '"Great lamp', '19" rack', 'a "b" c', "two\nlines", '"']


def test_all_locales_are_known() -> None:
    assert all(Locale.parse(name) for name in LOCALES) and len(LOCALES) >= 20
