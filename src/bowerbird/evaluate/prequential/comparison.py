"""What a prequential evaluation measures: each system's metrics on slices of the queries, with intervals.

A user's value is the mean over their queries, so that heavy users do not count more; intervals and ratios are
over users. The slices show where a gain comes from: how long the user had been idle, and whether the query is
their first event of the day.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bowerbird.data.arrays import BoolArray, DoubleArray, IntArray
from bowerbird.data.times import DAY, HOUR
from bowerbird.evaluate.bootstrap import Interval, mean_interval, paired_intervals
from bowerbird.evaluate.metrics import discount
from bowerbird.evaluate.prequential.queries import Queries
from bowerbird.evaluate.prequential.replay import DEPTH
from bowerbird.evaluate.results import TrainedModels

MAIN_METRICS = ("ndcg@10", "recall@20")
IDLE_TIMES = (
    ("within half an hour", -1, HOUR // 2),
    ("half an hour to a day", HOUR // 2, DAY),
    ("a day to a week", DAY, 7 * DAY),
    ("a week to a month", 7 * DAY, 30 * DAY),
    ("more than a month", 30 * DAY, None),
)
"""Slices by the time since the user's previous event: more than the first, at most the second."""


@dataclass(frozen=True)
class RealTimeGain:
    """The ratio of the system with real-time updates to another, on the same users."""

    system: str
    metric: str
    ratio: Interval


@dataclass(frozen=True)
class QuerySlice:
    """Some of the queries, and each system's metrics on them."""

    name: str
    queries: int
    users: int
    metrics: Mapping[str, Mapping[str, Interval]]
    """By system and metric."""
    gains: Sequence[RealTimeGain]


@dataclass(frozen=True)
class PrequentialEvaluation:
    """A whole evaluation; the first system is the one with real-time updates."""

    start: int
    """Microseconds since 1970 UTC; the model knows no later event."""
    until: int
    """Time of the last query."""
    dates_only: bool
    """Whether events have no time of day; those of one day then come in the log's order."""
    available_queries: int
    """Number of queries before sampling."""
    slices: Sequence[QuerySlice]
    """All queries first."""
    trained: TrainedModels


def score_ranks(ranks: IntArray) -> dict[str, DoubleArray]:
    """Compute the metrics of queries with one target, by its rank from 0 (-1: a miss), (..., Q) each.

    >>> {name: values.round(3).tolist() for name, values in score_ranks(np.array([0, 2, 15, -1])).items()}
    {'ndcg@10': [1.0, 0.5, 0.0, 0.0], 'recall@20': [1.0, 1.0, 1.0, 0.0], 'mrr': [1.0, 0.333, 0.062, 0.0]}
    """
    is_hit = (ranks >= 0) & (ranks < DEPTH)
    rank = np.where(is_hit, ranks, 0) + 1.0
    return {
        "ndcg@10": np.where(is_hit & (rank <= 10), discount(rank), 0.0),
        "recall@20": (is_hit & (rank <= 20)).astype(np.float64),
        "mrr": np.where(is_hit, 1 / rank, 0.0),
    }


def evaluate_slices(queries: Queries, ranks: Mapping[str, IntArray], dates_only: bool) -> list[QuerySlice]:
    """Evaluate all queries, then slices of them.

    `ranks` as `compute_target_ranks` gives them, or (seeds, Q) of several models. An empty slice is left out;
    with dates only, so are the slices that would need a time of day.
    """
    scores = {system: score_ranks(np.atleast_2d(system_ranks)) for system, system_ranks in ranks.items()}
    slices = [
        ("all queries", np.ones(len(queries), bool)),
        ("first of the day", queries.first_of_day),
        ("later on the same day", ~queries.first_of_day),
    ]
    for name, low, high in IDLE_TIMES:
        is_inside = (queries.idle > low) & (queries.idle <= (np.inf if high is None else high))
        if not dates_only or (low >= DAY):
            slices.append((f"idle time: {name}", is_inside))
    slices.append(("no previous event", queries.idle < 0))
    return [
        _evaluate_slice(name, is_inside, queries, scores) for name, is_inside in slices if is_inside.any()
    ]


def _evaluate_slice(
    name: str, is_inside: BoolArray, queries: Queries, scores: Mapping[str, Mapping[str, DoubleArray]]
) -> QuerySlice:
    users, user_of_query = np.unique(queries.user[is_inside], return_inverse=True)
    values = {
        system: {
            metric: _mean_per_user(by_seed[:, is_inside].mean(axis=0), user_of_query)
            for metric, by_seed in system_scores.items()
        }
        for system, system_scores in scores.items()
    }
    real_time, *slower = values
    gains = tuple(
        RealTimeGain(system, metric, paired_intervals(values[real_time][metric], values[system][metric])[1])
        for system in slower
        for metric in MAIN_METRICS
    )
    metrics = {
        system: {metric: mean_interval(per_user) for metric, per_user in system_values.items()}
        for system, system_values in values.items()
    }
    return QuerySlice(name, int(is_inside.sum()), len(users), metrics, gains)


def _mean_per_user(scores: DoubleArray, user_of_query: IntArray) -> DoubleArray:
    """Mean of each user's scores, (Q,) -> (P,)."""
    mean: DoubleArray = np.bincount(user_of_query, scores) / np.bincount(user_of_query)
    return mean
