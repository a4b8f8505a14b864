"""Names of the array types that most of the library computes with; shapes stand in docstrings."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

FloatArray: TypeAlias = NDArray[np.float32]
"""Vectors, scores, features."""
DoubleArray: TypeAlias = NDArray[np.float64]
"""Sums, prices, probabilities."""
RealArray: TypeAlias = NDArray[np.floating[Any]]
"""Floating-point numbers in either precision."""
IntArray: TypeAlias = NDArray[np.int64]
"""Positions in the catalogue, indices of users, times in microseconds."""
IntegerArray: TypeAlias = NDArray[np.integer[Any]]
"""Integers that are stored narrow: actions (int8), ranks (int32), seconds (uint32)."""
BoolArray: TypeAlias = NDArray[np.bool_]
"""Masks."""
PixelArray: TypeAlias = NDArray[np.uint8]
"""Pictures, (B, S, S, 3)."""
KeyArray: TypeAlias = NDArray[np.bytes_]
"""Hashes of contents, `S16`."""
StoredArray: TypeAlias = NDArray[np.number[Any]]
"""Vectors as they are stored: float16, int8 or float32."""
