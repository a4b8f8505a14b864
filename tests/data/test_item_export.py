"""Exported items are read back as they were: import of an export is the identity on what a layout can say."""

from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bowerbird.data.ingest.imports import import_layout
from bowerbird.data.ingest.item_export import export_items
from bowerbird.data.items import Catalogue, Item
from bowerbird.data.readers.layouts import ItemLayout
from bowerbird.data.readers.recognition.layout import recognise
from bowerbird.data.readers.values.texts import is_null
from bowerbird.data.store import Store

WORDS = (
    st.text("abcÄß 19\"'éю椅子-", min_size=1, max_size=12)
    .map(lambda text: " ".join(text.split()) or "x")
    .filter(lambda text: not is_null(text))
)
MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2040, 1, 1)).map(
    lambda moment: moment.replace(microsecond=0, tzinfo=UTC)
)
PRICES = st.integers(100, 99_999).map(lambda cents: cents / 100)


@st.composite
def items(draw: st.DrawFn) -> Item:
    price, on_sale = draw(PRICES), draw(st.booleans())
    category = tuple(draw(st.lists(WORDS, max_size=2)))
    attributes = draw(st.dictionaries(st.sampled_from(["colour", "size", "shade"]), WORDS))
    first, last = sorted(draw(st.lists(MOMENTS, min_size=2, max_size=2, unique=True)))
    dates = {
        "sale_starts": draw(st.sampled_from([None, first])),
        "sale_ends": draw(st.sampled_from([None, last])),
    }
    sale = {"list_price": price, "sale_price": price / 2, **dates} if on_sale else {}
    return Item(
        item_id=draw(st.text("ab-19", min_size=1, max_size=4).filter(lambda text: not is_null(text))),
        title=draw(WORDS),
        description=draw(WORDS | st.just("")),
        price=price,
        currency=draw(st.sampled_from(["EUR", "SEK", "KWD"])),
        brand=draw(WORDS | st.just("")),
        category=category,
        attributes=attributes | ({"type": category[-1]} if category else {}),
        availability=draw(st.sampled_from(["in_stock", "out_of_stock", "preorder", "backorder"])),
        created_at=draw(st.none() | MOMENTS),
        link=draw(st.sampled_from(["", "https://store.example/a?b=1&c=2"])),
        image_link=draw(st.sampled_from(["", "https://store.example/a.jpg"])),
        additional_images=draw(st.sampled_from([(), ("https://s.example/1.jpg", "https://s.example/2.jpg")])),
        rating=draw(st.none() | st.sampled_from([3.5, 5.0])),
        rating_count=draw(st.none() | st.integers(0, 9999)),
        gtin=draw(st.sampled_from(["", "4006381333931"])),
        mpn=draw(st.sampled_from(["", "M-1"])),
        group_id=draw(st.sampled_from(["", "g1"])),
        condition=draw(st.sampled_from(["", "new", "used"])),
        language=draw(st.sampled_from(["", "sv"])),
        shipping=draw(st.sampled_from(["", "SE::Standard:49 SEK", "2 days"])),
        returns=draw(st.sampled_from(["", "30 days"])),
        **sale,
    )


@pytest.mark.parametrize("layout", ItemLayout)
@settings(max_examples=25, deadline=None)
@given(catalogue=st.lists(items(), min_size=1, max_size=4, unique_by=lambda item: item.item_id))
def test_import_of_an_export_is_the_identity(layout: ItemLayout, catalogue: list[Item]) -> None:
    expected = list(Catalogue.of(catalogue).items())
    with TemporaryDirectory() as folder:
        path = Path(folder) / ("items.tsv" if layout is ItemLayout.GOOGLE_FEED else "items.jsonl")
        with path.open("w", encoding="utf-8", newline="") as file:
            assert export_items(expected, layout, file, "A shop") == len(expected)
        store = Store.create(Path(folder) / "store")
        assert recognise([path]) == layout.value
        summary = import_layout(store, layout, [path])
        assert not summary.items.repaired
        assert list(store.catalogue().items()) == expected
        again = StringIO()
        export_items(store.catalogue().items(), layout, again, "A shop")
        assert again.getvalue() == path.read_bytes().decode(), "the same items, the same bytes"
