"""Means and deviations over seeds, against numbers computed by hand."""

from __future__ import annotations

from bowerbird.embed.meta import Quality, SeedSummary, TrainingMetrics
from bowerbird.embed.train.seeds import summarize_seeds


def metrics_of_seed(warm: float, cold: float | None, weight: float) -> TrainingMetrics:
    return TrainingMetrics(learned_weight=weight, tower=Quality(warm, cold))


def test_what_seeds_agree_on() -> None:
    summary = summarize_seeds(5, [metrics_of_seed(0.1, 0.2, 1.0), metrics_of_seed(0.3, None, 0.5)])
    assert summary == SeedSummary(
        seeds=(5, 6),
        learned_weights=(1.0, 0.5),
        mean={"tower": Quality(0.2, None)},
        deviation={"tower": Quality(0.14142, None)},
    )


def test_one_seed_does_not_spread() -> None:
    summary = summarize_seeds(0, [metrics_of_seed(0.1, 0.2, 1.0)])
    assert summary.mean == {"tower": Quality(0.1, 0.2)}
    assert summary.deviation == {"tower": Quality(0.0, 0.0)}
