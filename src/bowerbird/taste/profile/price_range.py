"""Price comfort: what a user's liked items cost, as a weighted median with the range around it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bowerbird.data.arrays import DoubleArray
from bowerbird.data.items import Catalogue
from bowerbird.taste.interests.interests import Interests
from bowerbird.taste.profile.medoids import liked_weights
from bowerbird.taste.state.user_state import TasteState

MIN_ITEMS = 5
"""Liked items with a price, from which an interest has a price comfort of its own."""


@dataclass(frozen=True)
class PriceComfort:
    """What liked items cost in one currency: 10th, 50th and 90th percentile, weighted by decayed weight."""

    currency: str
    low: float
    median: float
    high: float
    items: int  # with a price, that the percentiles are computed from

    def as_dict(self) -> dict[str, Any]:
        """Give the fields as plain values."""
        return asdict(self)


@dataclass(frozen=True)
class Prices:
    """Price comfort over all liked items, for each currency, and for interests with enough of them."""

    overall: list[PriceComfort]  # the currency with the most items first
    by_interest: dict[int, list[PriceComfort]]  # number of the interest

    def of_interest(self, interest: int) -> list[PriceComfort]:
        return self.by_interest.get(interest, [])


def compute_prices(
    state: TasteState,
    catalogue: Catalogue,
    interests: Interests,
    half_lives: Sequence[float],
    now: int | None = None,
) -> Prices:
    """What a user's liked items cost, overall and by interest."""
    items, weights = liked_weights(state, half_lives, now)
    prices = catalogue.prices[items]
    has_price = np.flatnonzero(~np.isnan(prices))
    items, weights, prices = items[has_price], weights[has_price], prices[has_price]
    currencies = np.array([catalogue.item(int(item)).currency for item in items], dtype=object)
    groups = interests.group[items]
    by_interest = {}
    for number in np.unique(groups[groups >= 0]).tolist():
        in_group = groups == number
        comforts = _by_currency(prices[in_group], weights[in_group], currencies[in_group], MIN_ITEMS)
        if comforts:
            by_interest[number] = comforts
    return Prices(_by_currency(prices, weights, currencies, 1), by_interest)


def _by_currency(
    prices: DoubleArray, weights: DoubleArray, currencies: NDArray[np.object_], min_items: int
) -> list[PriceComfort]:
    comforts = []
    for currency in dict.fromkeys(currencies.tolist()):
        in_currency = currencies == currency
        count = int(in_currency.sum())
        if count >= min_items:
            low, median, high = weighted_quantiles(prices[in_currency], weights[in_currency], (0.1, 0.5, 0.9))
            comforts.append(PriceComfort(currency, low, median, high, count))
    return sorted(comforts, key=lambda comfort: (-comfort.items, comfort.currency))


def weighted_quantiles(values: DoubleArray, weights: DoubleArray, shares: Sequence[float]) -> list[float]:
    """The smallest values v with Σ of the weights of values ≤ v at least a share of all weight.

    (n,), (n,) -> (shares).

    >>> weighted_quantiles(np.array([10.0, 20.0, 30.0]), np.array([1.0, 1.0, 8.0]), [0.1, 0.5])
    [10.0, 30.0]
    """
    order = np.argsort(values, kind="stable")
    cumulative = np.cumsum(weights[order])
    # A hair less than the share, so that rounding of the sum does not move it on to the next value.
    ranks = np.searchsorted(cumulative, np.array(shares) * cumulative[-1] * (1 - 1e-12))
    quantiles: list[float] = values[order][ranks].tolist()
    return quantiles
