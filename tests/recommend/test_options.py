"""Options of a list do what they promise, and no more; each part can be left out for an ablation."""

from __future__ import annotations

import numpy as np
import pytest

from bowerbird.data.events import Action
from bowerbird.data.items import Catalogue, Item
from bowerbird.errors import InputError
from bowerbird.recommend.options import RecommendOptions
from bowerbird.recommend.recommender import Recommender


def test_filters_leave_what_passes_all_of_them() -> None:
    catalogue = Catalogue.of(
        [
            Item("a", "a", price=10.0, category=("Home", "Lamps")),
            Item("b", "b", price=20.0, category=("Home", "Sofas")),
            Item("c", "c", category=("home",)),
            Item("d", "d", price=10.0),
        ]
    )

    def ids_left(**filters: object) -> str:
        mask = RecommendOptions(**filters).eligible(catalogue)  # type: ignore[arg-type]
        return "".join(np.array(catalogue.ids)[mask])

    assert ids_left() == "abcd"
    assert (
        ids_left(category="HOME") == "abc"
        and ids_left(category="lamps") == "a"
        and ids_left(category="x") == ""
    )
    assert ids_left(price_min=10) == "abd" and ids_left(price_max=15) == "ad"
    assert ids_left(price_min=10, price_max=15, category="home") == "a"


@pytest.mark.parametrize(
    "invalid",
    [{"exploration": 1.1}, {"diversity": -1}, {"price_min": 5, "price_max": 4}, {"outcome": Action.HIDE}],
)
def test_invalid_options_are_rejected(invalid: dict[str, object]) -> None:
    with pytest.raises(InputError, match=r"expected 0 to 1|above the highest|expected one of"):
        RecommendOptions(**invalid)  # type: ignore[arg-type]


def test_a_user_gets_only_what_passes_the_filters(recommender: Recommender) -> None:
    prices = recommender.catalogue.prices
    low, high = np.nanquantile(prices, [0.2, 0.4])
    items = recommender.recommend_user("u0", 200, RecommendOptions(price_min=low, price_max=high))
    assert items and all(low <= (item.price or 0) <= high for item in items)
