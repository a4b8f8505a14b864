"""Results of an evaluation, as they are written to a store's reports and read again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bowerbird.evaluate.bootstrap import Interval
from bowerbird.evaluate.protocols import Split


@dataclass(frozen=True)
class Tuning:
    """What choosing the settings of a baseline cost, and what was chosen from."""

    n_trials: int
    seconds: float
    ndcg: float | None
    """The best score on the validation users; None where there were too few events for a validation split."""
    grid: Mapping[str, Sequence[Any]]
    at_grid_edge: Sequence[str]
    """Settings whose chosen value is at an end of its range, so that a wider range might be better. Values
    that are the end of what makes sense (None, 0 and 1) are left out."""


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
    tuning: Tuning | None = None


@dataclass(frozen=True)
class Comparison:
    """The first system under test compared with the best baseline of one metric, on the same users."""

    metric: str
    system: str
    baseline: str
    difference: Interval
    ratio: Interval


@dataclass(frozen=True)
class SliceComparison:
    """One metric on one slice: the system, the baseline that is best there, and their ratio, same users."""

    metric: str
    value: Interval
    baseline: str
    baseline_value: Interval
    ratio: Interval


@dataclass(frozen=True)
class SliceResult:
    """One slice of a test and the metrics on it."""

    group: str
    """What distinguishes the slices: `items`, `users`, `likes in history` or `price`."""
    name: str
    users: int
    """Users who have a target in this slice."""
    results: Sequence[SliceComparison]


@dataclass(frozen=True)
class TrainedModels:
    """The models under test."""

    vectors: str = ""
    """Name of the version of the vectors."""
    seeds: Sequence[int] = ()


@dataclass(frozen=True)
class Evaluation:
    """Every ranker on one split."""

    split: Split
    k: int
    """Length of the evaluated lists."""
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
    comparisons: Sequence[Comparison] = ()
    slices: Sequence[SliceResult] = ()
    """The first system under test compared with the best baseline on each slice of the test."""
    trained: TrainedModels = field(default_factory=TrainedModels)
