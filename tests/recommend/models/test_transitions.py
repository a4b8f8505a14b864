"""Item-to-item transitions, against the definition pair by pair."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from bowerbird.data.interactions import History, Interactions
from bowerbird.recommend.models.config import TransitionConfig
from bowerbird.recommend.models.transitions import Transitions

BACKWARDS = TransitionConfig.backwards
LATEST = TransitionConfig.latest
REACH = TransitionConfig.reach
SHRINK = TransitionConfig.shrink

Likes = Callable[[int], Interactions]


def history_of(items: list[int]) -> History:
    return History(np.array(items, np.int64), np.full(len(items), 2, np.int8), np.arange(len(items)))


@pytest.mark.parametrize("seed", range(3))
def test_scores_are_the_definition_pair_by_pair(random_likes: Likes, seed: int) -> None:
    events = random_likes(seed)
    strengths = np.zeros((25, 25))
    for _, history in events.histories():
        liked = history.liked().items
        for before in range(len(liked)):
            for after in range(before + 1, min(before + REACH, len(liked) - 1) + 1):
                weight = (after - before) ** -0.5
                strengths[liked[before], liked[after]] += weight
                strengths[liked[after], liked[before]] += BACKWARDS * weight
    item_scale = (np.bincount(events.liked().item, minlength=25) + SHRINK) ** -0.5
    strengths *= item_scale[:, None] * item_scale
    items = [3, 8, 3, 1]
    expected = sum(strengths[item] * (len(items) - k) ** -0.5 for k, item in enumerate(items))
    np.testing.assert_allclose(
        Transitions.fit(events).scores(history_of(items)), expected, rtol=1e-4, atol=1e-6
    )


def test_only_the_latest_likes_count(random_likes: Likes) -> None:
    transitions = Transitions.fit(random_likes(0))
    latest = list(range(LATEST))
    np.testing.assert_array_equal(
        transitions.scores(history_of([20, 21, 22, *latest])), transitions.scores(history_of(latest))
    )
    assert not transitions.scores(History.empty()).any()


def test_successors_are_the_items_with_a_score(random_likes: Likes) -> None:
    transitions = Transitions.fit(random_likes(1))
    for items in ([3, 8, 3, 1], [24], []):
        scores = transitions.scores(history_of(items))
        positions, values = transitions.successors(history_of(items))
        assert positions.tolist() == np.flatnonzero(scores).tolist()
        np.testing.assert_allclose(values, scores[positions], rtol=1e-5)


@pytest.mark.parametrize("seed", range(3))
def test_parts_of_a_score_belong_to_single_likes(random_likes: Likes, seed: int) -> None:
    transitions = Transitions.fit(random_likes(seed))
    liked = history_of([3, 8, 3, 1])
    items, weights = transitions.recent_likes(liked)
    scores = transitions.scores(liked)
    for item in range(25):
        assert (weights * transitions.strengths_to(items, item)).sum() == pytest.approx(
            scores[item], abs=1e-6
        )


@pytest.mark.parametrize("seed", range(3))
def test_a_transition_exists_where_a_user_liked_the_item_later(random_likes: Likes, seed: int) -> None:
    """Not where all who liked both liked it before."""
    events = random_likes(seed).where(np.arange(300) % 2 == 0)
    transitions = Transitions.fit(events)
    is_followed = np.zeros((25, 25), bool)
    for _, history in events.histories():
        liked = history.liked().items
        for before in range(len(liked)):
            is_followed[liked[before], liked[before + 1 :]] = True
    assert (is_followed & ~is_followed.T).any() and not is_followed.all()
    for item in range(25):
        for other_item in range(25):
            if item != other_item:
                assert transitions.is_followed(item, other_item) == is_followed[item, other_item]
