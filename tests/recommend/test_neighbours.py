"""Lists of neighbours against a look at every item."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bowerbird.data.interactions import History, Interactions
from bowerbird.data.items import Catalogue, Item
from bowerbird.data.store import Store
from bowerbird.embed.rows import unit
from bowerbird.recommend import OurRanker
from bowerbird.recommend.models.neighbours import Neighbours, cached_neighbours
from bowerbird.recommend.ranks import top_positions

N = 600


@pytest.fixture(scope="module")
def matrix() -> np.ndarray:
    rng = np.random.default_rng(0)
    return unit(rng.normal(size=(12, 16))[rng.integers(12, size=N)] + 0.7 * rng.normal(size=(N, 16)))


@pytest.mark.parametrize("some", [False, True])
def test_the_nearest_are_exact_or_not_told(matrix: np.ndarray, some: bool) -> None:
    rng, told = np.random.default_rng(1), 0
    among = np.sort(rng.choice(N, 250, replace=False)) if some else np.arange(N)
    lists = Neighbours.of(matrix, among, listed=40)
    held = np.isin(np.arange(N), among)
    for count in (1, 10, 30, 60) * 10:
        liked = rng.choice(N, int(rng.integers(1, 9)), replace=False)
        open_ = (rng.random(N) < 0.9) & held
        open_[liked] = False
        near = lists.nearest(liked, open_, count)
        slow = (matrix[liked] @ matrix.T).max(axis=0)
        if near is not None:
            told += 1
            best = top_positions(near, open_, count)
            assert best.tolist() == top_positions(slow, open_, count).tolist()
            np.testing.assert_allclose(near[best], slow[best], atol=1e-6)
    assert 10 <= told < 40, "some are sure, some are not"


def test_lists_of_everything_are_always_sure(matrix: np.ndarray) -> None:
    among = np.arange(0, N, 20)
    lists = Neighbours.of(matrix, among, listed=400)
    near = lists.nearest(np.array([3, 7]), np.zeros(N, bool), 50)
    assert near is not None and np.isfinite(near).sum() == len(among)
    assert (near[among] == (matrix[[3, 7]] @ matrix[among].T).max(axis=0)).all()


def test_lists_are_kept(matrix: np.ndarray, tmp_path: Path) -> None:
    store, folder = Store.create(tmp_path / "store"), tmp_path / "version"
    folder.mkdir()
    first = cached_neighbours(store, folder, "near", matrix, np.arange(N), 10)
    again = cached_neighbours(store, folder, "near", np.zeros_like(matrix), np.arange(N), 10)
    np.testing.assert_array_equal(first.items, again.items)
    np.testing.assert_array_equal(first.nearness, again.nearness)


def test_the_order_is_that_of_a_look_at_every_item(matrix: np.ndarray) -> None:
    rng = np.random.default_rng(2)
    person, item = np.sort(rng.integers(80, size=1500)), rng.integers(N // 2, size=1500)
    codes, at = np.full(1500, 2, np.int8), np.sort(rng.integers(10**12, 10**13, 1500))
    events = Interactions([f"u{k}" for k in range(80)], person, item, codes, at, N)
    ranker = OurRanker(matrix, Catalogue.of(Item(str(k), f"item {k}") for k in range(N)))
    ranker.fit(events)
    people = [history for _, history in events.histories()] + [History.empty()]
    slow = ranker.rank_scored(people, 50)
    ranker.neighbours = (
        Neighbours.of(matrix, np.arange(N), 320),
        Neighbours.of(matrix, np.flatnonzero(ranker.world.cold), 520),
    )
    quick = ranker.rank_scored(people, 50)
    assert (quick[0] == slow[0]).all()
    np.testing.assert_allclose(quick[1], slow[1], rtol=1e-5)
