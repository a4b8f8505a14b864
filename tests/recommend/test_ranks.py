"""Places and top_positions scores against sorting everything."""

from __future__ import annotations

import numpy as np
import pytest

from bowerbird.recommend.ranks import top_positions, ranks_among, ranks_of


def scores(seed: int) -> np.ndarray:
    """Some scores, many of them equal, single and double precision in turn."""
    rng = np.random.default_rng(seed)
    kind = np.float32 if seed % 2 else np.float64
    return np.round(rng.normal(size=int(rng.integers(0, 300))), int(rng.integers(0, 3))).astype(kind)


@pytest.mark.parametrize("seed", range(40))
def test_a_place_is_how_many_are_higher(seed: int) -> None:
    one = scores(seed)
    slow = [int((one > score).sum()) for score in one]
    assert ranks_of(one).tolist() == slow
    assert ranks_among(one, np.arange(len(one))[::2]).tolist() == slow[::2]


@pytest.mark.parametrize("seed", range(60))
def test_the_highest_are_those_of_sorting_everything(seed: int) -> None:
    one, rng = scores(seed), np.random.default_rng(seed)
    open_, count = rng.random(len(one)) < 0.7, int(rng.integers(0, 60))
    above = 0.0 if seed % 3 == 0 else -np.inf
    rows = np.flatnonzero(open_ & (one > above))
    slow = sorted(rows[np.lexsort((rows, -one[rows]))[:count]].tolist())
    assert top_positions(one, open_, count, above).tolist() == slow
