"""Aligns the space of new vectors with that of old ones, so that what was made from the old ones still fits.

A trained graft, cached queries and user states are made of old vectors. A new training rotates the space even
if nothing else changes: dot products do not fix directions. The orthogonal map that brings the items of both
versions closest together (Procrustes; Schönemann, 1966) undoes that rotation and changes no similarity. The
tower is rotated with its vectors, so that queries lie in the same space.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy.linalg import orthogonal_procrustes

from bowerbird.data.arrays import FloatArray

RIDGE = 1e-3
"""Share of the mean weight of a direction: directions that few items use are hardly rotated."""


def fit_rotation(new: FloatArray, old: FloatArray) -> FloatArray:
    """Fit the orthogonal R (D, D) for which `new @ R` is nearest to `old`, (n, D) each.

    R = U Vᵀ for the singular value decomposition U S Vᵀ of newᵀ old (Schönemann, 1966). Rows have length 1,
    or 0 if a version has no vector. Directions that no item uses are not rotated; without items, R is the
    identity.
    """
    identity = np.eye(new.shape[1])
    ridge = RIDGE * max(1, len(new)) / new.shape[1]
    # R depends on newᵀ old alone, so the product takes the place of n rows in double precision.
    rotation, _ = orthogonal_procrustes(identity, (new.T @ old).astype(np.float64) + ridge * identity)
    return np.asarray(rotation, np.float32)


def rotate_tower(state: dict[str, torch.Tensor], rotation: FloatArray) -> dict[str, torch.Tensor]:
    """Tensors of a tower whose vectors are those of `state` times `rotation` (D, D), for every input."""
    matrix = torch.from_numpy(rotation)
    return state | {
        "image_base": state["image_base"] @ matrix,
        "text_base": state["text_base"] @ matrix,
        "fusion.weight": matrix.T @ state["fusion.weight"],
    }
