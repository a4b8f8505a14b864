"""Platt's correction of predicted probabilities, and how well it does on later rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bowerbird.data.arrays import BoolArray, DoubleArray, IntArray, RealArray
from bowerbird.evaluate.calibration import (
    MAX_PROBABILITY,
    MIN_PROBABILITY,
    CalibrationReport,
    calibration_error,
    log_loss,
    reliability,
)

PRIOR = 1e-3
"""Weight of the prior slope 1 relative to the mean loss of an example: few outcomes change the slope
little."""


@dataclass(frozen=True)
class Platt:
    """p ↦ σ(slope·logit(p) + shift) (Platt, 1999).

    Two numbers fitted by maximum likelihood on a later part of the log than p was learned from. Isotonic
    regression has more freedom than outcomes as rare as purchases allow: its steps at 0 cost likelihood
    (docs/log.md).
    """

    slope: float = 1.0
    shift: float = 0.0

    @classmethod
    def fit(cls, predicted: RealArray, happened: BoolArray) -> Platt:
        """Fit slope and shift to predicted probabilities (n,) and outcomes (n,) bool by maximum
        likelihood."""
        from scipy.optimize import minimize

        logits = _logits(predicted)

        def loss(weights: DoubleArray) -> float:
            raised = weights[0] * logits + weights[1]
            likelihood_loss = np.mean(np.logaddexp(0, raised) - happened * raised)
            return float(likelihood_loss + PRIOR * ((weights[0] - 1) ** 2))

        slope, shift = minimize(loss, np.array([1.0, 0.0])).x
        # A negative slope would reverse the ranking; fall back to the base rate.
        return cls(max(float(slope), 0.0), float(shift))

    def __call__(self, predicted: RealArray) -> DoubleArray:
        """Correct predicted probabilities, (n,) -> (n,) float64."""
        corrected: DoubleArray = 1 / (1 + np.exp(-(self.slope * _logits(predicted) + self.shift)))
        return corrected


def report_calibration(
    correction: Platt, predicted: RealArray, happened: BoolArray, at: IntArray
) -> CalibrationReport:
    """Describe a correction of all rows, and measure one of their earlier half on the later half.

    Predicted probabilities (n,), outcomes (n,) bool, times (n,).
    """
    later = at > np.median(at)
    corrected = Platt.fit(predicted[~later], happened[~later])(predicted[later])
    raw, observed = predicted[later], happened[later]
    return CalibrationReport(
        rate=float(happened.mean()),
        slope=correction.slope,
        shift=correction.shift,
        rows=int(later.sum()),
        happened=int(observed.sum()),
        calibration_error=calibration_error(corrected, observed),
        calibration_error_uncalibrated=calibration_error(raw, observed),
        log_loss=log_loss(corrected, observed),
        log_loss_uncalibrated=log_loss(raw, observed),
        log_loss_of_the_rate=log_loss(np.full(len(observed), happened[~later].mean()), observed),
        curve=reliability(corrected, observed).round(5).tolist(),
    )


def _logits(predicted: RealArray) -> RealArray:
    clipped = np.clip(predicted, MIN_PROBABILITY, MAX_PROBABILITY)
    logits: RealArray = np.log(clipped) - np.log1p(-clipped)
    return logits
