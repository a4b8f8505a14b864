"""The nearest items by eight-bit copies, against a product with all of them."""

from __future__ import annotations

import numpy as np
import pytest

from bowerbird.embed.index.rows import normalize_rows
from bowerbird.recommend.models.nearest import RoundedRows


def some_rows(rng: np.random.Generator) -> np.ndarray:
    """Rows of length 1 near each other, one with a single large number, and some of zeros."""
    rows = rng.normal(size=(int(rng.integers(1, 6_000)), int(rng.integers(1, 90)))) * 0.2
    rows += rng.normal(size=rows.shape[1])
    rows[0] = np.eye(rows.shape[1])[0]
    rows[rng.random(len(rows)) < 0.01] = 0.0
    return normalize_rows(rows)


@pytest.mark.parametrize("seed", range(30))
def test_the_highest_are_those_of_the_exact_products(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows = some_rows(rng)
    query = rng.normal(size=rows.shape[1]).astype(np.float32)
    eligible, count = rng.random(len(rows)) < rng.choice([0.01, 0.6, 1.0]), int(rng.integers(0, 250))
    top = RoundedRows(rows).top(query, eligible, count)
    exact = rows.astype(np.float64) @ query
    slow = np.sort(exact[eligible])[::-1][:count]
    assert len(top) == len(slow) == len(set(top.tolist()))
    assert eligible[top].all()
    np.testing.assert_allclose(exact[top], slow, atol=1e-5 * np.linalg.norm(query))


def test_of_equal_rows_the_first_come_first() -> None:
    rows = normalize_rows(np.repeat(np.eye(4, 8), 50, axis=0))
    top = RoundedRows(rows).top(np.array([0, 2, 1, 0, 0, 0, 0, 0], np.float32), np.ones(200, bool), 60)
    assert top.tolist() == [*range(50, 110)]


def test_rounding_alone_would_answer_something_else() -> None:
    """Else the test above would pass without a look at the exact rows."""
    rng = np.random.default_rng(0)
    rows = normalize_rows(rng.normal(size=(3_000, 64)) * 0.1 + rng.normal(size=64))
    query, rounded = rows[7], np.round(rows * 60)
    exact, coarse = (np.argsort(-(table @ query))[:50] for table in (rows, rounded))
    assert set(exact.tolist()) != set(coarse.tolist())
    assert RoundedRows(rows).top(query, np.ones(3_000, bool), 50).tolist() == exact.tolist()
