"""Scores brought to places and coarse steps, so that a ranker does not learn items by heart."""

from __future__ import annotations

import numpy as np


def coarse_log(shares: np.ndarray) -> np.ndarray:
    """Whole numbers: a share to the last digit is an item's name, and a ranker would learn names by heart."""
    rounded: np.ndarray = np.round(np.log(shares + 1e-6))
    return rounded


def log_places(scores: np.ndarray) -> np.ndarray:
    """Logarithm of each score's place, (C,) float32."""
    places: np.ndarray = np.log1p(places_of(scores).astype(np.float32))
    return places


def places_of(scores: np.ndarray) -> np.ndarray:
    """Place of each score from 0, the best; equal scores share the best of their places, (C,) -> (C,) int64.

    Shared, because a source that knows nothing (zeros for all) must not prefer the catalogue's first items.

    >>> places_of(np.array([0.0, 2.0, 0.0, 1.0])).tolist()
    [2, 0, 2, 1]
    """
    order = np.argsort(-scores, kind="stable")
    starts = np.flatnonzero(np.diff(scores[order], prepend=np.inf))  # of each run of equal scores
    lengths = np.diff(starts, append=len(scores))
    place = np.empty(len(scores), np.int64)
    place[order] = np.repeat(starts, lengths)
    return place
