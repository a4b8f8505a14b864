"""Whether probabilities mean what they say, and a correction where they don't.

The correction is Platt's (1999): σ(a·logit(p) + b), two numbers fitted by maximum likelihood on a later part
of the log than p was learnt from. Isotonic regression has more freedom than outcomes as rare as purchases can
fill: its steps at 0 cost likelihood (docs/log.md).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

BINS = 10
LEAST, MOST = 1e-6, 1 - 1e-6  # of a probability, so that its logit is finite
PRIOR = 1e-3
"""Weight of "leave it as it is" beside the mean loss of one example, so that few outcomes change little."""


@dataclass(frozen=True)
class Platt:
    """p ↦ σ(slope·logit(p) + shift)."""

    slope: float = 1.0
    shift: float = 0.0

    @classmethod
    def fitted(cls, said: np.ndarray, happened: np.ndarray) -> Platt:
        """From probabilities (n,) and what happened (n,) bool: the likeliest slope and shift."""
        from scipy.optimize import minimize

        logits = _logits(said)

        def loss(weights: np.ndarray) -> float:
            raised = weights[0] * logits + weights[1]
            fit = np.mean(np.logaddexp(0, raised) - happened * raised)
            return float(fit + PRIOR * ((weights[0] - 1) ** 2))

        slope, shift = minimize(loss, np.array([1.0, 0.0])).x
        # A falling map would turn the order round: what was said says nothing then, only the rate does.
        return cls(max(float(slope), 0.0), float(shift))

    def __call__(self, said: np.ndarray) -> np.ndarray:
        """Corrected probabilities, (n,) -> (n,) float64."""
        corrected: np.ndarray = 1 / (1 + np.exp(-(self.slope * _logits(said) + self.shift)))
        return corrected


def reliability(said: np.ndarray, happened: np.ndarray, bins: int = BINS) -> np.ndarray:
    """Calibration curve: for each of `bins` parts of equal size by what was said, lowest first, the number of
    cases, the mean probability and the share that happened, (bins, 3).

    >>> reliability(np.array([0.1, 0.5, 0.3, 0.7]), np.array([False, True, False, True]), 2).tolist()
    [[2.0, 0.2, 0.0], [2.0, 0.6, 1.0]]
    """
    parts = np.array_split(np.argsort(said, kind="stable"), min(bins, max(1, len(said))))
    rows = [[len(part), said[part].mean(), happened[part].mean()] for part in parts if len(part)]
    return np.array(rows, np.float64).reshape(-1, 3)


def calibration_error(said: np.ndarray, happened: np.ndarray, bins: int = BINS) -> float:
    """Expected calibration error: mean |said − happened| over the curve, weighted by cases (Naeini et al.,
    AAAI 2015). Above 0 by chance alone where there are few cases."""
    count, mean, share = reliability(said, happened, bins).T
    return float((count * np.abs(mean - share)).sum() / max(count.sum(), 1.0))


def log_loss(said: np.ndarray, happened: np.ndarray) -> float:
    """Mean −log of the probability given to what happened, nats."""
    said = np.clip(said, LEAST, MOST)
    return float(-np.mean(np.where(happened, np.log(said), np.log1p(-said))))


def _logits(said: np.ndarray) -> np.ndarray:
    clipped = np.clip(said, LEAST, MOST)
    logits: np.ndarray = np.log(clipped) - np.log1p(-clipped)
    return logits
