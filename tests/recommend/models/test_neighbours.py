"""Lists of neighbours against a look at every item."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bowerbird.data.ranks import top_positions
from bowerbird.data.store import Store
from bowerbird.embed.index.rows import normalize_rows
from bowerbird.recommend.models.nearest import Neighbours, cached_neighbours

N = 600


@pytest.fixture(scope="module")
def matrix() -> np.ndarray:
    rng = np.random.default_rng(0)
    return normalize_rows(
        rng.normal(size=(12, 16))[rng.integers(12, size=N)] + 0.7 * rng.normal(size=(N, 16))
    )


@pytest.mark.parametrize("is_subset", [False, True])
def test_the_nearest_are_exact_or_none_are_returned(matrix: np.ndarray, is_subset: bool) -> None:
    rng, n_exact = np.random.default_rng(1), 0
    positions = np.sort(rng.choice(N, 250, replace=False)) if is_subset else np.arange(N)
    lists = Neighbours.build(matrix, positions, n_listed=40)
    is_listed = np.isin(np.arange(N), positions)
    for count in (1, 10, 30, 60) * 10:
        liked = rng.choice(N, int(rng.integers(1, 9)), replace=False)
        eligible = (rng.random(N) < 0.9) & is_listed
        eligible[liked] = False
        near = lists.nearest(liked, eligible, count)
        expected = (matrix[liked] @ matrix.T).max(axis=0)
        if near is not None:
            n_exact += 1
            best = top_positions(near, eligible, count)
            assert best.tolist() == top_positions(expected, eligible, count).tolist()
            np.testing.assert_allclose(near[best], expected[best], atol=1e-6)
    assert 10 <= n_exact < 40, "some results are exact, some are not"


def test_complete_lists_are_always_exact(matrix: np.ndarray) -> None:
    positions = np.arange(0, N, 20)
    lists = Neighbours.build(matrix, positions, n_listed=400)
    near = lists.nearest(np.array([3, 7]), np.zeros(N, bool), 50)
    assert near is not None and np.isfinite(near).sum() == len(positions)
    np.testing.assert_allclose(near[positions], (matrix[[3, 7]] @ matrix[positions].T).max(axis=0), atol=1e-6)


def test_lists_are_cached(matrix: np.ndarray, tmp_path: Path) -> None:
    store, folder = Store.create(tmp_path / "store"), tmp_path / "version"
    folder.mkdir()
    computed = cached_neighbours(store, folder, "near", matrix, np.arange(N), 10)
    cached = cached_neighbours(store, folder, "near", np.zeros_like(matrix), np.arange(N), 10)
    np.testing.assert_array_equal(computed.items, cached.items)
    np.testing.assert_array_equal(computed.nearness, cached.nearness)
