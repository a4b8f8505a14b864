"""A filter selects the items that a slow check of each one selects; what it does not know is an error."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bowerbird.data.items import NOT_SOLD, Catalogue, Item
from bowerbird.errors import InputError
from bowerbird.recommend.filtering.emptiness import explain_emptiness
from bowerbird.recommend.filtering.filters import (
    ID_FIELDS,
    NAME_FIELDS,
    NUMBER_FIELDS,
    ItemFilter,
    Period,
    Range,
    combine,
    parse_filter,
)

DAY = timedelta(days=1)
START = datetime(2026, 1, 1, tzinfo=UTC)
WORDS = st.sampled_from(["", "Oak", "oak", "Red", "red lamp", "Ö"])
NUMBERS = st.none() | st.integers(0, 4).map(float)
TIMES = st.none() | st.integers(0, 4).map(lambda days: START + days * DAY)

ITEMS = st.builds(
    Item,
    item_id=st.just(""),
    title=WORDS,
    brand=WORDS,
    price=NUMBERS,
    list_price=NUMBERS,
    rating=NUMBERS,
    category=st.lists(WORDS.filter(bool), max_size=2).map(tuple),
    attributes=st.dictionaries(st.sampled_from(["Color", "color", "size"]), WORDS.filter(bool), max_size=2),
    availability=st.sampled_from(["in_stock", "out_of_stock", "preorder"]),
    created_at=TIMES,
    group_id=WORDS,
)
VALUES = st.lists(WORDS, max_size=2).map(tuple)
BOUNDS = st.tuples(NUMBERS, NUMBERS).filter(lambda pair: None in pair or pair[0] <= pair[1])
FLAT = st.fixed_dictionaries(
    {},
    optional={
        "brand": VALUES,
        "language": VALUES,
        "group_id": VALUES,
        "availability": st.just(("IN_STOCK",)),
        "category": VALUES,
        "attributes": st.dictionaries(st.sampled_from(["COLOR", "size"]), VALUES, max_size=1),
        "price": BOUNDS.map(lambda pair: Range(*pair)),
        "rating": BOUNDS.map(lambda pair: Range(*pair)),
        "created_at": st.tuples(TIMES, TIMES).map(lambda pair: Period(*pair)),
        "in_stock": st.booleans(),
        "on_sale": st.booleans(),
        "contains": st.fixed_dictionaries({"title": WORDS}),
        "has": st.sampled_from([("price",), ("brand", "category"), ("attributes",)]),
    },
).map(lambda fields: ItemFilter(**fields))
FILTERS = st.recursive(
    FLAT,
    lambda inner: st.builds(
        ItemFilter,
        all_of=st.lists(inner, max_size=2).map(tuple),
        any_of=st.none() | st.lists(inner, max_size=2).map(tuple),
        none_of=st.lists(inner, max_size=2).map(tuple),
    ),
    max_leaves=4,
)


def passes(condition: ItemFilter, item: Item) -> bool:
    """The slow check: one item, one condition after the other."""
    lower = str.lower
    value: Any
    for name in ID_FIELDS:
        if (values := getattr(condition, name)) is not None and getattr(item, name) not in values:
            return False
    for name in NAME_FIELDS:
        values = getattr(condition, name)
        if values is not None and lower(getattr(item, name)) not in map(lower, values):
            return False
    for name in NUMBER_FIELDS:
        bounds, value = getattr(condition, name), getattr(item, name)
        if bounds is not None and not is_between(value, bounds.min, bounds.max):
            return False
    if condition.category is not None and not {*map(str.casefold, condition.category)} & {
        *map(str.casefold, item.category)
    }:
        return False
    for key, values in (condition.attributes or {}).items():
        texts = [text for name, text in sorted(item.attributes.items()) if lower(name) == lower(key)]
        if not texts or lower(texts[0]) not in map(lower, values):
            return False
    period = condition.created_at
    if period is not None and not is_between(item.created_at, period.since, period.until):
        return False
    if condition.in_stock is not None and (item.availability not in NOT_SOLD) != condition.in_stock:
        return False
    if condition.on_sale is not None and item.on_sale != condition.on_sale:
        return False
    for name, text in (condition.contains or {}).items():
        if lower(text) not in lower(getattr(item, name)):
            return False
    if any(getattr(item, name) in (None, "", (), {}) for name in condition.has or ()):
        return False
    return (
        all(passes(each, item) for each in condition.all_of or ())
        and (condition.any_of is None or any(passes(each, item) for each in condition.any_of))
        and not any(passes(each, item) for each in condition.none_of or ())
    )


def is_between(value: Any, low: Any, high: Any) -> bool:
    return value is not None and (low is None or value >= low) and (high is None or value <= high)


@settings(max_examples=150, deadline=None)
@given(items=st.lists(ITEMS, min_size=1, max_size=6), condition=FILTERS)
@example(items=[Item("", "")], condition=ItemFilter(group_id=("",)))
def test_a_mask_is_the_slow_check_of_each_item(items: list[Item], condition: ItemFilter) -> None:
    numbered = [
        Item(**{name: getattr(item, name) for name in Item.__slots__} | {"item_id": f"i{number}"})
        for number, item in enumerate(items)
    ]
    mask = condition.mask(Catalogue.of(numbered))
    assert mask.tolist() == [passes(condition, item) for item in numbered]
    assert (explain_emptiness(condition, Catalogue.of(numbered)) is None) == any(mask)


def test_an_empty_list_names_what_nothing_has() -> None:
    catalogue = Catalogue.of(
        [Item("a", "a", brand="Oak", category=("Lamp",), price=5.0, attributes={"color": "red"})]
    )
    for text, reason in {
        '{"category": ["lamp"], "brand": ["OAK"]}': None,
        '{"category": ["NoSuch", "lamp"]}': None,
        '{"category": ["NoSuch"]}': "no item has category 'NoSuch'",
        '{"any_of": [{"brand": ["Elm", "Ash"]}], "attributes": {"color": ["red"], "size": ["L"]}}': (
            "no item has size 'L', brand 'Elm', brand 'Ash'"
        ),
        '{"price": {"max": 1}}': "no item passes the filter: widen it",
        '{"none_of": [{"brand": ["Oak", "Elm"]}]}': "no item passes the filter: widen it",
    }.items():
        assert explain_emptiness(parse_filter(text), catalogue) == reason
    assert explain_emptiness(None, catalogue) is None


def test_a_filter_is_read_from_json() -> None:
    text = """{"price": {"max": 60}, "attributes": {"color": ["red"]}, "created_at":
        {"since": "2026-01-01T00:00:00+01:00"}, "none_of": [{"brand": ["Acme"]}], "in_stock": true}"""
    condition = parse_filter(text)
    assert condition.price == Range(max=60.0) and condition.none_of == (ItemFilter(brand=("Acme",)),)
    assert condition.created_at == Period(START - timedelta(hours=1))
    catalogue = Catalogue.of([Item("a", "a", price=60.0, attributes={"color": "red"}, created_at=START)])
    assert condition.mask(catalogue).all()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not JSON"),
        ("[]", "expected `object`"),
        ('{"prize": {"max": 1}}', "unknown field `prize`"),
        ('{"all_of": [{"any_of": [{"prize": 1}]}]}', r"unknown field `all_of\.0\.any_of\.0\.prize`"),
        ('{"price": {"min": 2, "max": 1}}', "above the highest"),
        ('{"price": "cheap"}', "price"),
        ('{"created_at": {"since": "2026-01-01T00:00:00"}}', "timezone"),
        ('{"has": ["wings"]}', "wings"),
    ],
)
def test_an_invalid_filter_names_its_fault(text: str, message: str) -> None:
    with pytest.raises(InputError, match=f"(?i){message}"):
        parse_filter(text)


def test_filters_combine() -> None:
    cheap, oak = ItemFilter(price=Range(max=1)), ItemFilter(brand=("Oak",))
    assert combine(None, ItemFilter()) is None and combine(None, cheap) == cheap
    assert combine(cheap, None, oak) == ItemFilter(all_of=(cheap, oak))
    assert np.array_equal(ItemFilter().mask(Catalogue.of([Item("a", "a")])), [True])
