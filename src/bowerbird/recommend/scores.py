"""A user's scores of items, for all of them or for the few that have one: asked in the same way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from bowerbird.data.arrays import BoolArray, FloatArray, IntArray, RealArray
from bowerbird.data.ranks import best_first, top_positions


class Scores(Protocol):
    """Scores by position; 0 is "nothing to say"."""

    def at(self, positions: IntArray) -> FloatArray:
        """Give the scores of some items, (C,) float32."""
        ...

    def top(self, eligible: BoolArray, count: int) -> IntArray:
        """Give the `count` eligible items with the highest scores above 0, best first."""
        ...


@dataclass(frozen=True)
class DenseScores:
    """Scores of all items, (n,) float32."""

    values: RealArray

    def at(self, positions: IntArray) -> FloatArray:
        """Look up the scores of some items, (C,) float32."""
        scores: FloatArray = self.values[positions]
        return scores

    def top(self, eligible: BoolArray, count: int) -> IntArray:
        """Select the eligible items with the highest scores above 0, best first."""
        positions = top_positions(self.values, eligible, count, above=0.0)
        return best_first(self.values[positions], positions, count)


@dataclass(frozen=True)
class SparseScores:
    """Scores of K items, at `positions` (K,), ascending; all others have 0.

    >>> SparseScores(np.array([2, 5]), np.array([0.5, 0.7])).at(np.array([5, 3, 2])).tolist()
    [0.7, 0.0, 0.5]
    """

    positions: IntArray
    values: RealArray

    def at(self, positions: IntArray) -> FloatArray:
        """Look up the scores of some items, 0 for those without one, (C,) float32."""
        if not len(self.positions):
            return np.zeros(np.shape(positions), np.float32)
        rows = np.minimum(np.searchsorted(self.positions, positions), len(self.positions) - 1)
        scores: FloatArray = np.where(self.positions[rows] == positions, self.values[rows], 0)
        return scores

    def top(self, eligible: BoolArray, count: int) -> IntArray:
        """Select the eligible items with the highest scores above 0, best first."""
        rows = np.flatnonzero((self.values > 0) & eligible[self.positions])
        return best_first(self.values[rows], self.positions[rows], count)
