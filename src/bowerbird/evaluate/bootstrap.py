"""95 % percentile bootstrap intervals over people (Efron 1979): people are redrawn, not events.

One person's events hang together, so only whole people are independent draws. Two arms are compared on the
same redrawn people (paired), which takes out how hard the people are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

DRAWS = 1000
_BLOCK = 4_000_000  # numbers of one block of draws: 32 MB


@dataclass(frozen=True)
class Interval:
    """A mean over people with its 95 % interval; NaN where it can't be said."""

    mean: float
    low: float
    high: float

    def as_dict(self) -> dict[str, float | None]:
        return {name: None if np.isnan(v) else float(v) for name, v in vars(self).items()}


def mean_interval(values: np.ndarray, draws: int = DRAWS, seed: int = 0) -> Interval:
    """Mean of `values` (people,) and its interval; NaN values are people who say nothing.

    >>> mean_interval(np.array([0.5, 0.5, np.nan]))
    Interval(mean=0.5, low=0.5, high=0.5)
    """
    values = values[~np.isnan(values)]
    if not len(values):
        return Interval(np.nan, np.nan, np.nan)
    means = _redrawn(values[:, None], draws, seed)[:, 0]
    return Interval(float(values.mean()), *_middle(means))


def paired_intervals(ours: np.ndarray, other: np.ndarray, seed: int = 0) -> tuple[Interval, Interval]:
    """Intervals of the difference of means, ours - other, and of the ratio, ours / other; same people."""
    said = ~(np.isnan(ours) | np.isnan(other))
    pair = np.stack([ours[said], other[said]], axis=1)
    if not len(pair):
        nothing = Interval(np.nan, np.nan, np.nan)
        return nothing, nothing
    means = _redrawn(pair, DRAWS, seed)
    mine, others = pair.mean(axis=0)
    difference = Interval(float(mine - others), *_middle(means[:, 0] - means[:, 1]))
    if not (means[:, 1] > 0).all() or others == 0:
        return difference, Interval(np.nan, np.nan, np.nan)  # a ratio to nothing says nothing
    return difference, Interval(float(mine / others), *_middle(means[:, 0] / means[:, 1]))


def _redrawn(values: np.ndarray, draws: int, seed: int) -> np.ndarray:
    """Means of `draws` redrawn samples: (people, columns) -> (draws, columns)."""
    rng, people = np.random.default_rng(seed), len(values)
    block = max(1, _BLOCK // people)
    means = []
    for start in range(0, draws, block):
        times = rng.multinomial(people, np.full(people, 1 / people), size=min(block, draws - start))
        means.append(times @ values / people)
    return np.concatenate(means)


def _middle(means: np.ndarray) -> tuple[float, float]:
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)
