"""Latent factors, against a singular value decomposition of the dense matrix."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from bowerbird.data.interactions import Interactions
from bowerbird.recommend.models.coengagement import like_matrix
from bowerbird.recommend.models.config import LatentFactorConfig
from bowerbird.recommend.models.latent_factors import LatentFactors

ITEM_POWER = LatentFactorConfig.item_power
RANK = LatentFactorConfig.rank
USER_POWER = LatentFactorConfig.user_power

Likes = Callable[[int], Interactions]


@pytest.mark.parametrize("seed", range(3))
def test_scores_are_a_projection_onto_the_strongest_directions(random_likes: Likes, seed: int) -> None:
    likes = like_matrix(random_likes(seed))
    dense = likes.toarray()
    scale = (dense.sum(0) + 1) ** -ITEM_POWER
    normal = (dense.sum(1, keepdims=True).clip(1) ** -USER_POWER) * dense * scale
    rank = min(RANK, min(normal.shape) - 1)
    _, _, right = np.linalg.svd(normal, full_matrices=False)
    items, weights = np.array([1, 4, 9]), np.array([0.5, 0.7, 1.0], np.float32)
    history = np.zeros(25)
    history[items] = weights
    expected = ((history * scale) @ right[:rank].T @ right[:rank]) / scale
    np.testing.assert_allclose(LatentFactors.fit(likes).scores(items, weights), expected, atol=1e-3)


def test_factors_of_no_likes_score_nothing() -> None:
    factors = LatentFactors.fit(like_matrix(Interactions.empty(4)))
    assert not factors.scores(np.array([1]), np.ones(1, np.float32)).any()
