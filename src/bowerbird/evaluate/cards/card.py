"""The contents of a model card: what a version was trained on and how it was evaluated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bowerbird.data.splits import Holdout
from bowerbird.evaluate.bootstrap import Interval
from bowerbird.evaluate.calibration import OutcomeReport
from bowerbird.evaluate.results import Evaluation


@dataclass(frozen=True)
class DataSummary:
    """The events and items of a store."""

    items: int
    items_without_price: int
    items_never_liked_in_training: int
    events: int
    likes: int
    """A click or more."""
    users: int
    first_event: str | None
    """Dates, ISO 8601."""
    last_event: str | None
    held_out_after: str | None
    held_out_users: int
    training_events: int
    training_users: int


@dataclass(frozen=True)
class SeedSpread:
    """The trainings that the vectors were chosen from."""

    seeds: Sequence[int]
    learned_weights: Sequence[float] = ()
    mean: Mapping[str, Any] | None = None
    deviation: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class VectorsSummary:
    """The training of the vectors, from their `meta.json`; None where it does not say."""

    holdout: Holdout
    dim: int | None = None
    seed: int | None = None
    epochs: int | None = None
    likes: int | None = None
    seconds: Mapping[str, float] | None = None
    """By stage."""
    backbones: Mapping[str, str] | None = None
    """Names by modality."""
    metrics: Mapping[str, Any] | None = None
    """Of the validation in training."""
    over_seeds: SeedSpread | None = None
    peak_memory_mb: int | None = None


@dataclass(frozen=True)
class RankerSummary:
    """The published ranker."""

    version: str
    settings: Mapping[str, Any]
    """What training chose."""
    outcomes: OutcomeReport | None
    """How well the outcome probabilities are calibrated; None where that was not measured."""


@dataclass(frozen=True)
class SeedComparison:
    """One metric of one task over several seeds, compared with the best baseline."""

    task: str
    metric: str
    value: Interval
    """Of the means over seeds."""
    by_seed: Sequence[float]
    against: str
    """Which baselines the best was chosen of: `best baseline` (all of them) or `best generic`."""
    baseline: str
    baseline_value: Interval
    ratio: Interval


@dataclass(frozen=True)
class SeedResults:
    """The results of `benchmarks/bench_quality.py`, as it writes them to `reports/seeds.json`."""

    vectors: str
    seeds: Sequence[int]
    comparisons: Sequence[SeedComparison]


@dataclass(frozen=True)
class ModelCard:
    """The contents of a card."""

    version: str
    data: DataSummary
    vectors: VectorsSummary
    licences: Mapping[str, str | None]
    """The licence of each backbone by name; None where it is unknown."""
    ranker: RankerSummary | None
    """None where none was trained on these vectors."""
    evaluations: Sequence[Evaluation]
    seeds: SeedResults | None
    """None where the variance over seeds was not measured."""
    limits: Sequence[str] = ()
