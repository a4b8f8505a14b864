"""Exact search, against sorting everything."""

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bowerbird.embed.index import item_index
from bowerbird.embed.index.item_index import ItemIndex, build_index, nearest
from bowerbird.embed.index.rows import VectorRows, normalize_rows


def clustered(count: int, seed: int, dim: int = 32) -> np.ndarray:
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(99).normal(size=(100, dim))
    return normalize_rows(centres[rng.integers(100, size=count)] + 0.5 * rng.normal(size=(count, dim)))


def find_nearest_slowly(matrix: np.ndarray, query: np.ndarray, n: int, allowed: np.ndarray) -> list[int]:
    """Sort all allowed rows by falling score, then by position."""
    rows = [row for row in range(len(matrix)) if allowed[row] and matrix[row].any()]
    return sorted(rows, key=lambda row: (-float(matrix[row] @ query), row))[:n]


@settings(max_examples=60)
@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.integers(1, 45))
def test_nearest_agrees_with_sorting_everything(seed: int, items: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    # Small integers: sums are exact, and there are many ties.
    matrix = rng.integers(-1, 2, (items, 3)).astype(np.float32)
    queries = rng.integers(-2, 3, (4, 3)).astype(np.float32)
    allowed = rng.random(items) < 0.7
    positions, scores = nearest(matrix, queries, n, allowed)
    assert positions.shape == scores.shape == (4, n)
    for query, row, score in zip(queries, positions, scores, strict=True):
        expected = find_nearest_slowly(matrix, query, n, allowed)
        assert row.tolist() == expected + [-1] * (n - len(expected))
        assert score[: len(expected)].tolist() == [float(matrix[p] @ query) for p in expected]
        assert np.isneginf(score[len(expected) :]).all()


def test_a_batch_in_blocks_equals_single_queries(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    rng = np.random.default_rng(0)
    matrix, queries = rng.normal(size=(200, 8)), rng.normal(size=(30, 8))
    matrix, queries = matrix.astype(np.float32), queries.astype(np.float32)
    monkeypatch.setattr(item_index, "BLOCK_SCORES", 7 * len(matrix))  # five blocks, the last one short
    in_blocks, _ = nearest(matrix, queries, 10)
    one_by_one = np.concatenate([nearest(matrix, query[None], 10)[0] for query in queries])
    assert in_blocks.tolist() == one_by_one.tolist()
    assert len(np.unique(in_blocks[:, 0])) > 5, "the answer is trivial: change the seed"


def test_nothing_allowed_returns_nothing() -> None:
    positions, scores = nearest(
        np.eye(3, dtype=np.float32), np.ones((2, 3), np.float32), 2, np.zeros(3, bool)
    )
    assert positions.tolist() == [[-1, -1], [-1, -1]]
    assert np.isneginf(scores).all()


@pytest.fixture(scope="module", autouse=True)
def use_the_approximate_index() -> Iterator[None]:
    """With so few items, all would be scored, and the approximate index never be used."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(item_index, "EXACT_SCORES_PER_CANDIDATE", 1)
        yield


def approximate_index(matrix: np.ndarray) -> ItemIndex:
    rows = VectorRows(matrix.astype(np.float16))
    return ItemIndex(rows, build_index(rows, threads=1))


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1), st.integers(1, 60), st.floats(0, 1))
def test_the_approximate_index_returns_exact_scores(seed: int, n: int, share: float) -> None:
    rng = np.random.default_rng(seed)
    matrix = clustered(400, seed)
    matrix[rng.integers(400, size=20)] = 0.0  # items without a vector
    allowed = rng.random(400) < share
    item_index = approximate_index(matrix)
    positions, scores = item_index.nearest(clustered(3, seed + 1), n, allowed)
    expected, _ = nearest(item_index.rows.dense(), clustered(3, seed + 1), n, allowed)
    assert positions.shape == (3, n)
    assert ((positions >= 0) == (expected >= 0)).all(), "as many as are allowed"
    for row, values, query in zip(positions, scores, clustered(3, seed + 1), strict=True):
        hits = row[row >= 0]
        assert allowed[hits].all()
        assert len(set(hits.tolist())) == len(hits)
        assert np.allclose(values[: len(hits)], item_index.rows[hits] @ query, atol=1e-6)
        assert (np.diff(values[: len(hits)]) <= 0).all()


def test_a_filter_that_excludes_all_near_items_gets_the_others() -> None:
    matrix = clustered(5000, 0)
    item_index, query = approximate_index(matrix), clustered(1, 1)
    near, _ = nearest(item_index.rows.dense(), query, 1500)
    allowed = np.ones(5000, bool)
    allowed[near[0]] = False
    positions, _ = item_index.nearest(query, 10, allowed)
    expected, _ = nearest(item_index.rows.dense(), query, 10, allowed)
    assert len(np.intersect1d(positions, expected)) >= 9


def test_recall_with_and_without_a_filter() -> None:
    matrix, queries = clustered(5000, 0), clustered(40, 1)
    item_index = approximate_index(matrix)
    for share in (1.0, 0.5, 0.03):
        allowed = np.random.default_rng(2).random(5000) < share
        positions, _ = item_index.nearest(queries, 10, allowed)
        expected, _ = nearest(item_index.rows.dense(), queries, 10, allowed)
        hits = [len(np.intersect1d(a, b)) for a, b in zip(positions, expected, strict=True)]
        assert np.mean(hits) / 10 >= 0.97


def test_equal_scores_go_to_the_lower_position() -> None:
    matrix = np.repeat(clustered(500, 0), 4, axis=0)  # each vector four times
    positions, _ = approximate_index(matrix).nearest(clustered(500, 0)[:20], 4)
    assert positions.tolist() == [[4 * k, 4 * k + 1, 4 * k + 2, 4 * k + 3] for k in range(20)]


def test_a_query_without_a_direction_gets_the_first_items() -> None:
    matrix = clustered(500, 0)
    matrix[0] = 0.0
    positions, scores = approximate_index(matrix).nearest(np.zeros((1, 32), np.float32), 3)
    assert positions.tolist() == [[1, 2, 3]]
    assert scores.tolist() == [[0.0, 0.0, 0.0]]
