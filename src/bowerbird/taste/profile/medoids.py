"""Distinct tastes: a person's liked items in clusters, each spoken for by one item of its own.

After PinnerSage (Pal et al., "PinnerSage: Multi-Modal User Embedding Framework for Recommendations at
Pinterest", KDD 2020): Ward's method over the vectors of what a person liked, cut where joining two clusters
costs too much, so that there are as many tastes as there are; each is a medoid, an item and no average, so
that whoever loves climbing and ceramics is never taken for somebody in between.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from bowerbird.data.interactions import History
from bowerbird.embed.index.rows import normalize_rows
from bowerbird.taste.state.user_state import TasteState, decayed

MOST_TASTES = 15
TOO_FAR = 1.5
"""Ward's cost, in lengths of a vector, from which two clusters are two tastes (see docs/log.md)."""


@dataclass(frozen=True)
class DistinctTaste:
    """One of a person's tastes."""

    medoid: int  # position of the item nearest to all of its cluster
    items: list[int]  # positions of the liked items of the cluster, strongest first
    weight: float  # in clicks, decayed
    share: float  # of all tastes found, before the weakest are left out


def liked_weights(
    state: TasteState, half_lives: Sequence[float], now: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """What a person likes at `now` (microseconds; else their last event): positions of n items in ascending
    order (n,) int64 and their decayed weights (n,) float64, all above 0.

    An item is liked where its events (a click or more) outweigh its hides.
    """
    now = state.last_at if now is None else now
    history = _telling(state.history, now)
    weights = decayed(history.weights.astype(float), now - history.at, half_lives)
    items, place = np.unique(history.items, return_inverse=True)
    sums = np.bincount(place, weights=weights, minlength=len(items))
    return items[sums > 0], sums[sums > 0]


def _telling(history: History, now: int) -> History:
    return history.where((np.abs(history.weights) >= 1.0) & (history.at <= now))


def distinct_tastes(
    state: TasteState,
    vectors: Callable[[np.ndarray], np.ndarray],
    half_lives: Sequence[float],
    now: int | None = None,
    too_far: float = TOO_FAR,
) -> list[DistinctTaste]:
    """A person's tastes, strongest first, at most `MOST_TASTES`.

    `vectors` gives rows (n, D) of length 1 for positions (n,); items without a vector (rows of zeros) belong
    to no taste.
    """
    items, weights = liked_weights(state, half_lives, now)
    rows = vectors(items).astype(np.float64) if len(items) else np.zeros((0, 1))
    known = rows.any(axis=1)
    items, weights, rows = items[known], weights[known], rows[known]
    clusters = _ward(rows, too_far)
    total = weights.sum()
    tastes = []
    for number in np.unique(clusters):
        mine = np.flatnonzero(clusters == number)
        strongest = mine[np.argsort(-weights[mine], kind="stable")]
        weight = float(weights[mine].sum())
        medoid = _medoid(rows[strongest])
        tastes.append(
            DistinctTaste(int(items[strongest[medoid]]), items[strongest].tolist(), weight, weight / total)
        )
    return sorted(tastes, key=lambda one: (-one.weight, one.medoid))[:MOST_TASTES]


def queries_of(tastes: Sequence[DistinctTaste], vectors: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """What to search with for each of T tastes, (T, D) of length 1: the middle of its items, leaned towards
    the middle of all.

    A medoid says what a taste is; a search around it alone finds less (benchmarks/bench_interests.py), since
    tastes of one person have much in common.
    """
    own = np.stack([normalize_rows(vectors(np.array(one.items)).sum(axis=0)) for one in tastes])
    whole = normalize_rows(sum(vectors(np.array(one.items)).sum(axis=0) for one in tastes))
    return normalize_rows(own + whole)


def _ward(rows: np.ndarray, too_far: float) -> np.ndarray:
    """Cluster of each row, (n,) (Ward, 1963)."""
    from scipy.cluster.hierarchy import fcluster, linkage

    if len(rows) < 2:
        return np.ones(len(rows), np.int64)
    found: np.ndarray = fcluster(linkage(rows, "ward"), too_far, "distance")
    return found


def _medoid(rows: np.ndarray) -> int:
    """Row with the least sum of squared distances to all; of equals the first."""
    # Rows have length 1, so the nearest to all is the one with the highest sum of cosines.
    return int(np.argmax((rows @ rows.sum(axis=0)).round(9)))
