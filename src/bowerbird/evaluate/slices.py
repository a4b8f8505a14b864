"""A system compared with the best baseline on slices of a test: which users and which items gain.

A mean over all users hides who loses. Users are grouped by what is known of them (nothing, a history that is
not in the training events, one that is) and by the number of likes in their history; items by whether they
are in the training events and by price. A slice of users is evaluated on all of their targets, a slice of
items on those targets alone, by the same ranking of the whole catalogue. A slice that holds the whole test,
or nothing, is left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from bowerbird.data.arrays import BoolArray, DoubleArray, IntArray
from bowerbird.data.items import Catalogue
from bowerbird.evaluate import metrics
from bowerbird.evaluate.bootstrap import mean_interval, paired_intervals
from bowerbird.evaluate.protocols import Task
from bowerbird.evaluate.results import SliceComparison, SliceResult

PRICE_BANDS = 3


@dataclass(frozen=True)
class Slice:
    """Some of the test's users, and the items that count as targets."""

    group: str
    """What distinguishes the slices: `items`, `users`, `likes in history` or `price`."""
    name: str
    in_users: BoolArray  # (P,)
    in_items: BoolArray  # (items,)

    def targets(self, task: Task) -> list[IntArray]:
        """Each user's targets within the slice; empty where the user is not in it."""
        return [
            targets[self.in_items[targets]] if is_inside else targets[:0]
            for is_inside, targets in zip(self.in_users, task.targets, strict=True)
        ]


def compare_slices(
    task: Task, catalogue: Catalogue, system: IntArray, baselines: Mapping[str, IntArray], k: int
) -> list[SliceResult]:
    """Compute recall@k and nDCG@k on every slice; rankings are (P, at least k) positions."""
    slice_results = []
    for test_slice in define_slices(task, catalogue):
        targets = test_slice.targets(task)
        n_users = sum(len(positions) > 0 for positions in targets)
        system_values = _compute_metrics(system, targets, k)
        baseline_values = {name: _compute_metrics(ranking, targets, k) for name, ranking in baselines.items()}
        results = tuple(_compare(metric, system_values, baseline_values) for metric in system_values)
        slice_results.append(SliceResult(test_slice.group, test_slice.name, n_users, results))
    return slice_results


def define_slices(task: Task, catalogue: Catalogue) -> list[Slice]:
    """Define the slices that hold some target, but not the whole test."""
    all_users, all_items = np.ones(len(task.users), bool), np.ones(task.training.n_items, bool)
    target_items = np.concatenate(task.targets)

    def is_informative(test_slice: Slice) -> bool:
        n_targets = [len(positions) for positions in task.targets]
        is_inside = test_slice.in_items[target_items] & np.repeat(test_slice.in_users, n_targets)
        return bool(is_inside.any()) and not (is_inside.all() and test_slice.in_users.all())

    slices = [
        Slice("items", "new items", all_users, task.cold),
        Slice("items", "items in training", all_users, ~task.cold),
        *(Slice("users", name, users, all_items) for name, users in _group_by_history(task)),
        *(Slice("likes in history", name, users, all_items) for name, users in _group_by_likes(task)),
        *(Slice("price", name, all_users, items) for name, items in _group_by_price(target_items, catalogue)),
    ]
    return [test_slice for test_slice in slices if is_informative(test_slice)]


def _group_by_history(task: Task) -> Iterator[tuple[str, BoolArray]]:
    """Users by what is known of them."""
    training_users = {task.training.users[number] for number in np.unique(task.training.user)}
    is_cold_start = np.array([len(history) == 0 for history in task.histories])
    in_training = np.array([user in training_users for user in task.users])
    yield "cold-start users: no history", is_cold_start
    yield "new users: history not in training", ~is_cold_start & ~in_training
    yield "users in training", in_training


def _group_by_likes(task: Task) -> Iterator[tuple[str, BoolArray]]:
    """The half with fewer likes in the history, and the half with more; cold-start users in neither."""
    n_likes = np.array([len(np.unique(history.liked().items)) for history in task.histories])
    has_likes = n_likes > 0
    if not has_likes.any():
        return
    median = int(np.median(n_likes[has_likes]))
    is_light, is_heavy = has_likes & (n_likes <= median), n_likes > median
    if is_heavy.any():  # else all have the same number
        yield f"light users: {_format_range(n_likes[is_light])} likes", is_light
        yield f"heavy users: {_format_range(n_likes[is_heavy])} likes", is_heavy


def _group_by_price(target_items: IntArray, catalogue: Catalogue) -> Iterator[tuple[str, BoolArray]]:
    """Bands that hold a third of the targets each; none where prices lack or mix currencies."""
    prices = catalogue.prices
    has_price = ~np.isnan(prices)
    currencies = set(catalogue.table["currency"].filter(has_price).to_pylist())
    target_prices = prices[target_items][has_price[target_items]]
    if len(currencies) != 1 or not len(target_prices):
        return
    edges = np.unique(np.quantile(target_prices, np.arange(1, PRICE_BANDS) / PRICE_BANDS))
    unit = f" {currencies.pop() or ''}".rstrip()
    bounds = [-np.inf, *edges, np.inf]
    for low, high in pairwise(bounds):
        in_band = has_price & (prices > low) & (prices <= high)
        if np.isinf(low):
            name = f"price up to {high:.4g}{unit}"
        elif np.isinf(high):
            name = f"price above {low:.4g}{unit}"
        else:
            name = f"price {low:.4g} to {high:.4g}{unit}"
        yield name, in_band


def _format_range(numbers: IntArray) -> str:
    low, high = int(numbers.min()), int(numbers.max())
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _compute_metrics(ranking: IntArray, targets: list[IntArray], k: int) -> dict[str, DoubleArray]:
    return {
        f"recall@{k}": metrics.recall_at(ranking, targets, k),
        f"ndcg@{k}": metrics.ndcg_at(ranking, targets, k),
    }


def _compare(
    metric: str, system: dict[str, DoubleArray], baselines: Mapping[str, dict[str, DoubleArray]]
) -> SliceComparison:
    best = max(baselines, key=lambda name: float(np.nanmean(baselines[name][metric])))
    values, best_values = system[metric], baselines[best][metric]
    ratio = paired_intervals(values, best_values)[1]
    return SliceComparison(metric, mean_interval(values), best, mean_interval(best_values), ratio)
