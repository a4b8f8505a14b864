"""Items that differ, found in whole columns, are those that are found one by one."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from bowerbird.data.items import ITEM_SCHEMA, Catalogue, Item, table_of
from bowerbird.data.pictures.links import keep_fetched
from bowerbird.data.versions.changed_items import changed_rows

TEXTS = st.sampled_from(["", "a", "a\x1f", "\x1d", "é"])
LINKS = st.sampled_from(["", "https://x.example/1.jpg", "https://x.example/2.jpg", "1.jpg"])
NUMBERS = st.sampled_from([None, 0.0, 5.0])
ITEMS = st.builds(
    Item,
    item_id=st.sampled_from(["1", "2", "3", "4"]),
    title=TEXTS,
    image=st.sampled_from([None, None, b"one", b"two"]),
    price=NUMBERS,
    list_price=NUMBERS,
    category=st.lists(TEXTS, max_size=3).map(tuple),
    attributes=st.dictionaries(TEXTS, TEXTS, max_size=2),
    availability=st.sampled_from(["in_stock", "out_of_stock", "withdrawn"]),
    created_at=st.sampled_from([None, datetime(2026, 1, 1, tzinfo=UTC)]),
    image_link=LINKS,
    additional_images=st.lists(LINKS, max_size=2).map(tuple),
    rating_count=st.sampled_from([None, 0, 7]),
)
CATALOGUES = st.lists(ITEMS, max_size=4, unique_by=lambda item: item.item_id)


@settings(max_examples=40, deadline=None)
@given(CATALOGUES, CATALOGUES, st.data())
def test_items_that_differ(before: list[Item], fresh: list[Item], data: st.DataObject) -> None:
    """Some new items are those of before, with one field changed, or none."""
    for item in before:
        changed = data.draw(ITEMS)
        name = data.draw(st.sampled_from(["title", "category", "attributes", "image", "image_link", "price"]))
        fresh = [each for each in fresh if each.item_id != item.item_id] + [
            replace(item, **{name: getattr(changed, name)})
        ]
    old, new = Catalogue.of(before), Catalogue.of(fresh)
    fetched = keep_fetched(new, old)
    expected = [
        row
        for row, item_id in enumerate(new.ids)
        if (position := old.position.get(item_id)) is None
        or new.item(row) != old.item(position)
        or fetched.image(row) != old.image(position)
    ]
    assert changed_rows(new, old).tolist() == expected


@given(st.lists(ITEMS, max_size=4))
def test_items_as_a_table_are_their_rows(items: list[Item]) -> None:
    rows = pa.Table.from_pylist([item.as_row() for item in items], schema=ITEM_SCHEMA)
    assert table_of(items).equals(rows)
    assert table_of(items, [b"other"] * len(items))["image"].to_pylist() == [b"other"] * len(items)
