"""Lists of neighbours against a look at every item."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bowerbird.data.store import Store
from bowerbird.embed.index.rows import normalize_rows
from bowerbird.recommend.models.neighbours import Neighbours, cached_neighbours
from bowerbird.recommend.ranks import top_positions

N = 600


@pytest.fixture(scope="module")
def matrix() -> np.ndarray:
    rng = np.random.default_rng(0)
    return normalize_rows(
        rng.normal(size=(12, 16))[rng.integers(12, size=N)] + 0.7 * rng.normal(size=(N, 16))
    )


@pytest.mark.parametrize("only_some", [False, True])
def test_the_nearest_are_exact_or_none_are_named(matrix: np.ndarray, only_some: bool) -> None:
    rng, sure = np.random.default_rng(1), 0
    among = np.sort(rng.choice(N, 250, replace=False)) if only_some else np.arange(N)
    lists = Neighbours.of(matrix, among, listed=40)
    is_listed = np.isin(np.arange(N), among)
    for count in (1, 10, 30, 60) * 10:
        liked = rng.choice(N, int(rng.integers(1, 9)), replace=False)
        eligible = (rng.random(N) < 0.9) & is_listed
        eligible[liked] = False
        near = lists.nearest(liked, eligible, count)
        slow = (matrix[liked] @ matrix.T).max(axis=0)
        if near is not None:
            sure += 1
            best = top_positions(near, eligible, count)
            assert best.tolist() == top_positions(slow, eligible, count).tolist()
            np.testing.assert_allclose(near[best], slow[best], atol=1e-6)
    assert 10 <= sure < 40, "some are sure, some are not"


def test_lists_of_everything_are_always_sure(matrix: np.ndarray) -> None:
    among = np.arange(0, N, 20)
    lists = Neighbours.of(matrix, among, listed=400)
    near = lists.nearest(np.array([3, 7]), np.zeros(N, bool), 50)
    assert near is not None and np.isfinite(near).sum() == len(among)
    np.testing.assert_allclose(near[among], (matrix[[3, 7]] @ matrix[among].T).max(axis=0), atol=1e-6)


def test_lists_are_cached(matrix: np.ndarray, tmp_path: Path) -> None:
    store, folder = Store.create(tmp_path / "store"), tmp_path / "version"
    folder.mkdir()
    first = cached_neighbours(store, folder, "near", matrix, np.arange(N), 10)
    again = cached_neighbours(store, folder, "near", np.zeros_like(matrix), np.arange(N), 10)
    np.testing.assert_array_equal(first.items, again.items)
    np.testing.assert_array_equal(first.nearness, again.nearness)
