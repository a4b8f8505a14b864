"""What people do together beyond single items: crowds in few directions, and what follows what."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from bowerbird.data.interactions import History, Interactions
from bowerbird.recommend.models.coengagement import like_matrix
from bowerbird.recommend.models.transitions import BACKWARDS, LATEST, REACH, SHRINK, Transitions
from bowerbird.recommend.models.latent_factors import ITEM_POWER, USER_POWER, LatentFactors

Likes = Callable[[int], Interactions]


def history_of(items: list[int]) -> History:
    return History(np.array(items, np.int64), np.full(len(items), 2, np.int8), np.arange(len(items)))


@pytest.mark.parametrize("seed", range(3))
def test_low_rank_is_a_projection_onto_the_strongest_directions(random_likes: Likes, seed: int) -> None:
    likes = like_matrix(random_likes(seed))
    dense = likes.toarray()
    scale = (dense.sum(0) + 1) ** -ITEM_POWER
    normal = (dense.sum(1, keepdims=True).clip(1) ** -USER_POWER) * dense * scale
    rank = min(24, *normal.shape)
    _, _, right = np.linalg.svd(normal, full_matrices=False)
    items, weights = np.array([1, 4, 9]), np.array([0.5, 0.7, 1.0], np.float32)
    place = np.zeros(25)
    place[items] = weights
    slow = ((place * scale) @ right[:rank].T @ right[:rank]) / scale
    np.testing.assert_allclose(LatentFactors.fitted(likes).scores(items, weights), slow, atol=1e-3)


def test_low_rank_of_nothing_says_nothing() -> None:
    nobody = Interactions([], *(np.zeros(0, kind) for kind in (np.int64, np.int64, np.int8, np.int64)), 4)
    found = LatentFactors.fitted(like_matrix(nobody)).scores(np.array([1]), np.ones(1, np.float32))
    assert not found.any()


@pytest.mark.parametrize("seed", range(3))
def test_follows_is_the_definition_pair_by_pair(random_likes: Likes, seed: int) -> None:
    events = random_likes(seed)
    slow = np.zeros((25, 25))
    for _, history in events.histories():
        liked = history.liked().items
        for before in range(len(liked)):
            for after in range(before + 1, min(before + REACH, len(liked) - 1) + 1):
                weight = (after - before) ** -0.5
                slow[liked[before], liked[after]] += weight
                slow[liked[after], liked[before]] += BACKWARDS * weight
    often = (np.bincount(events.liked().item, minlength=25) + SHRINK) ** -0.5
    slow *= often[:, None] * often
    items = [3, 8, 3, 1]
    wanted = sum(slow[item] * (len(items) - k) ** -0.5 for k, item in enumerate(items))
    np.testing.assert_allclose(Transitions.fitted(events).scores(history_of(items)), wanted, rtol=1e-4, atol=1e-6)


def test_only_the_latest_likes_speak(random_likes: Likes) -> None:
    follows = Transitions.fitted(random_likes(0))
    latest = list(range(LATEST))
    np.testing.assert_array_equal(
        follows.scores(history_of([20, 21, 22, *latest])), follows.scores(history_of(latest))
    )
    assert not follows.scores(History.empty()).any()
