"""Runs rankers on a test and says how good each is, with intervals, costs and the settings it chose."""

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
from bowerbird.evaluate.protocols import Split, Task, task_of
from bowerbird.evaluate.ranker import Ranker
from bowerbird.evaluate.slices import Slice, slices_of
from bowerbird.progress import track


@runtime_checkable
class HasSettings(Protocol):
    """A ranker that can say with which settings it ran."""

    @property
    def settings(self) -> Mapping[str, Any]: ...


@runtime_checkable
class RanksTasks(Protocol):
    """A ranker that reads users, moments and eligible items off the test, as a server knows them."""

    def rank_task(self, task: Task, n: int) -> np.ndarray:
        """The best n items for each test user, (P, n) positions, -1 where fewer are left."""
        ...


@dataclass(frozen=True)
class Arm:
    """One ranker's result."""

    name: str
    ours: bool
    metrics: Mapping[str, Interval]
    fit_seconds: float
    rank_seconds: float
    settings: Mapping[str, Any]
    per_person: Mapping[str, np.ndarray] = field(repr=False)
    """Each metric's value for each test person, (P,), NaN where it says nothing."""
    ranking: np.ndarray = field(repr=False)
    """What it showed each test person, (P, k) positions."""

    def as_dict(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "ours": self.ours,
            "metrics": {name: interval.as_dict() for name, interval in self.metrics.items()},
            "fit_seconds": self.fit_seconds,
            "rank_seconds": self.rank_seconds,
            "settings": dict(self.settings),
        }


@dataclass(frozen=True)
class Comparison:
    """The first of our arms beside the best baseline of one metric, on the same people."""

    metric: str
    ours: str
    baseline: str
    difference: Interval
    ratio: Interval

    def as_dict(self) -> dict[str, Any]:
        return {
            "metric": self.metric,
            "ours": self.ours,
            "baseline": self.baseline,
            "difference": self.difference.as_dict(),
            "ratio": self.ratio.as_dict(),
        }


@dataclass(frozen=True)
class Evaluation:
    """Every ranker on one split."""

    split: Split
    k: int
    given: int | None
    """Liked items shown of each new person; None: the first part of their events."""
    people: int
    strangers: int
    """Test people with an empty history."""
    items: int
    cold_items: int
    events: int
    """Training events."""
    arms: Sequence[Arm]
    comparisons: Sequence[Comparison]
    slices: Sequence[Slice]
    """The first of our arms beside the best baseline on each part of the test."""
    trained: Mapping[str, Any]
    """Version and seed of what our arms were trained to."""

    def as_dict(self) -> dict[str, Any]:
        counts = ("k", "given", "people", "strangers", "items", "cold_items", "events")
        return {
            "split": self.split.value,
            **{name: getattr(self, name) for name in counts},
            "trained": dict(self.trained),
            "arms": [arm.as_dict() for arm in self.arms],
            "comparisons": [one.as_dict() for one in self.comparisons],
            "slices": [one.as_dict() for one in self.slices],
        }


def evaluate(
    rankers: Sequence[Ranker],
    interactions: Interactions,
    catalogue: Catalogue,
    holdout: Holdout,
    split: Split,
    k: int = 20,
    ours: Sequence[str] = (),
    given: int | None = None,
    trained: Mapping[str, Any] | None = None,
) -> Evaluation:
    """Fit each ranker on the holdout's training events and judge its first `k` over the whole catalogue.

    `ours` names the arms that are no baselines; the first is compared with the best baseline of each metric.
    `given` is that of `task_of`; `trained` is passed on to the report.
    Raises `InputError` where the split has no test people.
    """
    task = task_of(interactions, holdout, Split(split), given, catalogue.available)
    arms = [
        _judged(ranker, task, len(catalogue), k, ranker.name in ours)
        for ranker in track(rankers, f"Evaluating {task_label(split, task)}")
    ]
    return Evaluation(
        split=Split(split),
        k=k,
        given=given,
        people=len(task.users),
        strangers=task.strangers,
        items=len(catalogue),
        cold_items=int(task.cold.sum()),
        events=len(task.training),
        arms=arms,
        comparisons=_comparisons(arms, ours),
        slices=_slices(arms, ours, task, catalogue, k),
        trained=trained or {},
    )


def task_label(split: Split, task: Task) -> str:
    return f"{Split(split).value}, {len(task.users)} people"


def person_metrics(ranking: np.ndarray, task: Task, k: int) -> dict[str, np.ndarray]:
    """Each metric's value for each test person, (P,).

    Where some are strangers, to whom every ranker can only show what is popular, recall is said once more for
    the others alone: a mean that strangers fill would make the poorest vectors look like popularity.
    """
    recall = metrics.recall_at(ranking, task.targets, k)
    values = {f"recall@{k}": recall}
    if 0 < task.strangers < len(task.users):
        known = np.array([len(history) > 0 for history in task.histories])
        values[f"recall@{k}, known people"] = np.where(known, recall, np.nan)
    return values | {
        f"ndcg@{k}": metrics.ndcg_at(ranking, task.targets, k),
        "mrr": metrics.mrr(ranking, task.targets),
        f"cold recall@{k}": metrics.cold_recall_at(ranking, task.targets, task.cold, k),
    }


def rank_eligible(ranker: Ranker, task: Task, k: int) -> np.ndarray:
    """Rank the eligible items of a test for its users, (P, k) positions, -1 where fewer are left."""
    if isinstance(ranker, RanksTasks):
        return ranker.rank_task(task, k)
    n_others = int(np.count_nonzero(~task.eligible))
    ranking = ranker.rank(task.histories, k + n_others)
    if not n_others:
        return ranking
    is_open = np.where(ranking >= 0, task.eligible[ranking], False)
    order = np.argsort(~is_open, axis=1, kind="stable")  # the eligible ones to the front, in their order
    best = np.take_along_axis(np.where(is_open, ranking, -1), order, axis=1)
    return best[:, :k]


def _judged(ranker: Ranker, task: Task, n_items: int, k: int, ours: bool) -> Arm:
    start = time.perf_counter()
    ranker.fit(task.training)
    fitted = time.perf_counter()
    ranking = rank_eligible(ranker, task, k)
    ranked = time.perf_counter()
    per_person = person_metrics(ranking, task, k)
    intervals = {name: mean_interval(values) for name, values in per_person.items()}
    # Coverage is no mean over people: redrawn people repeat, so it gets no such interval.
    intervals["coverage"] = Interval(metrics.coverage(ranking, n_items), np.nan, np.nan)
    return Arm(
        name=ranker.name,
        ours=ours,
        metrics=intervals,
        fit_seconds=fitted - start,
        rank_seconds=ranked - fitted,
        settings=dict(ranker.settings) if isinstance(ranker, HasSettings) else {},
        per_person=per_person,
        ranking=ranking,
    )


def _main_and_baselines(arms: Sequence[Arm], ours: Sequence[str]) -> tuple[Arm | None, list[Arm]]:
    main = next((arm for name in ours for arm in arms if arm.name == name), None)
    return main, [arm for arm in arms if not arm.ours]


def _slices(
    arms: Sequence[Arm], ours: Sequence[str], task: Task, catalogue: Catalogue, k: int
) -> list[Slice]:
    main, baselines = _main_and_baselines(arms, ours)
    if main is None or not baselines:
        return []
    return slices_of(task, catalogue, main.ranking, {arm.name: arm.ranking for arm in baselines}, k)


def _comparisons(arms: Sequence[Arm], ours: Sequence[str]) -> list[Comparison]:
    main, baselines = _main_and_baselines(arms, ours)
    if main is None or not baselines:
        return []
    result = []
    for metric, mine in main.per_person.items():
        if np.isnan(mine).all():
            continue
        best = max(baselines, key=lambda arm: arm.metrics[metric].mean)
        difference, ratio = paired_intervals(mine, best.per_person[metric])
        result.append(Comparison(metric, main.name, best.name, difference, ratio))
    return result
