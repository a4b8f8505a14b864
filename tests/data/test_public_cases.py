"""Inputs of public bug reports, with the right values; skipped visibly where they are not here."""

import gzip
import os
from pathlib import Path

import pytest

from bowerbird.data.ingest.imports import import_layout
from bowerbird.data.items import Item
from bowerbird.data.store import Store

CASES = Path(os.environ.get("BOWERBIRD_CASES", Path(__file__).parents[3] / "shared" / "cases"))
pytestmark = pytest.mark.skipif(
    not CASES.is_dir(), reason="the inputs are not here: set BOWERBIRD_CASES to their folder"
)
PRICES = {
    "a": (19.99, "EUR"),
    "c": (1298, "EUR"),
    "h": (1015, "EUR"),
    "i": (1299, "EUR"),
    "k": (9.5, "EUR"),
    "l": (9.5, "EUR"),
    "m": (100, "AUD"),
    "o": (6.9, "EUR"),
    "p": (1125, ""),
    "t": (185.130001, "EUR"),
    "w": (12, "USD"),
}


def imported(store: Store, *names: str, layout: str = "google-feed", **options: Path) -> dict[str, Item]:
    import_layout(store, layout, [CASES / name for name in names], **options)
    return {item.item_id: item for item in store.catalogue().items()}


def test_prices(store: Store) -> None:
    items = imported(store, "prices.tsv")
    assert {item_id: (item.price, item.currency) for item_id, item in items.items()} == PRICES


def test_sale_prices(store: Store) -> None:
    items = imported(store, "sale_price.xml")
    assert (items["Z0"].price, items["Z0"].list_price) == (49, None)
    assert (items["Z3"].price, items["Z3"].list_price) == (10, 20)


def test_html_in_text(store: Store) -> None:
    items = imported(store, "escaped_html.xml", "entities.tsv", "atom.xml")
    assert items["K2"].description == "Tvätt: Tyg i 60 grader."
    assert (items["1"].title, items["1"].description) == ("Table & chair", "Soft wool")
    assert next(item for item in items.values() if item.title == "Red wool sweater").description == (
        "Soft and warm wool."
    )


def test_quote_marks(store: Store) -> None:
    titles = [item.title for item in imported(store, "quotes.tsv").values()]
    assert titles == ['"Great" lamp', '"Great lamp', "Chair", "Table", '19" rack shelf']


def test_availability(store: Store) -> None:
    imported(store, "availability.tsv")
    catalogue = store.catalogue()
    available = {
        item_id
        for item_id, is_available in zip(catalogue.ids, catalogue.available, strict=True)
        if is_available
    }
    assert available == {"8", "9", "10"}


def test_full_feeds(store: Store) -> None:
    imported(store, "full_feed_day1.tsv")
    second = [CASES / "full_feed_day2.tsv"]
    assert import_layout(store, "google-feed", second).not_in_files == 1
    assert import_layout(store, "google-feed", second, is_full=True).withdrawn == 1
    assert store.catalogue().withdrawn.tolist() == [False, False, True]


def test_formats_by_content(store: Store, tmp_path: Path) -> None:
    assert imported(store, "feed.rss")["5"].price == 20
    assert imported(store, "feed.csv")["2"].title == "Chair, oak"
    packed, wide = tmp_path / "feed.tsv.gz", tmp_path / "excel.csv"
    packed.write_bytes(gzip.compress((CASES / "prices.tsv").read_bytes()))
    wide.write_bytes((CASES / "feed.csv").read_text().encode("utf-16"))
    assert import_layout(store, "google-feed", [packed, wide]).items.accepted == len(PRICES) + 2


def test_times_and_ids(store: Store) -> None:
    summary = import_layout(store, "parquet", [CASES / "times"], column_map=CASES / "times" / "map.toml")
    items = {item.item_id: item.price for item in store.catalogue().items()}
    assert items == {"7325": 18999, "7282": 185.130001, "7447": 19.989999771118164, "6947": 24.5}
    rows = store.log.read()
    assert (summary.events.read, summary.events.accepted) == (8, 7)
    assert rows["item_id"].to_pylist().count("7325") == 3
    (reason,) = summary.events.rejected
    assert "day/month or month/day" in reason and "2026-01-31" in reason


def test_recbole(store: Store) -> None:
    import_layout(store, "recbole", [CASES / "recbole"])
    items = {item.item_id: item for item in store.catalogue().items()}
    assert [item.price for item in items.values()] == [9.99, 19.99, 29.99, 39.99]
    assert {item.brand for item in items.values()} == {"Acme"} and items["1"].title == '"Hollow lamp'
    assert all(item.category for item in items.values())
