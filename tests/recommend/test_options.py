"""Options of a list do what they promise, and no more; each part can be left out for an ablation."""

from __future__ import annotations

import numpy as np
import pytest

from bowerbird.data.events import Action
from bowerbird.errors import InputError
from bowerbird.recommend.filtering.filters import ItemFilter, Range
from bowerbird.recommend.options import RecommendOptions
from bowerbird.recommend.recommender import Recommender


@pytest.mark.parametrize(
    "invalid",
    [{"exploration": 1.1}, {"diversity": -1}, {"exclude": ("a",) * 501}, {"outcome": Action.HIDE}],
)
def test_invalid_options_are_rejected(invalid: dict[str, object]) -> None:
    with pytest.raises(InputError, match=r"expected 0 to 1|at most 500|expected one of"):
        RecommendOptions(**invalid)  # type: ignore[arg-type]


def test_a_user_gets_only_what_passes_the_filters(recommender: Recommender) -> None:
    prices = recommender.catalogue.prices
    low, high = np.nanquantile(prices, [0.2, 0.4])
    items = recommender.recommend_user("u0", 200, RecommendOptions(filter=ItemFilter(price=Range(low, high))))
    assert items and all(low <= (item.price or 0) <= high for item in items)
