"""Exploration draws by its propensities, and can be repeated."""

from __future__ import annotations

import numpy as np
import pytest

from bowerbird.recommend.options import RecommendOptions
from bowerbird.recommend.recommender import Recommender
from bowerbird.recommend.rerank.diversity import diversify


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
    assert plain == recommender.recommend_user("u0", 20, RecommendOptions(exploration=0.0, seed=3))
    assert {one.propensity for one in plain} == {1.0}


def test_a_seed_draws_the_same_again(recommender: Recommender) -> None:
    found = recommender.recommend_user("u0", 20, RecommendOptions(exploration=1.0, seed=3))
    assert found == recommender.recommend_user("u0", 20, RecommendOptions(exploration=1.0, seed=3))
    assert found != recommender.recommend_user("u0", 20)
    assert all(0 < one.propensity <= 1 for one in found)
    assert len({one.item_id for one in found}) == 20
