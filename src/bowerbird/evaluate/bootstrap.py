"""95 % percentile bootstrap intervals over users (Efron 1979): users are resampled, not events.

The events of one user depend on each other, so only whole users are independent draws. Two systems are
compared on the same resampled users (paired), which removes the variance between easy and hard users.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bowerbird.data.arrays import DoubleArray, RealArray

RESAMPLES = 1000
_BLOCK_NUMBERS = 4_000_000  # numbers of one block of resamples: 32 MB


@dataclass(frozen=True)
class Interval:
    """A mean over users with its 95 % interval; None where it is undefined."""

    mean: float | None = None
    low: float | None = None
    high: float | None = None

    def as_dict(self) -> dict[str, float | None]:
        """Give mean, low and high for JSON."""
        return dict(vars(self))

    def excludes(self, value: float) -> bool:
        """Whether the mean differs significantly from a value: the interval lies wholly on one side of it.

        >>> Interval(1.2, 0.9, 1.5).excludes(1.0), Interval(1.2, 1.1, 1.5).excludes(1.0)
        (False, True)
        """
        return self.low is not None and self.high is not None and not self.low <= value <= self.high

    def format(self, digits: int = 3, sign: bool = False) -> str:
        """Format the mean, and the interval in brackets where there is one.

        >>> Interval(1.2, 0.9, 1.5).format(2), Interval(0.5).format(1, sign=True), Interval().format()
        ('1.20 [0.90, 1.50]', '+0.5', '–')
        """
        if self.mean is None:
            return "–"
        style = f"{'+' if sign else ''}.{digits}f"
        bounds = (
            "" if self.low is None or self.high is None else f" [{self.low:{style}}, {self.high:{style}}]"
        )
        return f"{self.mean:{style}}{bounds}"


def mean_interval(values: RealArray, resamples: int = RESAMPLES, seed: int = 0) -> Interval:
    """Mean of `values` (users,) and its interval; users whose value is NaN are left out.

    >>> mean_interval(np.array([0.5, 0.5, np.nan]))
    Interval(mean=0.5, low=0.5, high=0.5)
    """
    values = values[~np.isnan(values)]
    if not len(values):
        return Interval()
    means = _resample_means(values[:, None], resamples, seed)[:, 0]
    return Interval(float(values.mean()), *_percentile_interval(means))


def paired_intervals(system: RealArray, baseline: RealArray, seed: int = 0) -> tuple[Interval, Interval]:
    """Intervals of the difference of means, system - baseline, and of their ratio, on the same users.

    `system` and `baseline` are (users,); users for whom one of the two is NaN are left out.
    """
    defined = ~(np.isnan(system) | np.isnan(baseline))
    pairs = np.stack([system[defined], baseline[defined]], axis=1)
    if not len(pairs):
        return Interval(), Interval()
    means = _resample_means(pairs, RESAMPLES, seed)
    system_mean, baseline_mean = pairs.mean(axis=0)
    gap = float(system_mean - baseline_mean)
    difference = Interval(gap, *_percentile_interval(means[:, 0] - means[:, 1]))
    if not (means[:, 1] > 0).all() or baseline_mean == 0:
        return difference, Interval()  # a ratio to 0
    ratio = float(system_mean / baseline_mean)
    return difference, Interval(ratio, *_percentile_interval(means[:, 0] / means[:, 1]))


def ratio_interval(numerators: DoubleArray, denominators: DoubleArray, seed: int = 0) -> Interval:
    """Ratio of sums over users (users,), such as hits ÷ targets, and its interval.

    >>> ratio_interval(np.array([1.0, 2.0]), np.array([2.0, 4.0]))
    Interval(mean=0.5, low=0.5, high=0.5)
    """
    if not denominators.sum():
        return Interval()
    means = _resample_means(np.stack([numerators, denominators], axis=1), RESAMPLES, seed)
    ratios = means[:, 0] / np.maximum(means[:, 1], 1 / len(denominators))
    return Interval(float(numerators.sum() / denominators.sum()), *_percentile_interval(ratios))


def _resample_means(values: RealArray, resamples: int, seed: int) -> DoubleArray:
    """Means of resamples of the users: (users, columns) -> (resamples, columns)."""
    rng, n_users = np.random.default_rng(seed), len(values)
    block = max(1, _BLOCK_NUMBERS // n_users)
    means = []
    for start in range(0, resamples, block):
        # Drawing n users with replacement = multinomial counts of how often each is drawn.
        counts = rng.multinomial(n_users, np.full(n_users, 1 / n_users), size=min(block, resamples - start))
        means.append(counts @ values / n_users)
    return np.concatenate(means)


def _percentile_interval(means: DoubleArray) -> tuple[float, float]:
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)
