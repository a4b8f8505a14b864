"""Ward over k-means finds groups of very different sizes, which k-means alone splits and mixes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bowerbird.taste.interests.clustering import assign_groups, spherical_kmeans, ward_kmeans


def blobs(sizes: list[int], seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows of length 1 around directions of their own, and which each belongs to."""
    true = np.repeat(np.arange(len(sizes)), sizes)
    rows = np.eye(len(sizes), 12)[true] + np.random.default_rng(seed).normal(size=(len(true), 12)) * 0.05
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32), true


@settings(max_examples=25)
@given(sizes=st.lists(st.integers(2, 60), min_size=2, max_size=8), seed=st.integers(0, 1000))
def test_separate_groups_are_recovered_whatever_their_sizes(sizes: list[int], seed: int) -> None:
    rows, true = blobs(sizes, seed)
    centres = ward_kmeans(rows, len(sizes))
    assert len(centres) == len(sizes)
    np.testing.assert_allclose(np.linalg.norm(centres, axis=1), 1.0, rtol=1e-5)
    pairs = set(zip(true.tolist(), assign_groups(rows, centres).tolist(), strict=True))
    assert len(pairs) == len(sizes), "one group for each true one, and the reverse"
    assert ward_kmeans(rows, len(sizes)).tobytes() == centres.tobytes(), "the same each time"


@pytest.mark.parametrize("count", [0, 1, 5, 50])
def test_never_more_groups_than_asked_for_or_than_rows(count: int) -> None:
    rows, _ = blobs([3, 4], seed=0)
    assert len(ward_kmeans(rows, min(count, len(rows)))) <= count
    assert ward_kmeans(rows[:0], 0).shape == spherical_kmeans(rows[:0], 0).shape


def test_equal_rows_are_one_group() -> None:
    rows = np.tile(np.eye(1, 12, dtype=np.float32), (9, 1))
    assert len(np.unique(assign_groups(rows, ward_kmeans(rows, 3)))) == 1
