"""Means and deviations of several trainings that differ in their seed.

A seed decides the validation set as well as the batches, so the deviation is that of both. The first training
is published, as fixed beforehand: choosing the best would choose the seed with the easiest validation set.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import fields

from bowerbird.embed.meta import Quality, SeedSummary, TrainingMetrics

Statistic = Callable[[Sequence[float]], float]


def summarize_seeds(first: int, metrics: Sequence[TrainingMetrics]) -> SeedSummary:
    """Means and standard deviations of the metrics of one training per seed, beginning with seed `first`.

    A number is None if it is None for any of the seeds; vectors that no training has are left out.
    """
    names = [name for name, quality in metrics[0].qualities().items() if quality is not None]
    by_name = {name: [seed_metrics.qualities()[name] for seed_metrics in metrics] for name in names}
    return SeedSummary(
        tuple(range(first, first + len(metrics))),
        tuple(seed_metrics.learned_weight for seed_metrics in metrics),
        {name: _summarize(by_seed, statistics.fmean) for name, by_seed in by_name.items()},
        {name: _summarize(by_seed, _deviation) for name, by_seed in by_name.items()},
    )


def _summarize(by_seed: Sequence[Quality | None], statistic: Statistic) -> Quality | None:
    present = [quality for quality in by_seed if quality is not None]
    if len(present) < len(by_seed):
        return None
    by_field = [[getattr(quality, each.name) for quality in present] for each in fields(Quality)]
    return Quality(*(None if None in values else statistic(values) for values in by_field)).rounded()


def _deviation(values: Sequence[float]) -> float:
    return statistics.stdev(values) if len(values) > 1 else 0.0
