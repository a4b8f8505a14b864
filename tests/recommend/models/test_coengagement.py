"""Co-engagement solved over users equals the textbook's EASE, solved over items."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from bowerbird.data.interactions import Interactions
from bowerbird.recommend.models.coengagement import (
    CoEngagement,
    history_matrix,
    last_of_each,
    like_matrix,
)
from bowerbird.recommend.models.config import CoEngagementConfig
from bowerbird.recommend.query import recency_weights

Likes = Callable[[int], Interactions]


def textbook_weights(events: Interactions, ridge: float) -> np.ndarray:
    """B of Steck (WWW 2019), by the inverse of the dense items × items matrix, (n, n)."""
    likes = np.zeros((len(events.users), events.n_items))
    likes[events.user, events.item] = 1.0
    inverse = np.linalg.inv(likes.T @ likes + ridge * np.eye(events.n_items))
    weights = -inverse / np.diag(inverse)[None, :]
    np.fill_diagonal(weights, 0.0)
    return weights


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("ridge", [10.0, 30.0, 500.0])
def test_it_is_ease(random_likes: Likes, seed: int, ridge: float) -> None:
    events = random_likes(seed)
    rng = np.random.default_rng(seed)
    histories = [rng.permutation(25)[:size] for size in (0, 1, 3, 9, 25)]
    dense = np.zeros((5, 25))
    for row, items in enumerate(histories):
        dense[row, items] = 1.0
    expected = dense @ textbook_weights(events, ridge)
    scores = CoEngagement.fit(events, CoEngagementConfig(ridge=ridge)).scores(history_matrix(histories, 25))
    assert scores.dtype == np.float32 and np.abs(expected).max() > 0.01
    assert np.allclose(scores, expected, atol=1e-5)


def test_only_the_most_active_users_are_fitted(random_likes: Likes) -> None:
    events = random_likes(0)
    counts = np.asarray(like_matrix(events).sum(axis=1)).ravel()
    active = np.argsort(-counts, kind="stable")[:15]
    model = CoEngagement.fit(events, CoEngagementConfig(ridge=10.0, max_users=15))
    assert model.likes.shape == (15, 25) and model.inverse.shape == (15, 15)
    expected = np.eye(25) @ textbook_weights(events.where(np.isin(events.user, active)), 10.0)
    assert np.allclose(
        model.scores(history_matrix([np.array([k]) for k in range(25)], 25)), expected, atol=1e-5
    )


def test_nobody_likes_anything() -> None:
    scores = CoEngagement.fit(Interactions.empty(4), CoEngagementConfig(ridge=10.0)).scores(
        history_matrix([np.array([1])], 4)
    )
    assert np.allclose(scores, 0.0)


@pytest.mark.parametrize("liked", [[4], [1, 7, 9], [3, 8, 3, 1, 8]])
def test_one_history_is_scored_as_in_a_batch_and_item_by_item(random_likes: Likes, liked: list[int]) -> None:
    """Of an item that is liked twice the last weight counts."""
    model, items = CoEngagement.fit(random_likes(0), CoEngagementConfig(ridge=30.0)), np.array(liked)
    weights = recency_weights(len(items))
    batch = model.scores(history_matrix([items], 25, [weights]))[0]
    np.testing.assert_allclose(model.scores_of(*last_of_each(items, weights)), batch, atol=1e-5)
    warm, likers = model.warm
    warm_scores = (likers @ model.user_weights(*last_of_each(items, weights))) / model.scale[warm]
    is_other = ~np.isin(warm, items)
    np.testing.assert_allclose(warm_scores[is_other], batch[warm[is_other]], atol=1e-5)
    assert np.abs(batch).max() > 0.01
    for item in np.setdiff1d(np.arange(25), items):
        shares = model.shares_of(int(item), items, weights)
        assert shares.sum() == pytest.approx(batch[item], abs=1e-5)


def test_common_likers_are_counted(random_likes: Likes) -> None:
    events = random_likes(3)
    model, likes = CoEngagement.fit(events, CoEngagementConfig(ridge=30.0)), like_matrix(events).toarray()
    counts = [[model.common_likers(item, other_item) for other_item in range(25)] for item in range(25)]
    np.testing.assert_array_equal(counts, likes.T @ likes)
