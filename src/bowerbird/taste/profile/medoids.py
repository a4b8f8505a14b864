"""Taste clusters: a user's liked items in clusters, each represented by one of its items, the medoid.

As many clusters as the likes have, so that a user who loves climbing and ceramics is never represented by an
average in between.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from bowerbird.data.arrays import DoubleArray, FloatArray, IntArray, IntegerArray
from bowerbird.data.interactions import History
from bowerbird.data.times import decayed
from bowerbird.embed.index.rows import normalize_rows
from bowerbird.taste.state.user_state import TasteState

MAX_CLUSTERS = 15
MAX_DISTANCE = 1.5
"""Ward distance, in lengths of a vector, above which two clusters stay apart (see docs/log.md)."""


@dataclass(frozen=True)
class TasteCluster:
    """One cluster of a user's liked items."""

    medoid: int  # position of the item nearest to all others of the cluster
    items: list[int]  # positions of the liked items, the highest weight first
    weight: float  # in clicks, decayed
    share: float  # of all clusters, before the weakest are left out


def liked_weights(
    state: TasteState, half_lives: Sequence[float], now: int | None = None
) -> tuple[IntArray, DoubleArray]:
    """What a user likes at `now` (microseconds; else their last event): positions of n items in ascending
    order (n,) int64 and their decayed weights (n,) float64, all above 0.

    An item is liked where its events (a click or more) outweigh its hides.
    """
    now = state.last_at if now is None else now
    history = _likes_and_hides(state.history, now)
    event_weights = decayed(history.weights.astype(float), now - history.at, half_lives)
    items, item_of_event = np.unique(history.items, return_inverse=True)
    weights: DoubleArray = np.bincount(item_of_event, event_weights, len(items)).astype(
        np.float64, copy=False
    )
    return items[weights > 0], weights[weights > 0]


def _likes_and_hides(history: History, now: int) -> History:
    return history.where((np.abs(history.weights) >= 1.0) & (history.at <= now))


def find_taste_clusters(
    state: TasteState,
    vectors: Callable[[IntArray], FloatArray],
    half_lives: Sequence[float],
    now: int | None = None,
    max_distance: float = MAX_DISTANCE,
) -> list[TasteCluster]:
    """A user's taste clusters, strongest first, at most `MAX_CLUSTERS`.

    `vectors` gives rows (n, D) of length 1 for positions (n,); items without a vector (rows of zeros) belong
    to no cluster. After PinnerSage (Pal et al., "PinnerSage: Multi-Modal User Embedding Framework for
    Recommendations at Pinterest", KDD 2020): Ward's method over the vectors of liked items, cut at
    `max_distance`, and the medoid of each cluster.
    """
    items, weights = liked_weights(state, half_lives, now)
    rows = vectors(items).astype(np.float64) if len(items) else np.zeros((0, 1))
    has_vector = rows.any(axis=1)
    items, weights, rows = items[has_vector], weights[has_vector], rows[has_vector]
    cluster_of_item = _ward(rows, max_distance)
    total = weights.sum()
    clusters = []
    for number in np.unique(cluster_of_item):
        members = np.flatnonzero(cluster_of_item == number)
        strongest = members[np.argsort(-weights[members], kind="stable")]
        weight = float(weights[members].sum())
        medoid = _medoid(rows[strongest])
        clusters.append(
            TasteCluster(int(items[strongest[medoid]]), items[strongest].tolist(), weight, weight / total)
        )
    return sorted(clusters, key=lambda cluster: (-cluster.weight, cluster.medoid))[:MAX_CLUSTERS]


def cluster_queries(
    clusters: Sequence[TasteCluster], vectors: Callable[[IntArray], FloatArray]
) -> FloatArray:
    """Query vectors of T clusters, (T, D) of length 1: unit(mean of the cluster) + unit(mean of all), scaled.

    A medoid describes a cluster; a search around it alone finds less (benchmarks/bench_interests.py), since
    the clusters of one user have much in common.
    """
    own = np.stack([normalize_rows(vectors(np.array(cluster.items)).sum(axis=0)) for cluster in clusters])
    whole = normalize_rows(sum(vectors(np.array(cluster.items)).sum(axis=0) for cluster in clusters))
    return normalize_rows(own + whole)


def _ward(rows: DoubleArray, max_distance: float) -> IntegerArray:
    """Cluster of each row, (n,), by Ward's method ("Hierarchical Grouping to Optimize an Objective Function",
    1963), cut at a distance."""
    from scipy.cluster.hierarchy import fcluster, linkage

    if len(rows) < 2:
        return np.ones(len(rows), np.int64)
    cluster_of_row: IntegerArray = fcluster(linkage(rows, "ward"), max_distance, "distance")
    return cluster_of_row


def _medoid(rows: DoubleArray) -> int:
    """Row with the least sum of squared distances to all; the first of equal ones."""
    # Rows have length 1, so the nearest to all is the one with the highest sum of cosines.
    return int(np.argmax((rows @ rows.sum(axis=0)).round(9)))
