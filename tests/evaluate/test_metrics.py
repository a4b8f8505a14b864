"""The vectorised metrics agree with loops; intervals have the coverage that they claim."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bowerbird.evaluate import metrics
from bowerbird.evaluate.bootstrap import mean_interval, paired_intervals, ratio_interval

ranking_and_relevant = st.tuples(
    st.lists(st.integers(0, 14), unique=True, max_size=8), st.sets(st.integers(0, 14))
)


def to_arrays(users: list[tuple[list[int], set[int]]]) -> tuple[np.ndarray, list[np.ndarray]]:
    ranking = np.array([ranked + [-1] * (8 - len(ranked)) for ranked, _ in users], np.int64).reshape(-1, 8)
    return ranking, [np.array(sorted(relevant), np.int64) for _, relevant in users]


def slow_recall(ranked: list[int], relevant: set[int], k: int) -> float:
    return len(relevant & set(ranked[:k])) / len(relevant) if relevant else math.nan


def slow_ndcg(ranked: list[int], relevant: set[int], k: int) -> float:
    if not relevant:
        return math.nan
    dcg = sum(1 / math.log2(rank + 2) for rank, item in enumerate(ranked[:k]) if item in relevant)
    return dcg / sum(1 / math.log2(rank + 2) for rank in range(min(k, len(relevant))))


def slow_mrr(ranked: list[int], relevant: set[int]) -> float:
    if not relevant:
        return math.nan
    return next((1 / (rank + 1) for rank, item in enumerate(ranked) if item in relevant), 0.0)


@given(st.lists(ranking_and_relevant, max_size=6), st.integers(1, 10))
def test_metrics_agree_with_loops(users: list[tuple[list[int], set[int]]], k: int) -> None:
    ranking, relevant = to_arrays(users)
    same = np.testing.assert_allclose
    same(metrics.recall_at(ranking, relevant, k), [slow_recall(r, w, k) for r, w in users])
    same(metrics.ndcg_at(ranking, relevant, k), [slow_ndcg(r, w, k) for r, w in users])
    same(metrics.mrr(ranking, relevant), [slow_mrr(r, w) for r, w in users])
    cold = np.arange(15) % 3 == 0
    cold_relevant = [{i for i in w if i % 3 == 0} for _, w in users]
    slow_cold = [slow_recall(r, w, k) for (r, _), w in zip(users, cold_relevant, strict=True)]
    same(metrics.cold_recall_at(ranking, relevant, cold, k), slow_cold)
    shown_items = {item for ranked, _ in users for item in ranked}
    assert metrics.coverage(ranking, 15) == pytest.approx(len(shown_items) / 15)


@pytest.mark.parametrize("k", [1, 5, 10])
def test_metrics_agree_with_trec_eval(k: int) -> None:
    """Binary relevance, 30 users, rankings of 8 of 15 items; `ir_measures` calls trec_eval."""
    ir_measures = pytest.importorskip("ir_measures")
    rng = np.random.default_rng(k)
    rankings = np.array([rng.permutation(15)[:8] for _ in range(30)])
    relevant = [rng.permutation(15)[: rng.integers(1, 8)] for _ in range(30)]
    qrels = {str(u): {str(item): 1 for item in items} for u, items in enumerate(relevant)}
    run = {
        str(u): {str(item): float(-rank) for rank, item in enumerate(row)} for u, row in enumerate(rankings)
    }
    computed = [
        (ir_measures.nDCG @ k, metrics.ndcg_at(rankings, relevant, k)),
        (ir_measures.R @ k, metrics.recall_at(rankings, relevant, k)),
        (ir_measures.RR, metrics.mrr(rankings, relevant)),
    ]
    for measure, values in computed:
        expected = {metric.query_id: metric.value for metric in ir_measures.iter_calc([measure], qrels, run)}
        assert values == pytest.approx([expected[str(u)] for u in range(30)])


@given(st.lists(st.booleans(), min_size=1, max_size=12), st.integers(0, 5), st.integers(1, 10))
def test_ndcg_of_gains_agrees_with_ndcg_of_rankings(hits: list[bool], missed: int, k: int) -> None:
    """Items are their own ranks; those missed are on no rank."""
    relevant = [*np.flatnonzero(hits), *range(100, 100 + missed)]
    if relevant:
        ranking = np.arange(len(hits))[None, :]
        expected = metrics.ndcg_at(ranking, [np.array(relevant)], k)[0]
        assert metrics.ndcg_of_gains(np.array(hits), len(relevant), k) == pytest.approx(expected)


def test_interval_covers_the_true_mean_about_95_times_in_100() -> None:
    rng = np.random.default_rng(0)
    n_covered = 0
    for trial in range(200):
        interval = mean_interval(rng.beta(2, 5, size=80), resamples=400, seed=trial)
        n_covered += interval.low <= 2 / 7 <= interval.high
    assert 0.88 <= n_covered / 200 <= 0.99


def test_paired_interval_is_narrower_than_unpaired_ones() -> None:
    """Hard users are hard for both systems; resampling them together removes that variance."""
    rng = np.random.default_rng(0)
    baseline = rng.uniform(0.1, 0.9, 100)
    system = baseline * 1.1
    difference, ratio = paired_intervals(system, baseline)
    assert 0 < difference.low < difference.mean < difference.high
    assert difference.high - difference.low < 0.2 * (mean_interval(system).high - mean_interval(system).low)
    assert (ratio.low, ratio.mean, ratio.high) == pytest.approx((1.1, 1.1, 1.1))


def test_undefined_intervals_have_no_numbers() -> None:
    undefined = mean_interval(np.array([np.nan, np.nan]))
    assert undefined.as_dict() == {"mean": None, "low": None, "high": None}
    assert not undefined.excludes(0.0)
    assert paired_intervals(np.array([0.5, 1.0]), np.array([0.0, 0.0]))[1] == undefined


def test_a_ratio_with_one_target_each_is_a_mean() -> None:
    hits = np.random.default_rng(3).integers(0, 2, 200).astype(float)
    assert ratio_interval(hits, np.ones(200)) == mean_interval(hits)
    assert ratio_interval(np.zeros(0), np.zeros(0)).mean is None
