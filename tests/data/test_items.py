"""Items: optional fields, sale prices in force, groups of variants, and stores made before these existed."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from hypothesis import given
from hypothesis import strategies as st

from bowerbird.data.items import FURTHER_FIELDS, ITEM_SCHEMA, Catalogue, Item
from bowerbird.data.store import Store
from bowerbird.data.versions.catalogue_files import ITEMS_FILE

NOW = datetime.now(UTC).replace(microsecond=0)
DAY = timedelta(days=1)
FULL = Item(
    "a",
    "Lamp",
    price=10.0,
    currency="EUR",
    link="https://store.example/a",
    image_link="https://store.example/a.jpg",
    additional_images=("https://store.example/b.jpg",),
    list_price=20.0,
    sale_price=10.0,
    sale_starts=NOW - DAY,
    sale_ends=NOW + DAY,
    rating=4.5,
    rating_count=12,
    gtin="4006381333931",
    mpn="L-1",
    group_id="lamps",
    condition="new",
    shipping="SE: 49.00 SEK",
    returns="30 days",
    language="sv",
)


def test_every_field_is_stored(tmp_path: Path) -> None:
    store = Store.create(tmp_path / "store")
    store.publish_catalogue(Catalogue.of([FULL, Item("b", "Chair")]))
    catalogue = store.catalogue()
    assert list(catalogue.items()) == [FULL, Item("b", "Chair")]
    assert catalogue.item(0) == FULL and catalogue.items_at(np.array([1, 0]))[1] == FULL


def test_a_store_made_before_still_opens(tmp_path: Path) -> None:
    store = Store.create(tmp_path / "store")
    version = store.publish_catalogue(Catalogue.of([Item("a", "Lamp", price=5.0)]))
    path = version.path / ITEMS_FILE
    pq.write_table(pq.ParquetFile(path).read().drop_columns(FURTHER_FIELDS), path)
    assert list(store.catalogue().items()) == [Item("a", "Lamp", price=5.0)]


def price_with_sale(starts: datetime | None, ends: datetime | None) -> tuple[float | None, bool]:
    sale = Item("a", price=1.0, list_price=20.0, sale_price=10.0, sale_starts=starts, sale_ends=ends)
    item = Catalogue.of([sale]).item(0)
    return item.price, item.on_sale


def test_a_sale_price_is_in_force_within_its_dates() -> None:
    assert price_with_sale(None, None) == (10.0, True)
    assert price_with_sale(NOW - DAY, NOW + DAY) == (10.0, True)
    assert price_with_sale(NOW + DAY, None) == (20.0, False)
    assert price_with_sale(None, NOW - DAY) == (20.0, False)


@given(st.lists(st.sampled_from(["", "x", "y"]), max_size=8))
def test_variants_share_a_group_and_others_are_alone(groups: list[str]) -> None:
    catalogue = Catalogue.of([Item(str(row), group_id=group) for row, group in enumerate(groups)])
    numbers = catalogue.articles.numbers.tolist()
    for row, group in enumerate(groups):
        for other, other_group in enumerate(groups):
            assert (numbers[row] == numbers[other]) == (row == other or bool(group and group == other_group))


def test_prices_of_an_open_catalogue_follow_its_sales() -> None:
    later, soon = NOW + DAY, NOW + DAY / 2
    sale = {"price": 20.0, "list_price": 20.0, "sale_price": 10.0}
    catalogue = Catalogue.of(
        [Item("a", "a", **sale, sale_starts=soon, sale_ends=later), Item("b", "b", price=3.0)]
    )
    assert (catalogue.item(0).price, catalogue.prices.tolist()) == (20.0, [20.0, 3.0])
    for moment, price in ((NOW, 20.0), (soon, 10.0), (later, 20.0), (later + DAY, 20.0)):
        catalogue.follow_sales(moment)
        assert (catalogue.item(0).price, catalogue.prices.tolist()) == (price, [price, 3.0])
        assert catalogue.on_sale.tolist() == [price < 20, False] and catalogue.items_at(np.array([0]))[
            0
        ].on_sale == (price < 20)


def test_the_schema_and_the_item_name_the_same_fields() -> None:
    assert list(ITEM_SCHEMA.names) == list(Item.__dataclass_fields__)


def test_a_catalogue_leaves_out_what_a_newer_version_does_not_sell() -> None:
    served = Catalogue.of([Item(name, name) for name in "abcd"])
    assert served.available.all()
    newer = Catalogue.of([Item("c", "c", availability="out_of_stock"), Item("a", "a"), Item("x", "x")])
    served.leave_out(newer.without(["a"]).table.select(["item_id", "availability"]))
    assert served.available.tolist() == [False] * 4
    assert served.withdrawn.tolist() == [True, True, False, True], "c is sold out, not gone"
    served.undo_leave_out()
    assert served.available.all() and not served.withdrawn.any()
