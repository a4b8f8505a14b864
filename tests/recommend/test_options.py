"""Options of a list do what they say, and no more; each part can be left out for an ablation."""

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

    def left(**filters: object) -> str:
        mask = RecommendOptions(**filters).eligible(catalogue)  # type: ignore[arg-type]
        return "".join(np.array(catalogue.ids)[mask])

    assert left() == "abcd"
    assert left(category="HOME") == "abc" and left(category="lamps") == "a" and left(category="x") == ""
    assert left(price_min=10) == "abd" and left(price_max=15) == "ad"
    assert left(price_min=10, price_max=15, category="home") == "a"


@pytest.mark.parametrize(
    "bad",
    [{"exploration": 1.1}, {"diversity": -1}, {"price_min": 5, "price_max": 4}, {"outcome": Action.HIDE}],
)
def test_senseless_options_are_refused(bad: dict[str, object]) -> None:
    with pytest.raises(InputError, match=r"expected 0 to 1|above the highest|expected one of"):
        RecommendOptions(**bad)  # type: ignore[arg-type]


def test_a_person_gets_only_what_passes_the_filters(recommender: Recommender) -> None:
    prices = recommender.catalogue.prices
    low, high = np.nanquantile(prices, [0.2, 0.4])
    found = recommender.recommend_user("u0", 200, RecommendOptions(price_min=low, price_max=high))
    assert found and all(low <= (one.price or 0) <= high for one in found)
