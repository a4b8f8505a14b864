"""The order of the items that satisfy a request: one score of meaning, words, taste and conversation."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bowerbird.assist.request import Order, Request
from bowerbird.assist.scoring.weights import LEARNED, RetrievalWeights
from bowerbird.data.arrays import BoolArray, DoubleArray, FloatArray, IntArray, RealArray
from bowerbird.data.items import Catalogue
from bowerbird.text.vocabulary import Vocabulary

CHEAP_WEIGHT = 3.0
"""What the place by price counts for "cheap": the best by meaning makes up for a third of the list."""


@dataclass(frozen=True)
class SourceScores:
    """What speaks for items beside the hard constraints: each (items,) float32, or absent."""

    meaning: FloatArray | None = None
    """Cosine to the query in item space."""
    words: RealArray | None = None
    """Share of the request's words that an item mentions, 0 to 1."""
    taste: RealArray | None = None
    """How much the person would like the item, 0 to 1."""
    conversation: RealArray | None = None
    """What the conversation so far says of the item, 0 to 1; see `ConversationScorer`."""
    weights: RetrievalWeights = field(default_factory=RetrievalWeights)


def ranked(
    request: Request,
    allowed: BoolArray,
    source_scores: SourceScores,
    catalogue: Catalogue,
    vocabulary: Vocabulary,
    n: int,
) -> list[int]:
    """The best `n` of the allowed items, (n,) positions: whole-phrase matches before partial ones, then the
    sum of what speaks for them; or by price where the order was asked for."""
    rows = np.flatnonzero(allowed)
    if not len(rows):
        return []
    prices = catalogue.prices[rows]
    score = _score(request, rows, prices, source_scores, vocabulary)
    # The kind of thing and its named values first: "blue" means Blue before it means Dark Blue.
    tier = np.zeros(len(rows))
    for facet, values in request.exact.items():
        if facet in request.facets:
            tier += vocabulary.mask(facet, values & request.facets[facet])[rows]
    keys: list[NDArray[Any]] = [rows, -score, -tier]
    if request.order in (Order.CHEAPEST, Order.MOST_EXPENSIVE):
        sign = 1.0 if request.order == Order.CHEAPEST else -1.0
        keys.append(np.where(np.isnan(prices), np.inf, sign * np.nan_to_num(prices)))
    return [int(row) for row in rows[np.lexsort(keys)[:n]]]


def _score(
    request: Request,
    rows: IntArray,
    prices: DoubleArray,
    source_scores: SourceScores,
    vocabulary: Vocabulary,
) -> DoubleArray:
    weights = source_scores.weights
    features = read_features(request, rows, source_scores, vocabulary)
    score: DoubleArray = features @ np.array([getattr(weights, name) for name in LEARNED])
    if source_scores.taste is not None:
        score += weights.taste * source_scores.taste[rows]
    if request.order == Order.CHEAP and not np.isnan(prices).all():
        score -= CHEAP_WEIGHT * price_ranks(prices)
    return score


def price_ranks(prices: DoubleArray) -> RealArray:
    """Places by price from 0, the lowest, to 1, (n,) float64; items without a price have the last place.

    Places, since one item of 2,000 would make all others seem cheap."""
    known = np.where(np.isnan(prices), np.inf, prices)
    return _stretched(np.searchsorted(np.sort(known), known).astype(np.float64))


def read_features(
    request: Request, rows: IntArray, source_scores: SourceScores, vocabulary: Vocabulary
) -> DoubleArray:
    """What speaks for some items, (rows, 4) float64 from 0 to 1, in the order of `LEARNED`."""
    features = np.zeros((len(rows), len(LEARNED)))
    columns = (source_scores.meaning, source_scores.words, None, source_scores.conversation)
    for column, scores in enumerate(columns):
        if scores is not None:
            is_stretched = scores is source_scores.meaning
            features[:, column] = _stretched(scores[rows]) if is_stretched else scores[rows]
    if request.preferred:
        hits = [vocabulary.mask(facet, values)[rows] for facet, values in request.preferred.items()]
        features[:, LEARNED.index("preferred")] = np.mean(hits, axis=0)
    return features


def _stretched(values: RealArray) -> RealArray:
    """Values moved to 0..1; all alike become 0."""
    low, high = float(values.min()), float(values.max())
    return (values - low) / (high - low) if high > low else np.zeros(len(values))
