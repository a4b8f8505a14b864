"""Names of the array types that most of the library computes with; shapes stand in docstrings."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

FloatArray: TypeAlias = NDArray[np.float32]
"""Vectors, scores, features."""
DoubleArray: TypeAlias = NDArray[np.float64]
"""Sums, prices, probabilities."""
IntArray: TypeAlias = NDArray[np.int64]
"""Positions in the catalogue, indices of users, times in microseconds."""
BoolArray: TypeAlias = NDArray[np.bool_]
"""Masks."""
