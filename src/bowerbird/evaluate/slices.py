"""Ours beside the best baseline on parts of a test: who gains, and on which items.

A mean over everybody hides who pays for it. People are told apart by what is known of them (nothing, a
history that training has not seen, one that it has) and by how many likes were given; items by whether
training knew them and by price. A part of the people is judged on all of their targets, a part of the items
on those targets alone, by the same ranking of the whole catalogue. A part that holds everybody, or nobody, is
left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from bowerbird.data.items import Catalogue
from bowerbird.evaluate import metrics
from bowerbird.evaluate.bootstrap import Interval, mean_interval, paired_intervals
from bowerbird.evaluate.protocols import Task

PRICE_BANDS = 3


@dataclass(frozen=True)
class Part:
    """Some of the test's people, and the items that they are asked for."""

    group: str
    """What tells the parts apart: `items`, `people`, `likes given` or `price`."""
    name: str
    who: np.ndarray  # (P,) bool
    what: np.ndarray  # (items,) bool

    def targets(self, task: Task) -> list[np.ndarray]:
        """What each person should have found here; nothing where the person is no part of it."""
        return [
            wanted[self.what[wanted]] if inside else wanted[:0]
            for inside, wanted in zip(self.who, task.targets, strict=True)
        ]


@dataclass(frozen=True)
class Beside:
    """One metric on one part: ours, the baseline that is best there, and ours over it on the same people."""

    metric: str
    ours: Interval
    baseline: str
    best: Interval
    ratio: Interval


@dataclass(frozen=True)
class Slice:
    """One part of a test and what was found there."""

    group: str
    name: str
    people: int
    """People who have something to find in this part."""
    results: tuple[Beside, ...]

    def as_dict(self) -> dict[str, Any]:
        results = [
            {
                "metric": one.metric,
                "ours": one.ours.as_dict(),
                "baseline": one.baseline,
                "best": one.best.as_dict(),
                "ratio": one.ratio.as_dict(),
            }
            for one in self.results
        ]
        return {"group": self.group, "name": self.name, "people": self.people, "results": results}


def slices_of(
    task: Task, catalogue: Catalogue, ours: np.ndarray, baselines: Mapping[str, np.ndarray], k: int
) -> list[Slice]:
    """Every part of the test with recall@k and nDCG@k; rankings are (P, at least k) positions."""
    slices = []
    for part in parts_of(task, catalogue):
        targets = part.targets(task)
        people = sum(len(wanted) > 0 for wanted in targets)
        mine = _found(ours, targets, k)
        others = {name: _found(ranking, targets, k) for name, ranking in baselines.items()}
        results = tuple(_beside(name, mine, others) for name in mine)
        slices.append(Slice(part.group, part.name, people, results))
    return slices


def parts_of(task: Task, catalogue: Catalogue) -> list[Part]:
    """The parts in which somebody has something to find, and somebody or something else is left outside."""
    everyone, everything = np.ones(len(task.users), bool), np.ones(task.training.n_items, bool)
    asked = np.concatenate(task.targets)

    def tells(part: Part) -> bool:
        inside = part.what[asked] & np.repeat(part.who, [len(wanted) for wanted in task.targets])
        return bool(inside.any()) and not (inside.all() and part.who.all())

    parts = [
        Part("items", "new items", everyone, task.cold),
        Part("items", "items known in training", everyone, ~task.cold),
        *(Part("people", name, who, everything) for name, who in _by_history(task)),
        *(Part("likes given", name, who, everything) for name, who in _by_likes(task)),
        *(Part("price", name, everyone, what) for name, what in _by_price(asked, catalogue)),
    ]
    return [part for part in parts if tells(part)]


def _by_history(task: Task) -> Iterator[tuple[str, np.ndarray]]:
    """People by what is known of them."""
    trained = {task.training.users[number] for number in np.unique(task.training.user)}
    strange = np.array([len(history) == 0 for history in task.histories])
    known = np.array([user in trained for user in task.users])
    yield "strangers: nothing is given", strange
    yield "new people: training has not seen what is given", ~strange & ~known
    yield "people whom training knows", known


def _by_likes(task: Task) -> Iterator[tuple[str, np.ndarray]]:
    """The half with fewer likes given, and the half with more; strangers in neither."""
    given = np.array([len(np.unique(history.liked().items)) for history in task.histories])
    some = given > 0
    if not some.any():
        return
    middle = int(np.median(given[some]))
    light, heavy = some & (given <= middle), given > middle
    if heavy.any():  # else all are given alike
        yield f"light people: {_span(given[light])} likes given", light
        yield f"heavy people: {_span(given[heavy])} likes given", heavy


def _by_price(asked: np.ndarray, catalogue: Catalogue) -> Iterator[tuple[str, np.ndarray]]:
    """Bands that hold a third of the asked-for items each; none where prices lack or mix currencies."""
    prices = catalogue.prices
    priced = ~np.isnan(prices)
    currencies = set(catalogue.table["currency"].filter(priced).to_pylist())
    known = prices[asked][priced[asked]]
    if len(currencies) != 1 or not len(known):
        return
    edges = np.unique(np.quantile(known, np.arange(1, PRICE_BANDS) / PRICE_BANDS))
    unit = f" {currencies.pop() or ''}".rstrip()
    bounds = [-np.inf, *edges, np.inf]
    for low, high in pairwise(bounds):
        what = priced & (prices > low) & (prices <= high)
        if np.isinf(low):
            name = f"price up to {high:.4g}{unit}"
        elif np.isinf(high):
            name = f"price above {low:.4g}{unit}"
        else:
            name = f"price {low:.4g} to {high:.4g}{unit}"
        yield name, what


def _span(numbers: np.ndarray) -> str:
    low, high = int(numbers.min()), int(numbers.max())
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _found(ranking: np.ndarray, targets: list[np.ndarray], k: int) -> dict[str, np.ndarray]:
    return {
        f"recall@{k}": metrics.recall_at(ranking, targets, k),
        f"ndcg@{k}": metrics.ndcg_at(ranking, targets, k),
    }


def _beside(metric: str, mine: dict[str, np.ndarray], others: Mapping[str, dict[str, np.ndarray]]) -> Beside:
    best = max(others, key=lambda name: float(np.nanmean(others[name][metric])))
    theirs = others[best][metric]
    ratio = paired_intervals(mine[metric], theirs)[1]
    return Beside(metric, mean_interval(mine[metric]), best, mean_interval(theirs), ratio)
