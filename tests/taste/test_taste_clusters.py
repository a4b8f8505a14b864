"""Taste clusters separate dissimilar likes, and agree with a slow computation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bowerbird.data.events import ACTION_CODE
from bowerbird.data.interactions import History
from bowerbird.data.times import DAY, decayed
from bowerbird.taste.profile.medoids import MAX_CLUSTERS, find_taste_clusters, liked_weights
from bowerbird.taste.state.user_state import TasteState

HALF_LIVES = (0.02, 7.0, 90.0)
TYPE_VECTORS = np.repeat(np.eye(6), 10, axis=0).astype(np.float32)  # item k is of type k // 10


def state_of(*events: tuple[int, str, float]) -> TasteState:
    """A state of (item, action, day), in order of time."""
    items, actions, days = zip(*events, strict=True)
    codes = np.array([ACTION_CODE[action] for action in actions], np.int8)
    return TasteState.of(History(np.array(items), codes, (np.array(days) * DAY).astype(np.int64)))


def noisy_vectors(seed: int) -> np.ndarray:
    rows = TYPE_VECTORS + np.random.default_rng(seed).normal(size=TYPE_VECTORS.shape) * 0.1
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def test_climbing_and_ceramics_are_two_clusters() -> None:
    vectors = noisy_vectors(0)
    state = state_of(*((k, "click", k) for k in (0, 1, 2, 40, 41, 42)), (43, "save", 50))
    clusters = find_taste_clusters(state, lambda items: vectors[items], HALF_LIVES)
    assert [set(cluster.items) for cluster in clusters] == [{40, 41, 42, 43}, {0, 1, 2}]
    assert sum(cluster.share for cluster in clusters) == pytest.approx(1.0)
    assert [cluster.medoid // 10 for cluster in clusters] == [4, 0], (
        "items of the clusters, and none in between"
    )


@settings(max_examples=40)
@given(seed=st.integers(0, 10_000), n=st.integers(1, 60))
def test_the_law_of_taste_clusters(seed: int, n: int) -> None:
    """Clusters divide the liked items without overlap; each medoid is nearest to all items of its cluster;
    strongest first; at most `MAX_CLUSTERS`."""
    rng, vectors = np.random.default_rng(seed), noisy_vectors(seed)
    names = ["view", "click", "save", "purchase", "hide"]
    events = sorted(
        (
            (int(i), names[a], float(d))
            for i, a, d in zip(
                rng.integers(60, size=n), rng.integers(5, size=n), rng.uniform(0, 200, n), strict=True
            )
        ),
        key=lambda event: event[2],
    )
    state = state_of(*events)
    clusters = find_taste_clusters(state, lambda items: vectors[items], HALF_LIVES)
    clustered_items = [item for cluster in clusters for item in cluster.items]
    assert len(clustered_items) == len(set(clustered_items)) and len(clusters) <= MAX_CLUSTERS
    items, weights = liked_weights(state, HALF_LIVES)
    assert set(clustered_items) <= set(items.tolist())
    if len(clusters) < MAX_CLUSTERS:
        assert set(clustered_items) == set(items.tolist())
    assert [cluster.weight for cluster in clusters] == sorted(
        (cluster.weight for cluster in clusters), reverse=True
    )
    weight_of = dict(zip(items.tolist(), weights.tolist(), strict=True))
    for cluster in clusters:
        assert cluster.weight == pytest.approx(sum(weight_of[item] for item in cluster.items))
        rows = vectors[cluster.items].astype(float)
        expected = ((rows[:, None] - rows[None]) ** 2).sum(axis=(1, 2))
        assert expected[cluster.items.index(cluster.medoid)] == pytest.approx(expected.min(), abs=1e-6)


def test_hidden_items_are_not_liked() -> None:
    state = state_of((0, "click", 1), (1, "click", 1), (0, "hide", 2), (2, "view", 3))
    assert liked_weights(state, HALF_LIVES)[0].tolist() == [1], "and a view alone is not a like"


def test_the_weight_of_an_item_is_the_decayed_sum_of_its_events() -> None:
    state = state_of((3, "click", 0), (3, "save", 5), (4, "click", 10))
    items, weights = liked_weights(state, HALF_LIVES)
    expected = decayed(np.array([1.0, 3.0]), np.array([10 * DAY, 5 * DAY]), HALF_LIVES).sum()
    assert (
        items.tolist() == [3, 4]
        and weights[0] == pytest.approx(expected)
        and weights[1] == pytest.approx(1.0)
    )


def test_at_an_earlier_moment_later_likes_are_unknown() -> None:
    state = state_of((3, "click", 0), (40, "click", 10))
    clusters = find_taste_clusters(state, lambda items: TYPE_VECTORS[items], HALF_LIVES, now=5 * DAY)
    assert [cluster.items for cluster in clusters] == [[3]]


def test_unknown_users_and_items_without_a_vector_have_no_cluster() -> None:
    assert find_taste_clusters(TasteState("nobody"), lambda items: TYPE_VECTORS[items], HALF_LIVES) == []
    clusters = find_taste_clusters(
        state_of((3, "click", 0)), lambda items: 0 * TYPE_VECTORS[items], HALF_LIVES
    )
    assert clusters == []
