"""How much each source counts when the assistant ranks items; learned from dialogues where there are any.

The learned weights maximise the likelihood of what was recommended among the items that satisfy the hard
constraints of the conversation so far (multinomial logistic regression, none below zero).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from typing import ClassVar

import numpy as np

from bowerbird.config import setting
from bowerbird.data.arrays import DoubleArray, FloatArray
from bowerbird.data.snapshot import StoreSnapshot
from bowerbird.data.versions.meta import VersionMeta

PENALTY = 0.002
"""Times the squared distance to the defaults: few dialogues move the weights little."""
GENERATED_PENALTY = 0.05
"""The same for generated dialogues, whose words are the items' own more often than people's are."""
MIN_EXAMPLES = 30


@dataclass(frozen=True)
class RetrievalWeights:
    """Weights of scores from 0 to 1. The defaults are for a store that has not learned its own."""

    meaning: float = setting(1.0, "Similarity of an item's vector to the words, pictures and items asked for")
    words: float = setting(0.7, "Share of the request's words that an item's text has")
    preferred: float = setting(0.6, "Share of the soft wishes that an item fulfils")
    conversation: float = setting(0.5, "The recommender from conversations, its request head included")
    taste: float = setting(0.8, "What the user likes; not learned, since dialogues rarely name a user")


LEARNED = ("meaning", "words", "preferred", "conversation")
"""Weights that dialogues teach, in the order of the columns of features."""


@dataclass(frozen=True, kw_only=True)
class RetrievalMeta(VersionMeta):
    """Weights of the assistant's ranking."""

    KIND: ClassVar[str] = "retrieval"
    config: RetrievalWeights
    examples: int
    """Contexts that the weights were learned on."""
    default_gain: float
    """Mean of 1 / log2(1 + rank) of what was recommended, ranked with the default weights."""
    gain: float
    """The same with the learned weights, on the same contexts: optimistic in four numbers."""


def open_weights(snapshot: StoreSnapshot) -> RetrievalWeights:
    """The weights that a store has learned; the defaults where it has none."""
    version = snapshot.version(RetrievalMeta.KIND)
    return RetrievalWeights() if version is None else version.read_meta(RetrievalMeta).config


def learn_weights(
    features: Sequence[FloatArray], targets: Sequence[int], penalty: float = PENALTY
) -> RetrievalWeights:
    """Learn weights from examples: features (candidates, 4) in the order of `LEARNED`, and the target's row.

    Their sum stays that of the defaults, so that they keep their relation to taste and price.
    """
    from scipy.optimize import minimize

    defaults = RetrievalWeights()
    start = np.array([getattr(defaults, name) for name in LEARNED])

    def loss(parameters: DoubleArray) -> tuple[float, DoubleArray]:
        total, gradient = 0.0, np.zeros_like(parameters)
        for rows, target in zip(features, targets, strict=True):
            logits = rows @ parameters
            logits -= logits.max()
            probabilities = np.exp(logits)
            probabilities /= probabilities.sum()
            total -= float(np.log(max(probabilities[target], 1e-30)))
            gradient += probabilities @ rows - rows[target]
        distance = parameters - scale * start
        penalised = total / len(features) + penalty * float(distance @ distance)
        return penalised, gradient / len(features) + 2 * penalty * distance

    scale = 4.0  # the likelihood wants larger logits than an order needs
    fitted = minimize(loss, scale * start, jac=True, bounds=[(0, None)] * len(start), method="L-BFGS-B").x
    fitted *= start.sum() / max(fitted.sum(), 1e-9)
    learned = {name: round(float(value), 4) for name, value in zip(LEARNED, fitted, strict=True)}
    return RetrievalWeights(**learned, taste=defaults.taste)


def mean_gain(features: Sequence[FloatArray], targets: Sequence[int], weights: RetrievalWeights) -> float:
    """Mean of 1 / log2(1 + rank) of the targets, ranks from 1; ties count against them by half."""
    values = np.array(astuple(weights)[: len(LEARNED)])
    gains = []
    for rows, target in zip(features, targets, strict=True):
        scores = rows @ values
        rank = 1 + (scores > scores[target]).sum() + ((scores == scores[target]).sum() - 1) / 2
        gains.append(1 / np.log2(1 + rank))
    return float(np.mean(gains))
