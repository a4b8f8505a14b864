"""Exploration by one number: a randomly sampled ranking, better items more likely, each with its propensity.

Ranks are filled from the top; each item is sampled from the remaining ones by a softmax over their values (a
Plackett–Luce policy, as in Oosterhuis, SIGIR 2022). A logged item can be weighted by its inverse propensity
later (Horvitz–Thompson; Swaminathan & Joachims, ICML 2015), to evaluate another policy on the same log.
"""

from __future__ import annotations

import numpy as np

TEMPERATURE = 0.2
"""Of the softmax at full exploration, where values lie between 0 and 1."""


def sample(values: np.ndarray, exploration: float, rng: np.random.Generator | None) -> tuple[int, float]:
    """Sample one of C values (C,), -inf for those already taken: its row and its propensity.

    `exploration` is from 0 (always the highest, propensity 1) to 1. Without `rng` the highest is returned.
    """
    best = int(values.argmax())
    if exploration <= 0 or rng is None:
        return best, 1.0
    odds = np.exp((values - values[best]) / (TEMPERATURE * exploration))
    odds /= odds.sum()
    row = int(rng.choice(len(values), p=odds))
    return row, float(odds[row])
