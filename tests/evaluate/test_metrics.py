"""The vectorised metrics agree with loops; intervals behave as intervals must."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bowerbird.evaluate import metrics
from bowerbird.evaluate.bootstrap import mean_interval, paired_intervals

person = st.tuples(st.lists(st.integers(0, 14), unique=True, max_size=8), st.sets(st.integers(0, 14)))


def arrays_of(people: list[tuple[list[int], set[int]]]) -> tuple[np.ndarray, list[np.ndarray]]:
    ranking = np.array([ranked + [-1] * (8 - len(ranked)) for ranked, _ in people], np.int64).reshape(-1, 8)
    return ranking, [np.array(sorted(wanted), np.int64) for _, wanted in people]


def slow_recall(ranked: list[int], wanted: set[int], k: int) -> float:
    return len(wanted & set(ranked[:k])) / len(wanted) if wanted else math.nan


def slow_ndcg(ranked: list[int], wanted: set[int], k: int) -> float:
    if not wanted:
        return math.nan
    gained = sum(1 / math.log2(rank + 2) for rank, item in enumerate(ranked[:k]) if item in wanted)
    return gained / sum(1 / math.log2(rank + 2) for rank in range(min(k, len(wanted))))


def slow_mrr(ranked: list[int], wanted: set[int]) -> float:
    if not wanted:
        return math.nan
    return next((1 / (rank + 1) for rank, item in enumerate(ranked) if item in wanted), 0.0)


@given(st.lists(person, max_size=6), st.integers(1, 10))
def test_metrics_agree_with_loops(people: list[tuple[list[int], set[int]]], k: int) -> None:
    ranking, wanted = arrays_of(people)
    same = np.testing.assert_allclose
    same(metrics.recall_at(ranking, wanted, k), [slow_recall(r, w, k) for r, w in people])
    same(metrics.ndcg_at(ranking, wanted, k), [slow_ndcg(r, w, k) for r, w in people])
    same(metrics.mrr(ranking, wanted), [slow_mrr(r, w) for r, w in people])
    cold = np.arange(15) % 3 == 0
    fresh = [{i for i in w if i % 3 == 0} for _, w in people]
    slow_cold = [slow_recall(r, w, k) for (r, _), w in zip(people, fresh, strict=True)]
    same(metrics.cold_recall_at(ranking, wanted, cold, k), slow_cold)
    shown = {item for ranked, _ in people for item in ranked}
    assert metrics.coverage(ranking, 15) == pytest.approx(len(shown) / 15)


def test_interval_holds_the_true_mean_about_95_times_in_100() -> None:
    rng = np.random.default_rng(0)
    held = 0
    for trial in range(200):
        interval = mean_interval(rng.beta(2, 5, size=80), draws=400, seed=trial)
        held += interval.low <= 2 / 7 <= interval.high
    assert 0.88 <= held / 200 <= 0.99


def test_paired_interval_is_narrower_than_the_arms_own() -> None:
    """Hard people are hard for both arms; redrawing them together takes that out."""
    rng = np.random.default_rng(0)
    other = rng.uniform(0.1, 0.9, 100)
    ours = other * 1.1
    difference, ratio = paired_intervals(ours, other)
    assert 0 < difference.low < difference.mean < difference.high
    assert difference.high - difference.low < 0.2 * (mean_interval(ours).high - mean_interval(ours).low)
    assert (ratio.low, ratio.mean, ratio.high) == pytest.approx((1.1, 1.1, 1.1))


def test_what_cannot_be_said_is_nan_and_null() -> None:
    nothing = mean_interval(np.array([np.nan, np.nan]))
    assert math.isnan(nothing.mean)
    assert nothing.as_dict() == {"mean": None, "low": None, "high": None}
    assert math.isnan(paired_intervals(np.array([0.5, 1.0]), np.array([0.0, 0.0]))[1].mean)
