"""Price phrases become ranges; other numbers do not."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bowerbird.assist.find.constraints import in_range
from bowerbird.assist.price_range import PriceRange
from bowerbird.assist.understand.prices import take_prices
from bowerbird.text.words import normalize_text

INF = math.inf


def range_of(text: str) -> PriceRange:
    return take_prices(normalize_text(text), a_type_follows=lambda rest: rest.strip().startswith("cushion"))[
        0
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a lamp under 60", PriceRange(high=60, high_open=True)),
        ("below $60 please", PriceRange(high=60, high_open=True)),
        ("less than 60 dollars", PriceRange(high=60, high_open=True)),
        ("cheaper than 60", PriceRange(high=60, high_open=True)),
        ("Under €1,200.50 in oak", PriceRange(high=1200.5, high_open=True)),
        ("max 60", PriceRange(high=60)),
        ("max. 60€", PriceRange(high=60)),
        ("a maximum of 60", PriceRange(high=60)),
        ("my budget is 60", PriceRange(high=60)),
        ("up to 60 euros", PriceRange(high=60)),
        ("60 or less", PriceRange(high=60)),
        ("at most 59,90", PriceRange(high=59.9)),
        ("not more than 60", PriceRange(high=60)),
        ("no more than $60", PriceRange(high=60)),
        ("nothing over 60", PriceRange(high=60)),
        ("a lamp for 60 euros", PriceRange(high=60)),
        ("a $60 lamp", PriceRange(high=60)),
        ("between 20 and 40", PriceRange(20, 40)),
        ("between $20 and $40 dollars", PriceRange(20, 40)),
        ("from 20 to 40", PriceRange(20, 40)),
        ("20-40", PriceRange(20, 40)),
        ("a rug, 20 – 40 euros", PriceRange(20, 40)),
        ("over 100", PriceRange(low=100, low_open=True)),
        ("more than 100 but under 200", PriceRange(100, 200, low_open=True, high_open=True)),
        ("at least 100", PriceRange(low=100)),
        ("100 or more", PriceRange(low=100)),
        ("$100+", PriceRange(low=100)),
        ("around 50", PriceRange(40, 60)),
        ("about 50 euros", PriceRange(40, 60)),
        ("under 0.0115", PriceRange(high=0.0115, high_open=True)),
        ("2k max", PriceRange(high=2000)),
        ("under 60. Thanks", PriceRange(high=60, high_open=True)),
    ],
)
def test_a_price_phrase_is_a_range(text: str, expected: PriceRange) -> None:
    assert range_of(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "a table for 2 people",
        "a table for 4-6 people",
        "jeans in size 38",
        "size 38-40",
        "a set of 4 glasses",
        "under 120 cm wide",
        "a rug over 2 metres",
        "at least 2 cushions",
        "a 60s lamp",
        "a lamp from 1960s denmark",
        "100% cotton",
        "2 lamps",
        "a 3-seater sofa",
        "around 2 people",
        "movies from 1990",
        "a poster 30x40",
        "item number 12",
    ],
)
def test_other_numbers_are_no_prices(text: str) -> None:
    assert not range_of(text).bounded


@given(st.text(max_size=300))
def test_any_text_gives_an_ordered_range(text: str) -> None:
    request = range_of(text)
    assert 0 <= request.low <= request.high


numbers = st.floats(0, 1000, allow_nan=False)
ranges = st.builds(
    lambda a, b, x, y: PriceRange(min(a, b), max(a, b), x, y), numbers, numbers, st.booleans(), st.booleans()
)


@given(ranges, ranges, st.floats(0, 1000) | st.just(math.nan))
def test_narrowed_is_the_intersection(a: PriceRange, b: PriceRange, price: float) -> None:
    narrowed = a.narrowed(b)
    if narrowed.low <= narrowed.high and not math.isnan(price):
        assert (price in narrowed) == (price in a and price in b)


@given(ranges, st.lists(st.floats(0, 1000) | st.just(math.nan), min_size=1))
def test_masks_agree_with_single_prices(wanted: PriceRange, prices: list[float]) -> None:
    if wanted.bounded:
        assert in_range(np.array(prices), wanted).tolist() == [price in wanted for price in prices]
