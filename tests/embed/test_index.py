"""Exact search, against sorting everything."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from bowerbird.embed import index
from bowerbird.embed.index import nearest


def slowly(matrix: np.ndarray, query: np.ndarray, n: int, allowed: np.ndarray) -> list[int]:
    """Sort all rows that may be answered by falling score, then by position."""
    rows = [row for row in range(len(matrix)) if allowed[row] and matrix[row].any()]
    return sorted(rows, key=lambda row: (-float(matrix[row] @ query), row))[:n]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.integers(1, 45))
def test_nearest_agrees_with_sorting_everything(seed: int, items: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    # Small whole numbers: sums are exact, and ties are many.
    matrix = rng.integers(-1, 2, (items, 3)).astype(np.float32)
    queries = rng.integers(-2, 3, (4, 3)).astype(np.float32)
    allowed = rng.random(items) < 0.7
    found, scores = nearest(matrix, queries, n, allowed)
    assert found.shape == scores.shape == (4, n)
    for query, row, score in zip(queries, found, scores, strict=True):
        expected = slowly(matrix, query, n, allowed)
        assert row.tolist() == expected + [-1] * (n - len(expected))
        assert score[: len(expected)].tolist() == [float(matrix[p] @ query) for p in expected]
        assert np.isneginf(score[len(expected) :]).all()


def test_a_batch_in_blocks_equals_single_queries(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    rng = np.random.default_rng(0)
    matrix, queries = rng.normal(size=(200, 8)), rng.normal(size=(30, 8))
    matrix, queries = matrix.astype(np.float32), queries.astype(np.float32)
    monkeypatch.setattr(index, "BLOCK_SCORES", 7 * len(matrix))  # five blocks, the last one short
    together, _ = nearest(matrix, queries, 10)
    alone = np.concatenate([nearest(matrix, query[None], 10)[0] for query in queries])
    assert together.tolist() == alone.tolist()
    assert len(np.unique(together[:, 0])) > 5, "the answer is trivial: change the seed"


def test_nothing_allowed_answers_nothing() -> None:
    found, scores = nearest(np.eye(3, dtype=np.float32), np.ones((2, 3), np.float32), 2, np.zeros(3, bool))
    assert found.tolist() == [[-1, -1], [-1, -1]]
    assert np.isneginf(scores).all()
