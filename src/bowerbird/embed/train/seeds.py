"""Means and deviations of several trainings that differ in their seed.

A seed decides the validation set as well as the batches, so the deviation is that of both. The first training
is published, as fixed beforehand: choosing the best would choose the seed with the easiest validation set.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from typing import Any

Metrics = dict[str, Any]
Statistic = Callable[[Sequence[float]], float]


def summarize_seeds(first: int, metrics: Sequence[Metrics]) -> dict[str, Any]:
    """Means and standard deviations of the metrics of one training per seed, beginning with seed `first`.

    A number is None if it is None for any of the seeds.
    """
    tables = [name for name, table in metrics[0].items() if isinstance(table, dict)]
    by_table = {name: [seed_metrics[name] for seed_metrics in metrics] for name in tables}
    return {
        "seeds": list(range(first, first + len(metrics))),
        "trust": [seed_metrics["trust"] for seed_metrics in metrics],
        "mean": {name: _summarize(by_seed, statistics.fmean) for name, by_seed in by_table.items()},
        "deviation": {name: _summarize(by_seed, _deviation) for name, by_seed in by_table.items()},
    }


def _summarize(
    by_seed: Sequence[dict[str, float | None] | None], statistic: Statistic
) -> dict[str, float | None] | None:
    present = [table for table in by_seed if table is not None]
    if len(present) < len(by_seed):
        return None
    summary: dict[str, float | None] = {}
    for name in present[0]:
        values = [value for table in present if (value := table[name]) is not None]
        summary[name] = round(statistic(values), 5) if len(values) == len(present) else None
    return summary


def _deviation(values: Sequence[float]) -> float:
    return statistics.stdev(values) if len(values) > 1 else 0.0
