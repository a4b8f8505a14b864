"""Filters, exploration and boosts do what they say, and no more."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bowerbird.data.items import Catalogue, Item
from bowerbird.errors import InputError
from bowerbird.recommend.rerank.boosts import Boosts, Rule
from bowerbird.recommend.rerank.diversity import diversify
from bowerbird.recommend.recommender import Recommender
from bowerbird.recommend.options import RecommendOptions

# -- filters ------------------------------------------------------------------------------------------------


def test_filters_leave_what_fulfils_all_of_them() -> None:
    catalogue = Catalogue.of(
        [
            Item("a", "a", price=10.0, category=("Home", "Lamps")),
            Item("b", "b", price=20.0, category=("Home", "Sofas")),
            Item("c", "c", category=("home",)),
            Item("d", "d", price=10.0),
        ]
    )

    def left(**wishes: object) -> str:
        mask = RecommendOptions(**wishes).allowed(catalogue)  # type: ignore[arg-type]
        assert mask is not None
        return "".join(np.array(catalogue.ids)[mask])

    assert RecommendOptions().allowed(catalogue) is None
    assert left(category="HOME") == "abc" and left(category="lamps") == "a" and left(category="x") == ""
    assert left(price_min=10) == "abd" and left(price_max=15) == "ad"
    assert left(price_min=10, price_max=15, category="home") == "a"


@pytest.mark.parametrize("bad", [{"explore": 1.1}, {"diversity": -1}, {"price_min": 5, "price_max": 4}])
def test_senseless_wishes_are_refused(bad: dict[str, float]) -> None:
    with pytest.raises(InputError, match=r"expected 0 to 1|above the top_positions"):
        RecommendOptions(**bad)  # type: ignore[arg-type]


def test_a_person_gets_only_what_passes_the_filters(recommender: Recommender) -> None:
    prices = recommender.catalogue.prices
    low, high = np.nanquantile(prices, [0.2, 0.4])
    found = recommender.recommend_user("u0", 200, RecommendOptions(price_min=low, price_max=high))
    assert found and all(low <= (one.price or 0) <= high for one in found)


# -- exploration --------------------------------------------------------------------------------------------


def test_propensities_are_how_often_an_item_comes_first() -> None:
    relevance = np.array([1.0, 0.9, 0.6, 0.0])
    rng = np.random.default_rng(0)
    drawn = [diversify(relevance, np.eye(4), 4, 0.0, 0.5, rng) for _ in range(4000)]
    firsts = np.bincount([order[0] for order, _ in drawn], minlength=4) / len(drawn)
    told = np.array([next(c[0] for o, c in drawn if o[0] == row) for row in range(3)])
    assert firsts[:3] == pytest.approx(told, abs=0.03)
    weighed = np.mean([relevance[order[0]] / probabilities[0] for order, probabilities in drawn])
    assert weighed == pytest.approx(relevance.sum(), rel=0.1), "inverse propensities undo the choice"


def test_without_exploration_the_order_is_the_best_and_its_chance_one(recommender: Recommender) -> None:
    plain = recommender.recommend_user("u0", 20)
    assert plain == recommender.recommend_user("u0", 20, RecommendOptions(explore=0.0, seed=3))
    assert {one.propensity for one in plain} == {1.0}


def test_a_seed_draws_the_same_again(recommender: Recommender) -> None:
    found = recommender.recommend_user("u0", 20, RecommendOptions(explore=1.0, seed=3))
    assert found == recommender.recommend_user("u0", 20, RecommendOptions(explore=1.0, seed=3))
    assert found != recommender.recommend_user("u0", 20)
    assert all(0 < one.propensity <= 1 for one in found)
    assert len({one.item_id for one in found}) == 20


# -- boosts -------------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(
    drawn=st.lists(st.tuples(st.floats(0, 1), st.sampled_from([1.0, 1.0, 1.3, 9.0])), max_size=30),
    places=st.integers(0, 8),
)
def test_nothing_moves_up_more_than_the_cap(drawn: list[tuple[float, float]], places: int) -> None:
    drawn.sort(reverse=True)
    relevance, factors = np.array(drawn, float).reshape(-1, 2).T
    order = Boosts(places=places).order(relevance, factors)
    assert sorted(order.tolist()) == list(range(len(drawn)))
    up = order - np.arange(len(order))
    assert (up <= places).all()
    assert (up[factors[order] == 1] <= 0).all(), "only what is boosted moves up"
    plain = [row for row in order if factors[row] == 1]
    assert plain == sorted(plain), "the others keep their order"


def test_a_boosted_item_says_that_it_is_promoted(recommender: Recommender) -> None:
    before = [one.item_id for one in recommender.recommend_user("u0", 20)]
    boosts = Boosts([Rule(100.0, item_ids=frozenset(before[10:11]))], places=4)
    after = recommender.recommend_user("u0", 20, RecommendOptions(boosts=boosts))
    assert [one.item_id for one in after].index(before[10]) == 6
    promoted = [one for one in after if one.promoted]
    assert [one.item_id for one in promoted] == [before[10]]
    assert promoted[0].reason.startswith("promoted by the shop; ")


def test_rules_are_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "boosts.toml"
    path.write_text('places = 3\n[[boost]]\nfactor = 2\nbrand = "Acme"\nattributes = { colour = "red" }\n')
    boosts = Boosts.load(path)
    red = Item("a", "a", brand="ACME", attributes={"colour": "Red"})
    assert boosts.places == 3 and boosts.factor(red) == 2.0
    assert boosts.factor(Item("b", "b", brand="Acme")) == 1.0
    for wrong in ("places = -1", "[[boost]]\nfactor = 2", '[[boost]]\nfactor = 0.5\nbrand = "x"', "["):
        path.write_text(wrong)
        with pytest.raises(InputError, match=r"boosts\.toml holds no boosts"):
            Boosts.load(path)
    with pytest.raises(InputError, match="there is no file"):
        Boosts.load(tmp_path / "none.toml")
