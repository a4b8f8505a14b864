"""Diversification equals maximal marginal relevance, and a higher number gives more diverse lists."""

from __future__ import annotations

import numpy as np
import pytest

from bowerbird.embed.index.vectors import normalize_rows
from bowerbird.recommend.rerank.diversity import diversify


def pool(seed: int, n: int = 40) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=n).astype(np.float32), normalize_rows(
        rng.normal(size=(5, 8))[rng.integers(5, size=n)] + rng.normal(0, 0.3, (n, 8))
    )


def greedy_mmr(relevance: np.ndarray, vectors: np.ndarray, n: int, d: float) -> list[int]:
    """The definition, choice by choice."""
    scaled = (relevance - relevance.min()) / (relevance.max() - relevance.min())
    rows: list[int] = []
    while len(rows) < min(n, len(relevance)):
        values = {
            k: (1 - d) * scaled[k] - d * max([0.0, *(float(vectors[k] @ vectors[c]) for c in rows)])
            for k in range(len(relevance))
            if k not in rows
        }
        rows.append(max(values, key=lambda k: values[k]))
    return rows


def mean_similarity(vectors: np.ndarray) -> float:
    similar = vectors @ vectors.T
    return float(similar[np.triu_indices(len(vectors), 1)].mean())


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("d", [0.0, 0.3, 0.7, 1.0])
def test_it_is_maximal_marginal_relevance(seed: int, d: float) -> None:
    relevance, vectors = pool(seed)
    assert diversify(relevance, vectors, 12, d)[0].tolist() == greedy_mmr(relevance, vectors, 12, d)


@pytest.mark.parametrize("seed", range(5))
def test_none_of_it_is_the_order_of_relevance(seed: int) -> None:
    relevance, vectors = pool(seed)
    assert diversify(relevance, vectors, 40, 0.0)[0].tolist() == np.argsort(-relevance).tolist()


def test_more_of_it_makes_a_more_varied_list() -> None:
    """On average over pools: one pool's best may happen to be varied already."""

    def mean_list_similarity(diversity: float) -> float:
        pools = [pool(seed) for seed in range(30)]
        lists = [rows[diversify(best, rows, 5, diversity)[0]] for best, rows in pools]
        return float(np.mean([mean_similarity(rows) for rows in lists]))

    undiversified, medium, diverse = (
        mean_list_similarity(0.0),
        mean_list_similarity(0.3),
        mean_list_similarity(0.8),
    )
    assert undiversified > medium + 0.05 and medium > diverse + 0.01


def test_the_edges() -> None:
    relevance, vectors = pool(0, n=3)
    assert sorted(diversify(relevance, vectors, 10, 0.5)[0].tolist()) == [0, 1, 2]
    assert diversify(np.zeros(0), np.zeros((0, 8)), 5, 0.5)[0].tolist() == []
    assert diversify(np.ones(3), vectors, 3, 0.0)[0].tolist() == [0, 1, 2]
