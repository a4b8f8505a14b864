"""Price comfort: what a person's liked items cost, as a weighted median with the range around it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from bowerbird.data.items import Catalogue
from bowerbird.taste.interests.interests import Interests
from bowerbird.taste.profile.medoids import liked_weights
from bowerbird.taste.state.user_state import TasteState

LEAST_ITEMS = 5
"""Liked items with a price, from which an interest has a price comfort of its own."""


@dataclass(frozen=True)
class PriceComfort:
    """What liked items cost in one currency: 10th, 50th and 90th percentile, weighted by decayed weight."""

    currency: str
    low: float
    median: float
    high: float
    items: int  # with a price, that this rests on

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Prices:
    """Price comfort over all liked items, for each currency, and for interests with enough of them."""

    overall: list[PriceComfort]  # the currency with the most items first
    by_interest: dict[int, list[PriceComfort]]  # number of the interest

    def of(self, interest: int) -> list[PriceComfort]:
        return self.by_interest.get(interest, [])


def price_comfort(
    state: TasteState,
    catalogue: Catalogue,
    interests: Interests,
    half_lives: Sequence[float],
    now: int | None = None,
) -> Prices:
    """What a person's liked items cost, overall and by interest."""
    items, weights = liked_weights(state, half_lives, now)
    prices = catalogue.prices[items]
    priced = np.flatnonzero(~np.isnan(prices))
    items, weights, prices = items[priced], weights[priced], prices[priced]
    currencies = np.array([catalogue.item(int(item)).currency for item in items], dtype=object)
    groups = interests.group[items]
    by_interest = {}
    for number in np.unique(groups[groups >= 0]).tolist():
        mine = groups == number
        found = _by_currency(prices[mine], weights[mine], currencies[mine], LEAST_ITEMS)
        if found:
            by_interest[number] = found
    return Prices(_by_currency(prices, weights, currencies, 1), by_interest)


def _by_currency(
    prices: np.ndarray, weights: np.ndarray, currencies: np.ndarray, least: int
) -> list[PriceComfort]:
    found = []
    for currency in dict.fromkeys(currencies.tolist()):
        mine = currencies == currency
        if mine.sum() >= least:
            low, median, high = weighted_quantiles(prices[mine], weights[mine], (0.1, 0.5, 0.9))
            found.append(PriceComfort(currency, low, median, high, int(mine.sum())))
    return sorted(found, key=lambda one: (-one.items, one.currency))


def weighted_quantiles(values: np.ndarray, weights: np.ndarray, shares: Sequence[float]) -> list[float]:
    """The least values below which, themselves included, lie shares of the weight; (n,), (n,) -> (shares).

    >>> weighted_quantiles(np.array([10.0, 20.0, 30.0]), np.array([1.0, 1.0, 8.0]), [0.1, 0.5])
    [10.0, 30.0]
    """
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weights[order])
    places = np.searchsorted(reached, np.array(shares) * reached[-1] * (1 - 1e-12))
    found: list[float] = values[order][places].tolist()
    return found
