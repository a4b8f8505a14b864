"""Exploration by one number: an order drawn at random, the better items likelier, each with its propensity.

Places are filled from the top; each is drawn from what is left by a softmax over its value (a Plackett–Luce
policy, as of Oosterhuis, SIGIR 2022). What is logged with its propensity can be weighed by its inverse later
(Horvitz–Thompson; Swaminathan & Joachims, ICML 2015), so that another policy is judged by the same log.
"""

from __future__ import annotations

import numpy as np

TEMPERATURE = 0.2
"""Of the softmax at full exploration, where values lie between 0 and 1."""


def draw(values: np.ndarray, exploration: float, rng: np.random.Generator | None) -> tuple[int, float]:
    """One of C values (C,), -inf for what is taken, and the chance that it had.

    `exploration` is from 0 (always the highest, chance 1) to 1. Without `rng` nothing is drawn.
    """
    best = int(values.argmax())
    if exploration <= 0 or rng is None:
        return best, 1.0
    odds = np.exp((values - values[best]) / (TEMPERATURE * exploration))
    odds /= odds.sum()
    chosen = int(rng.choice(len(values), p=odds))
    return chosen, float(odds[chosen])
