"""Id-neighbourhood popularity, against its kernel written out and a look at all distances."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import uniform_filter1d

from bowerbird.recommend.models.config import IdNeighbourhoodConfig
from bowerbird.recommend.models.id_neighbourhood import (
    id_distance,
    neighbours_of,
    rank_ids,
    smooth,
)

REACH = IdNeighbourhoodConfig.reach
WIDTH = IdNeighbourhoodConfig.width


def test_the_neighbourhood_is_a_kernel_estimate_over_the_order_of_ids() -> None:
    """Against a kernel estimate written out: every like, times the kernel at its distance in ids."""
    rng = np.random.default_rng(0)
    ids = [f"a-{number}" for number in rng.permutation(2000)]
    id_ranks = rank_ids(ids)
    assert [ids[row] for row in np.argsort(id_ranks)[:3]] == ["a-0", "a-1", "a-2"]
    box = np.ones(2 * WIDTH + 1) / (2 * WIDTH + 1)
    kernel = np.convolve(np.convolve(box, box), box)
    steps = np.arange(len(kernel)) - len(kernel) // 2
    assert np.sqrt(kernel @ steps**2) == pytest.approx(WIDTH, rel=0.01), "as wide as it says"
    gaussian = np.exp(-0.5 * (steps / WIDTH) ** 2) / (WIDTH * np.sqrt(2 * np.pi))
    assert np.abs(kernel - gaussian).max() < 0.1 * gaussian.max()
    likes = np.zeros(2000)
    likes[rng.integers(0, 2000, 5)] = 1.0
    middle = np.flatnonzero((id_ranks > 500) & (id_ranks < 1500))
    distance = np.abs(id_ranks[middle][:, None] - id_ranks[np.flatnonzero(likes)][None, :])
    reach = len(kernel) // 2
    expected = np.where(distance <= reach, kernel[np.minimum(distance + reach, len(kernel) - 1)], 0.0).sum(
        axis=1
    )
    near = np.abs(id_ranks[np.flatnonzero(likes)] - 1000) < 700  # the ends are mirrored
    assert near.any()
    np.testing.assert_allclose(smooth(likes, id_ranks, WIDTH)[middle], expected, atol=1e-5)


@pytest.mark.parametrize("count", [1, 7, 20, 1700])
def test_smoothing_is_three_uniform_filters(count: int) -> None:
    rng = np.random.default_rng(count)
    shares, places, width = rng.random(count), rng.permutation(count), 30
    slow = shares[np.argsort(places)]
    for _ in range(3):
        slow = uniform_filter1d(slow, 2 * min(width, max(1, count // 8)) + 1, mode="nearest")
    np.testing.assert_allclose(smooth(shares, places, width), slow[places], rtol=1e-6)


def test_the_nearest_in_the_order_of_ids_are_those_of_all_distances() -> None:
    rng = np.random.default_rng(0)
    id_ranks = rng.permutation(300)
    for liked in ([7], [0, 299, 5], list(range(0, 300, 11))):
        expected = np.abs(id_ranks[:, None] - id_ranks[liked]).min(axis=1)
        np.testing.assert_array_equal(id_distance(np.array(liked), id_ranks), expected)
        np.testing.assert_array_equal(
            id_distance(np.array(liked), id_ranks, np.array([4, 200])), expected[[4, 200]]
        )
        neighbours = neighbours_of(np.array(liked), id_ranks, np.argsort(id_ranks), REACH)
        np.testing.assert_array_equal(neighbours, np.flatnonzero(expected <= REACH))
