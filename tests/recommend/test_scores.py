"""Dense and sparse scores have the same interface and give the same results."""

from __future__ import annotations

import numpy as np
import pytest

from bowerbird.recommend.scores import DenseScores, SparseScores

N = 200


@pytest.mark.parametrize("seed", range(10))
def test_sparse_scores_answer_as_dense_ones(seed: int) -> None:
    rng = np.random.default_rng(seed)
    positions = np.sort(rng.choice(N, int(rng.integers(0, 60)), replace=False))
    values = np.round(rng.normal(size=len(positions)), 1).astype(np.float32)  # many equal, some below 0
    everything = np.zeros(N, np.float32)
    everything[positions] = values
    dense, sparse = DenseScores(everything), SparseScores(positions, values)
    positions_read, eligible = rng.integers(N, size=50), rng.random(N) < 0.7
    assert sparse.at(positions_read).tolist() == dense.at(positions_read).tolist()
    for count in (0, 3, 100):
        assert sparse.top(eligible, count).tolist() == dense.top(eligible, count).tolist()


def test_nothing_above_zero_is_no_candidate() -> None:
    eligible = np.ones(4, bool)
    assert DenseScores(np.array([0.0, 2.0, -1.0, 1.0])).top(eligible, 4).tolist() == [1, 3]
    assert SparseScores(np.array([1]), np.array([-1.0])).top(eligible, 4).tolist() == []
