"""Measures of predicted probabilities: calibration error, reliability curve, log loss."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from bowerbird.data.arrays import BoolArray, DoubleArray, RealArray

BINS = 10
MIN_PROBABILITY, MAX_PROBABILITY = 1e-6, 1 - 1e-6  # so that logarithms are finite


@dataclass(frozen=True)
class CalibrationReport:
    """How well one outcome's probabilities are calibrated, on rows that the correction was not fitted on."""

    rate: float
    """Share of all later rows whose outcome happened."""
    slope: float
    """Of Platt's correction, as `shift`."""
    shift: float
    rows: int
    """Rows that the following is measured on."""
    happened: int
    calibration_error: float
    calibration_error_uncalibrated: float
    log_loss: float
    """Nats."""
    log_loss_uncalibrated: float
    log_loss_of_the_rate: float
    """Of predicting the earlier rows' rate for every row."""
    curve: Sequence[Sequence[float]] = ()
    """See `reliability`."""


@dataclass(frozen=True)
class OutcomeReport:
    """What the models of outcomes were trained on, and how well each is calibrated."""

    conditioning: str = ""
    """`shown` or `session`; see `recommend.outcomes.slates`."""
    trained: int = 0
    """Rows."""
    calibrated: int = 0
    absent: Mapping[str, str] = field(default_factory=dict)
    """Outcomes without a probability, and why."""
    outcomes: Mapping[str, CalibrationReport] = field(default_factory=dict)


def reliability(predicted: RealArray, happened: BoolArray, bins: int = BINS) -> DoubleArray:
    """Compute the calibration curve: for each of `bins` bins of equal size, lowest probabilities first, the
    number of rows, the mean predicted probability and the share of outcomes that happened, (bins, 3).

    >>> reliability(np.array([0.1, 0.5, 0.3, 0.7]), np.array([False, True, False, True]), 2).tolist()
    [[2.0, 0.2, 0.0], [2.0, 0.6, 1.0]]
    """
    bins_of_rows = np.array_split(np.argsort(predicted, kind="stable"), min(bins, max(1, len(predicted))))
    rows = [
        [len(bin_rows), predicted[bin_rows].mean(), happened[bin_rows].mean()]
        for bin_rows in bins_of_rows
        if len(bin_rows)
    ]
    return np.array(rows, np.float64).reshape(-1, 3)


def calibration_error(predicted: RealArray, happened: BoolArray, bins: int = BINS) -> float:
    """Compute the expected calibration error: mean |predicted − observed| over the curve, weighted by rows
    (Naeini et al., AAAI 2015). Above 0 by chance alone where there are few rows."""
    count, mean, share = reliability(predicted, happened, bins).T
    return float((count * np.abs(mean - share)).sum() / max(count.sum(), 1.0))


def log_loss(predicted: RealArray, happened: BoolArray) -> float:
    """Compute the mean negative log likelihood of the outcomes, nats."""
    predicted = np.clip(predicted, MIN_PROBABILITY, MAX_PROBABILITY)
    return float(-np.mean(np.where(happened, np.log(predicted), np.log1p(-predicted))))
