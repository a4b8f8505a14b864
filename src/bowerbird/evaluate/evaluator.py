"""Evaluates rankers on a test: metrics with intervals, costs, and the settings that each chose."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

import numpy as np

from bowerbird.data.interactions import Interactions
from bowerbird.data.items import Catalogue
from bowerbird.data.splits import Holdout
from bowerbird.evaluate import metrics
from bowerbird.evaluate.bootstrap import Interval, mean_interval, paired_intervals
from bowerbird.evaluate.protocols import Split, Task, build_task
from bowerbird.evaluate.ranker import Ranker
from bowerbird.evaluate.slices import SliceResult, compare_slices
from bowerbird.progress import track


@runtime_checkable
class HasSettings(Protocol):
    """A ranker that gives the settings it ran with."""

    @property
    def settings(self) -> Mapping[str, Any]: ...


@runtime_checkable
class RanksTasks(Protocol):
    """A ranker that is given users, moments and eligible items of the test, as a server knows them."""

    def rank_task(self, task: Task, n: int) -> np.ndarray:
        """Rank the best n items for each test user, (P, n) positions, -1 where fewer remain."""
        ...


@dataclass(frozen=True)
class SystemResult:
    """The result of one ranker."""

    name: str
    under_test: bool
    """Whether it is one of bowerbird's own; the others are baselines."""
    metrics: Mapping[str, Interval]
    fit_seconds: float
    rank_seconds: float
    settings: Mapping[str, Any]
    per_user: Mapping[str, np.ndarray] = field(repr=False)
    """Each metric's value for each test user, (P,), NaN where it is undefined."""
    ranking: np.ndarray = field(repr=False)
    """The list of each test user, (P, k) positions."""

    def as_dict(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "under_test": self.under_test,
            "metrics": {name: interval.as_dict() for name, interval in self.metrics.items()},
            "fit_seconds": self.fit_seconds,
            "rank_seconds": self.rank_seconds,
            "settings": dict(self.settings),
        }


@dataclass(frozen=True)
class Comparison:
    """The first system under test compared with the best baseline of one metric, on the same users."""

    metric: str
    system: str
    baseline: str
    difference: Interval
    ratio: Interval

    def as_dict(self) -> dict[str, Any]:
        return {
            "metric": self.metric,
            "system": self.system,
            "baseline": self.baseline,
            "difference": self.difference.as_dict(),
            "ratio": self.ratio.as_dict(),
        }


@dataclass(frozen=True)
class Evaluation:
    """Every ranker on one split."""

    split: Split
    k: int
    n_given: int | None
    """Liked items revealed per new user; None: the first part of their events."""
    users: int
    cold_start_users: int
    """Test users with an empty history."""
    items: int
    cold_items: int
    events: int
    """Training events."""
    systems: Sequence[SystemResult]
    comparisons: Sequence[Comparison]
    slices: Sequence[SliceResult]
    """The first system under test compared with the best baseline on each slice of the test."""
    trained: Mapping[str, Any]
    """Version and seed of the models under test."""

    def as_dict(self) -> dict[str, Any]:
        counts = ("k", "n_given", "users", "cold_start_users", "items", "cold_items", "events")
        return {
            "split": self.split.value,
            **{name: getattr(self, name) for name in counts},
            "trained": dict(self.trained),
            "systems": [system.as_dict() for system in self.systems],
            "comparisons": [comparison.as_dict() for comparison in self.comparisons],
            "slices": [result.as_dict() for result in self.slices],
        }


def evaluate(
    rankers: Sequence[Ranker],
    interactions: Interactions,
    catalogue: Catalogue,
    holdout: Holdout,
    split: Split,
    k: int = 20,
    under_test: Sequence[str] = (),
    n_given: int | None = None,
    trained: Mapping[str, Any] | None = None,
) -> Evaluation:
    """Fit each ranker on the holdout's training events and evaluate its first `k` of the whole catalogue.

    `under_test` names the rankers that are not baselines; the first is compared with the best baseline of
    each metric. `n_given` is that of `build_task`; `trained` is passed on to the report.
    Raises `InputError` where the split has no test users.
    """
    task = build_task(interactions, holdout, Split(split), n_given, catalogue.available)
    systems = [
        _evaluate_ranker(ranker, task, len(catalogue), k, ranker.name in under_test)
        for ranker in track(rankers, f"Evaluating {Split(split).value}, {len(task.users)} users")
    ]
    return Evaluation(
        split=Split(split),
        k=k,
        n_given=n_given,
        users=len(task.users),
        cold_start_users=task.n_cold_start_users,
        items=len(catalogue),
        cold_items=int(task.cold.sum()),
        events=len(task.training),
        systems=systems,
        comparisons=_compare_with_best_baselines(systems, under_test),
        slices=_compare_slices(systems, under_test, task, catalogue, k),
        trained=trained or {},
    )


def compute_user_metrics(ranking: np.ndarray, task: Task, k: int) -> dict[str, np.ndarray]:
    """Compute each metric's value for each test user, (P,).

    Every ranker can only show popular items to cold-start users. Where there are some, recall is also given
    for the other users alone: a mean dominated by cold-start users would make the poorest vectors look like
    popularity.
    """
    recall = metrics.recall_at(ranking, task.targets, k)
    values = {f"recall@{k}": recall}
    if 0 < task.n_cold_start_users < len(task.users):
        has_history = np.array([len(history) > 0 for history in task.histories])
        values[f"recall@{k}, known users"] = np.where(has_history, recall, np.nan)
    return values | {
        f"ndcg@{k}": metrics.ndcg_at(ranking, task.targets, k),
        "mrr": metrics.mrr(ranking, task.targets),
        f"cold recall@{k}": metrics.cold_recall_at(ranking, task.targets, task.cold, k),
    }


def rank_eligible(ranker: Ranker, task: Task, k: int) -> np.ndarray:
    """Rank the eligible items of a test for its users, (P, k) positions, -1 where fewer remain."""
    if isinstance(ranker, RanksTasks):
        return ranker.rank_task(task, k)
    n_ineligible = int(np.count_nonzero(~task.eligible))
    ranking = ranker.rank(task.histories, k + n_ineligible)
    if not n_ineligible:
        return ranking
    is_eligible = np.where(ranking >= 0, task.eligible[ranking], False)
    order = np.argsort(~is_eligible, axis=1, kind="stable")  # eligible items to the front, in their order
    best = np.take_along_axis(np.where(is_eligible, ranking, -1), order, axis=1)
    return best[:, :k]


def _evaluate_ranker(ranker: Ranker, task: Task, n_items: int, k: int, under_test: bool) -> SystemResult:
    start = time.perf_counter()
    ranker.fit(task.training)
    fit_end = time.perf_counter()
    ranking = rank_eligible(ranker, task, k)
    rank_end = time.perf_counter()
    per_user = compute_user_metrics(ranking, task, k)
    intervals = {name: mean_interval(values) for name, values in per_user.items()}
    # Coverage is not a mean over users: a resample repeats users, so no interval can be given.
    intervals["coverage"] = Interval(metrics.coverage(ranking, n_items), np.nan, np.nan)
    return SystemResult(
        name=ranker.name,
        under_test=under_test,
        metrics=intervals,
        fit_seconds=fit_end - start,
        rank_seconds=rank_end - fit_end,
        settings=dict(ranker.settings) if isinstance(ranker, HasSettings) else {},
        per_user=per_user,
        ranking=ranking,
    )


def _select_main_and_baselines(
    systems: Sequence[SystemResult], under_test: Sequence[str]
) -> tuple[SystemResult | None, list[SystemResult]]:
    main = next((system for name in under_test for system in systems if system.name == name), None)
    return main, [system for system in systems if not system.under_test]


def _compare_slices(
    systems: Sequence[SystemResult], under_test: Sequence[str], task: Task, catalogue: Catalogue, k: int
) -> list[SliceResult]:
    main, baselines = _select_main_and_baselines(systems, under_test)
    if main is None or not baselines:
        return []
    rankings = {baseline.name: baseline.ranking for baseline in baselines}
    return compare_slices(task, catalogue, main.ranking, rankings, k)


def _compare_with_best_baselines(
    systems: Sequence[SystemResult], under_test: Sequence[str]
) -> list[Comparison]:
    main, baselines = _select_main_and_baselines(systems, under_test)
    if main is None or not baselines:
        return []
    comparisons = []
    for metric, values in main.per_user.items():
        if np.isnan(values).all():
            continue
        best = max(baselines, key=lambda baseline: baseline.metrics[metric].mean)
        difference, ratio = paired_intervals(values, best.per_user[metric])
        comparisons.append(Comparison(metric, main.name, best.name, difference, ratio))
    return comparisons
