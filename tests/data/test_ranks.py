"""Ranks, top scores and their fusion, against sorting everything."""

from __future__ import annotations

import numpy as np
import pytest

from bowerbird.data.ranks import (
    FUSION_K,
    best_first,
    fuse_ranks,
    min_max,
    ranks_of,
    top_k,
    top_positions,
)


def random_scores(seed: int) -> np.ndarray:
    """Random scores, many of them equal, alternately in single and double precision."""
    rng = np.random.default_rng(seed)
    dtype = np.float32 if seed % 2 else np.float64
    return np.round(rng.normal(size=int(rng.integers(0, 300))), int(rng.integers(0, 3))).astype(dtype)


@pytest.mark.parametrize("seed", range(40))
def test_a_rank_is_how_many_are_higher(seed: int) -> None:
    values = random_scores(seed)
    expected = [int((values > score).sum()) for score in values]
    assert ranks_of(values).tolist() == expected


@pytest.mark.parametrize("seed", range(60))
def test_the_top_are_those_of_sorting_everything(seed: int) -> None:
    values, rng = random_scores(seed), np.random.default_rng(seed)
    eligible, count = rng.random(len(values)) < 0.7, int(rng.integers(0, 60))
    above = 0.0 if seed % 3 == 0 else -np.inf
    rows = np.flatnonzero(eligible & (values > above))
    expected = sorted(rows[np.lexsort((rows, -values[rows]))[:count]].tolist())
    assert top_positions(values, eligible, count, above).tolist() == expected


@pytest.mark.parametrize("seed", range(20))
def test_best_first_is_a_stable_sort(seed: int) -> None:
    values, rng = random_scores(seed), np.random.default_rng(seed)
    positions = np.sort(rng.choice(10_000, len(values), replace=False))
    for count in (0, 1, 7, 1_000):
        order = np.lexsort((positions, -values))[:count]
        assert best_first(values, positions, count).tolist() == positions[order].tolist()


def test_ranks_are_fused_by_their_reciprocals() -> None:
    first, second = np.array([0, 1, 2]), np.array([2, 0, 1])
    expected = [1 / (FUSION_K + a) + 0.5 / (FUSION_K + b) for a, b in zip(first, second, strict=True)]
    np.testing.assert_allclose(fuse_ranks([(1.0, first), (0.5, second)]), expected, rtol=1e-6)


@pytest.mark.parametrize("seed", range(40))
def test_the_k_best_of_a_row_are_those_of_a_stable_sort(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores = np.round(rng.normal(size=(int(rng.integers(0, 5)), int(rng.integers(1, 50)))), seed % 2)
    k = int(rng.integers(0, 60))
    expected = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    assert top_k(scores, k).tolist() == expected.tolist()


def test_min_max_keeps_the_order_between_0_and_1() -> None:
    scaled = min_max(np.array([-2.0, 6.0, 0.0]))
    assert scaled.tolist() == [0.0, 1.0, 0.25]
    assert min_max(np.array([5.0, 5.0]), if_equal=1.0).tolist() == [1.0, 1.0]
    assert min_max(np.zeros(0)).tolist() == []
