"""Exploration samples by its propensities, and is reproducible."""

from __future__ import annotations

import numpy as np
import pytest

from bowerbird.recommend.options import RecommendOptions
from bowerbird.recommend.recommender import Recommender
from bowerbird.recommend.rerank.diversity import diversify


def test_propensities_are_how_often_an_item_comes_first() -> None:
    relevance = np.array([1.0, 0.9, 0.6, 0.0])
    rng = np.random.default_rng(0)
    samples = [diversify(relevance, np.eye(4), 4, 0.0, 0.5, rng) for _ in range(4000)]
    firsts = np.bincount([order[0] for order, _ in samples], minlength=4) / len(samples)
    propensities = np.array(
        [next(propensity[0] for order, propensity in samples if order[0] == row) for row in range(3)]
    )
    assert firsts[:3] == pytest.approx(propensities, abs=0.03)
    weighted_mean = np.mean([relevance[order[0]] / probabilities[0] for order, probabilities in samples])
    assert weighted_mean == pytest.approx(relevance.sum(), rel=0.1), "inverse propensities undo the choice"


def test_without_exploration_the_best_come_first_with_propensity_one(recommender: Recommender) -> None:
    plain = recommender.recommend_user("u0", 20)
    assert plain == recommender.recommend_user("u0", 20, RecommendOptions(exploration=0.0, seed=3))
    assert {item.propensity for item in plain} == {1.0}


def test_a_seed_draws_the_same_again(recommender: Recommender) -> None:
    sampled = recommender.recommend_user("u0", 20, RecommendOptions(exploration=1.0, seed=3))
    assert sampled == recommender.recommend_user("u0", 20, RecommendOptions(exploration=1.0, seed=3))
    assert sampled != recommender.recommend_user("u0", 20)
    assert all(0 < item.propensity <= 1 for item in sampled)
    assert len({item.item_id for item in sampled}) == 20
