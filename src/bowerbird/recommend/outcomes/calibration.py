"""Calibration of predicted probabilities: measures of it, and Platt's correction.

The correction is Platt's (1999): σ(a·logit(p) + b), two numbers fitted by maximum likelihood on a later part
of the log than p was learned from. Isotonic regression has more freedom than outcomes as rare as purchases
allow: its steps at 0 cost likelihood (docs/log.md).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

BINS = 10
MIN_PROBABILITY, MAX_PROBABILITY = 1e-6, 1 - 1e-6  # so that logits are finite
PRIOR = 1e-3
"""Weight of the prior slope 1 relative to the mean loss of an example: few outcomes change the slope
little."""


@dataclass(frozen=True)
class Platt:
    """p ↦ σ(slope·logit(p) + shift)."""

    slope: float = 1.0
    shift: float = 0.0

    @classmethod
    def fit(cls, predicted: np.ndarray, happened: np.ndarray) -> Platt:
        """Fit slope and shift to predicted probabilities (n,) and outcomes (n,) bool by maximum
        likelihood."""
        from scipy.optimize import minimize

        logits = _logits(predicted)

        def loss(weights: np.ndarray) -> float:
            raised = weights[0] * logits + weights[1]
            likelihood_loss = np.mean(np.logaddexp(0, raised) - happened * raised)
            return float(likelihood_loss + PRIOR * ((weights[0] - 1) ** 2))

        slope, shift = minimize(loss, np.array([1.0, 0.0])).x
        # A negative slope would reverse the ranking; fall back to the base rate.
        return cls(max(float(slope), 0.0), float(shift))

    def __call__(self, predicted: np.ndarray) -> np.ndarray:
        """Correct predicted probabilities, (n,) -> (n,) float64."""
        corrected: np.ndarray = 1 / (1 + np.exp(-(self.slope * _logits(predicted) + self.shift)))
        return corrected


def reliability(predicted: np.ndarray, happened: np.ndarray, bins: int = BINS) -> np.ndarray:
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


def calibration_error(predicted: np.ndarray, happened: np.ndarray, bins: int = BINS) -> float:
    """Compute the expected calibration error: mean |predicted − observed| over the curve, weighted by rows
    (Naeini et al., AAAI 2015). Above 0 by chance alone where there are few rows."""
    count, mean, share = reliability(predicted, happened, bins).T
    return float((count * np.abs(mean - share)).sum() / max(count.sum(), 1.0))


def log_loss(predicted: np.ndarray, happened: np.ndarray) -> float:
    """Compute the mean negative log likelihood of the outcomes, nats."""
    predicted = np.clip(predicted, MIN_PROBABILITY, MAX_PROBABILITY)
    return float(-np.mean(np.where(happened, np.log(predicted), np.log1p(-predicted))))


def _logits(predicted: np.ndarray) -> np.ndarray:
    clipped = np.clip(predicted, MIN_PROBABILITY, MAX_PROBABILITY)
    logits: np.ndarray = np.log(clipped) - np.log1p(-clipped)
    return logits
