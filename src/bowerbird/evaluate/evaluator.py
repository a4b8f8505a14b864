"""Evaluates rankers on a test: metrics with intervals, costs, and the settings that each chose."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np

from bowerbird.data.arrays import BoolArray, DoubleArray, IntArray
from bowerbird.data.files.records import plain
from bowerbird.data.interactions import Interactions
from bowerbird.data.items import Catalogue
from bowerbird.data.splits import Holdout
from bowerbird.evaluate import metrics
from bowerbird.evaluate.bootstrap import Interval, mean_interval, paired_intervals
from bowerbird.evaluate.protocols import Split, Task, build_task
from bowerbird.evaluate.ranker import Ranker
from bowerbird.evaluate.results import (
    Comparison,
    Evaluation,
    SliceResult,
    SystemResult,
    TrainedModels,
    Tuning,
)
from bowerbird.evaluate.slices import compare_slices
from bowerbird.progress import track


@runtime_checkable
class HasSettings(Protocol):
    """A ranker that gives the settings it ran with."""

    @property
    def settings(self) -> Mapping[str, Any]:
        """Names and values."""
        ...


@runtime_checkable
class RanksTasks(Protocol):
    """A ranker that is given users, moments and eligible items of the test, as a server knows them."""

    def rank_task(self, task: Task, n: int) -> IntArray:
        """Rank the best n items for each test user, (P, n) positions, -1 where fewer remain."""
        ...


@runtime_checkable
class HasTuning(Protocol):
    """A ranker whose settings were chosen by a search."""

    @property
    def tuning(self) -> Tuning:
        """Cost and outcome of the search."""
        ...


@dataclass(frozen=True)
class _SystemRun:
    """One ranker's result, and what comparisons with others need."""

    result: SystemResult
    per_user: Mapping[str, DoubleArray]
    """Each metric's value for each test user, (P,), NaN where it is undefined."""
    ranking: IntArray
    """The list of each test user, (P, k) positions."""


def evaluate(
    rankers: Sequence[Ranker],
    interactions: Interactions,
    catalogue: Catalogue,
    holdout: Holdout,
    split: Split,
    k: int = 20,
    under_test: Sequence[str] = (),
    n_given: int | None = None,
    trained: TrainedModels | None = None,
) -> Evaluation:
    """Fit each ranker on the holdout's training events and evaluate its first `k` of the whole catalogue.

    `under_test` names the rankers that are not baselines; the first is compared with the best baseline of
    each metric. `n_given` is that of `build_task`; `trained` is passed on to the report.
    Raises `InputError` where the split has no test users.
    """
    task = build_task(interactions, holdout, Split(split), n_given, catalogue.available)
    if catalogue.articles.has_variants:
        task = task.by_article(catalogue.articles)
    runs = [
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
        systems=[run.result for run in runs],
        comparisons=_compare_with_best_baselines(runs, under_test),
        slices=_compare_slices(runs, under_test, task, catalogue, k),
        trained=trained or TrainedModels(),
    )


def compute_user_metrics(ranking: IntArray, task: Task, k: int) -> dict[str, DoubleArray]:
    """Compute each metric's value for each test user, (P,).

    Every ranker can only show popular items to cold-start users. Where there are some, recall is also given
    for the other users alone: a mean dominated by cold-start users would make the poorest vectors look like
    popularity.
    """
    recall = metrics.recall_at(ranking, task.targets, k)
    values = {f"recall@{k}": recall}
    if 0 < task.n_cold_start_users < len(task.users):
        has_history = np.array([len(history) > 0 for history in task.histories])
        recall_of_known = recall.copy()
        recall_of_known[~has_history] = np.nan
        values[f"recall@{k}, known users"] = recall_of_known
    return values | {
        f"ndcg@{k}": metrics.ndcg_at(ranking, task.targets, k),
        "mrr": metrics.mrr(ranking, task.targets),
        f"cold recall@{k}": metrics.cold_recall_at(ranking, task.targets, task.cold, k),
    }


def rank_eligible(ranker: Ranker, task: Task, k: int) -> IntArray:
    """Rank the eligible items of a test for its users, (P, k) positions, -1 where fewer remain.

    In a catalogue with variants each article that the user has not seen is ranked once, by its best variant,
    and named by its first.
    """
    if isinstance(ranker, RanksTasks):
        return _name_articles(ranker.rank_task(task, k), task)
    n_ineligible = int(np.count_nonzero(~task.eligible))
    depth = k + n_ineligible if task.articles is None else _depth_of_articles(task, k + n_ineligible)
    ranking = ranker.rank(task.histories, depth)
    if not n_ineligible and task.articles is None:
        return ranking
    is_eligible = np.where(ranking >= 0, task.eligible[ranking], False)
    if task.articles is not None:
        ranking = _name_articles(ranking, task)
        is_eligible &= _is_first_and_unseen(np.where(is_eligible, ranking, -1), task)
    order = np.argsort(~is_eligible, axis=1, kind="stable")  # eligible items to the front, in their order
    best = np.take_along_axis(np.where(is_eligible, ranking, -1), order, axis=1)
    return best[:, :k]


def _name_articles(ranking: IntArray, task: Task) -> IntArray:
    if task.articles is None:
        return ranking
    return np.where(ranking >= 0, task.articles.first_positions[ranking], -1)


def _depth_of_articles(task: Task, k: int) -> int:
    """How deep a ranking of items is in which k articles are that were not seen, in any case."""
    assert task.articles is not None
    most_seen = max(len(history) for history in task.histories)
    return min(len(task.eligible), (k + most_seen) * task.articles.max_variants)


def _is_first_and_unseen(ranking: IntArray, task: Task) -> BoolArray:
    """Which ranks hold an article for the first time that the user has not seen, as (P, n) -> (P, n) bool."""
    assert task.articles is not None
    is_chosen = np.zeros(ranking.shape, bool)
    for row, (positions, history) in enumerate(zip(ranking, task.histories, strict=True)):
        is_chosen[row, np.unique(positions, return_index=True)[1]] = True
        is_chosen[row] &= ~np.isin(positions, task.articles.first_positions[history.items])
    return is_chosen & (ranking >= 0)


def _evaluate_ranker(ranker: Ranker, task: Task, n_items: int, k: int, under_test: bool) -> _SystemRun:
    start = time.perf_counter()
    ranker.fit(task.training)
    fit_end = time.perf_counter()
    ranking = rank_eligible(ranker, task, k)
    rank_end = time.perf_counter()
    per_user = compute_user_metrics(ranking, task, k)
    intervals = {name: mean_interval(values) for name, values in per_user.items()}
    # Coverage is not a mean over users: a resample repeats users, so no interval can be given.
    intervals["coverage"] = Interval(metrics.coverage(ranking, n_items))
    result = SystemResult(
        name=ranker.name,
        under_test=under_test,
        metrics=intervals,
        fit_seconds=fit_end - start,
        rank_seconds=rank_end - fit_end,
        settings=plain(dict(ranker.settings)) if isinstance(ranker, HasSettings) else {},
        tuning=ranker.tuning if isinstance(ranker, HasTuning) else None,
    )
    return _SystemRun(result, per_user, ranking)


def _select_main_and_baselines(
    runs: Sequence[_SystemRun], under_test: Sequence[str]
) -> tuple[_SystemRun | None, list[_SystemRun]]:
    main = next((run for name in under_test for run in runs if run.result.name == name), None)
    return main, [run for run in runs if not run.result.under_test]


def _compare_slices(
    runs: Sequence[_SystemRun], under_test: Sequence[str], task: Task, catalogue: Catalogue, k: int
) -> list[SliceResult]:
    main, baselines = _select_main_and_baselines(runs, under_test)
    if main is None or not baselines:
        return []
    rankings = {baseline.result.name: baseline.ranking for baseline in baselines}
    return compare_slices(task, catalogue, main.ranking, rankings, k)


def _compare_with_best_baselines(runs: Sequence[_SystemRun], under_test: Sequence[str]) -> list[Comparison]:
    main, baselines = _select_main_and_baselines(runs, under_test)
    if main is None or not baselines:
        return []
    comparisons = []
    for metric, values in main.per_user.items():
        if np.isnan(values).all():
            continue
        means = [np.nanmean(baseline.per_user[metric]) for baseline in baselines]
        best = baselines[int(np.argmax(means))]
        difference, ratio = paired_intervals(values, best.per_user[metric])
        comparisons.append(Comparison(metric, main.result.name, best.result.name, difference, ratio))
    return comparisons
