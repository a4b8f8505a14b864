"""Price comfort is the weighted quantile, given where there are enough items."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from bowerbird.data.events import Action, Event
from bowerbird.taste.graph import TasteGraph
from bowerbird.taste.profile.price_range import compute_prices, weighted_quantiles

HALF_LIVES = (0.02, 7.0, 90.0)


@given(
    pairs=st.lists(st.tuples(st.integers(1, 500), st.integers(1, 6)), min_size=1, max_size=25),
    share=st.sampled_from([0.1, 0.5, 0.9]),
)
@settings(max_examples=80)
def test_a_weight_equals_that_number_of_copies(pairs: list[tuple[int, int]], share: float) -> None:
    """Against numpy's inverted distribution over each value repeated by its weight."""
    values, weights = np.array(pairs, float).T
    copies = np.repeat(values, weights.astype(int))
    quantile = weighted_quantiles(values, weights, [share])[0]
    assert quantile == np.quantile(copies, share, method="inverted_cdf")


def test_comfort_overall_and_by_interest(ada: TasteGraph, did: Callable[..., Event]) -> None:
    """Ada's five lamps cost 20 to 24, her three shirts 10 to 12: too few for a comfort of their own."""
    prices = compute_prices(ada.state("ada"), ada.catalogue, ada.interests_of_items, HALF_LIVES)
    assert len(prices.overall) == 1 and prices.overall[0].items == 8
    lamps = {int(ada.interests_of_items.group[10])}
    assert set(prices.by_interest) == lamps
    comfort = prices.of_interest(lamps.pop())[0]
    assert 20.0 <= comfort.low <= comfort.median <= comfort.high == 24.0


def test_hidden_or_only_viewed_items_set_no_price(ada: TasteGraph, did: Callable[..., Event]) -> None:
    ada.learn([did("eve", 39, Action.VIEW, day=1), did("eve", 5, Action.CLICK, day=2)])
    ada.learn([did("eve", 30, Action.CLICK, day=2), did("eve", 30, Action.HIDE, day=3)])
    prices = compute_prices(ada.state("eve"), ada.catalogue, ada.interests_of_items, HALF_LIVES)
    assert [(comfort.low, comfort.median, comfort.high) for comfort in prices.overall] == [(15.0, 15.0, 15.0)]
