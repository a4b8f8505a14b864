"""Brings the space of new vectors back onto that of the old ones: what was made for the old still fits.

A trained graft, kept queries and people's states are made of old vectors. Training again turns the space even
where nothing is lost: dot products don't tell directions apart. The orthogonal map that brings the items that
both know closest together (Procrustes; Schönemann, 1966) takes that turn out and changes no similarity. The
tower is turned with its vectors, so that queries land among them.
"""

from __future__ import annotations

import numpy as np
import torch

RIDGE = 1e-3
"""Of the mean weight of a direction: those that few items use stay where they are."""


def rotation(new: np.ndarray, old: np.ndarray) -> np.ndarray:
    """The orthogonal R (D, D) float32 for which `new @ R` comes nearest to `old`, (n, D) each.

    Rows have length 1, or 0 where a version has no vector. Directions that no item uses stay; without any
    items all do.
    """
    product = (new.T @ old).astype(np.float64)
    ridge = RIDGE * max(1, len(new)) / new.shape[1]
    left, _, right = np.linalg.svd(product + ridge * np.eye(new.shape[1]))
    turn: np.ndarray = (left @ right).astype(np.float32)
    return turn


def turned(state: dict[str, torch.Tensor], by: np.ndarray) -> dict[str, torch.Tensor]:
    """A tower's tensors whose vectors are those of `state` times `by` (D, D), for every query."""
    turn = torch.from_numpy(by)
    return state | {
        "image_base": state["image_base"] @ turn,
        "text_base": state["text_base"] @ turn,
        "fusion.weight": turn.T @ state["fusion.weight"],
    }
