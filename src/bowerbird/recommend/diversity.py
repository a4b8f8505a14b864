"""Diversity by one number: maximal marginal relevance (Carbonell & Goldstein, SIGIR 1998)."""

from __future__ import annotations

import numpy as np


def diversified(relevance: np.ndarray, vectors: np.ndarray, n: int, diversity: float) -> np.ndarray:
    """Choose n of C candidates: each next one maximises (1−d)·relevance − d·(similarity to those chosen).

    `relevance` (C,) is brought to [0, 1]; `vectors` (C, D) have length 1; `diversity` d is from 0 (relevance
    alone) to 1. Gives rows in order, (min(n, C),).
    """
    spread = np.ptp(relevance) if len(relevance) else 0.0
    scaled = (relevance - relevance.min()) / spread if spread > 0 else np.zeros(len(relevance))
    nearest = np.zeros(len(relevance))
    left = np.ones(len(relevance), dtype=bool)
    chosen: list[int] = []
    for _ in range(min(n, len(relevance))):
        value = np.where(left, (1 - diversity) * scaled - diversity * nearest, -np.inf)
        best = int(value.argmax())
        chosen.append(best)
        left[best] = False
        nearest = np.maximum(nearest, vectors @ vectors[best])
    return np.array(chosen, dtype=np.int64)
