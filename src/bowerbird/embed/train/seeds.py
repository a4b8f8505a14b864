"""What several trainings that differ in their seed agree on: means, and how far they spread.

A seed draws who judges as well as what a batch holds, so the spread is that of both. The first one is
published, as said beforehand: choosing the best would choose the seed with the easiest judges.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

Metrics = dict[str, Any]


def over_seeds(first: int, metrics: Sequence[Metrics]) -> dict[str, Any]:
    """Means and standard deviations of the metrics of one training a seed, beginning with seed `first`.

    Without a number (None) wherever one of the seeds has none.
    """
    rows = [name for name, row in metrics[0].items() if isinstance(row, dict)]
    told = {name: [one[name] for one in metrics] for name in rows}
    return {
        "seeds": list(range(first, first + len(metrics))),
        "trust": [one["trust"] for one in metrics],
        "mean": {name: _each(list_, statistics.fmean) for name, list_ in told.items()},
        "deviation": {name: _each(list_, _deviation) for name, list_ in told.items()},
    }


def _each(rows: Sequence[dict[str, float | None] | None], of: Any) -> dict[str, float | None] | None:
    present = [row for row in rows if row is not None]
    if len(present) < len(rows):
        return None
    found: dict[str, float | None] = {}
    for name in present[0]:
        values = [value for row in present if (value := row[name]) is not None]
        found[name] = round(of(values), 5) if len(values) == len(present) else None
    return found


def _deviation(values: Sequence[float]) -> float:
    return statistics.stdev(values) if len(values) > 1 else 0.0
