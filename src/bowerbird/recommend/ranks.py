"""Scores brought to places and coarse steps, so that a ranker does not learn items by heart."""

from __future__ import annotations

import numpy as np
from numba import njit


def coarse_log(shares: np.ndarray) -> np.ndarray:
    """Whole numbers: a share to the last digit is an item's name, and a ranker would learn names by heart."""
    rounded: np.ndarray = np.round(np.log(shares + 1e-6))
    return rounded


def log_places(scores: np.ndarray) -> np.ndarray:
    """Logarithm of each score's place, (C,) float32."""
    places: np.ndarray = np.log1p(places_of(scores).astype(np.float32))
    return places


def places_of(scores: np.ndarray) -> np.ndarray:
    """Place of each score from 0, the best; equal scores share the best of their places, (C,) -> (C,) int64.

    Shared, because a source that knows nothing (zeros for all) must not prefer the catalogue's first items.

    >>> places_of(np.array([0.0, 2.0, 0.0, 1.0])).tolist()
    [2, 0, 2, 1]
    """
    places: np.ndarray = _places(scores, np.argsort(-scores))
    return places


def places_among(scores: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """The places of some rows (n,) among scores (C,), as `places_of` has them, (n,) int64."""
    places: np.ndarray = _ahead(scores, scores[chosen])
    return places


def highest(scores: np.ndarray, open_: np.ndarray, count: int, above: float = -np.inf) -> np.ndarray:
    """The positions, ascending, of the `count` highest of n scores that are open, (n,) bool, and above a
    number; of equal ones the lower positions. Nearly all scores are only compared with the least one kept."""
    found: np.ndarray = _highest(scores, open_, count, above)
    return found


@njit(cache=True, nogil=True)
def _places(scores, order):  # type: ignore[no-untyped-def]
    places = np.empty(len(scores), np.int64)
    place = 0
    for row in range(len(order)):
        if row == 0 or scores[order[row]] != scores[order[row - 1]]:
            place = row
        places[order[row]] = place
    return places


@njit(cache=True, nogil=True)
def _ahead(scores, mine):  # type: ignore[no-untyped-def]
    """How many scores are higher than each of some."""
    ahead = np.zeros(len(mine), np.int64)
    for row in range(len(mine)):
        one, count = mine[row], 0
        for score in scores:
            count += score > one
        ahead[row] = count
    return ahead


@njit(cache=True, nogil=True)
def _highest(scores, open_, count, above):  # type: ignore[no-untyped-def]
    """A heap of the best so far, the worst of them on top: lowest score, of equal ones the last position."""
    heap, values = np.empty(max(count, 0), np.int64), np.empty(max(count, 0), scores.dtype)
    size, least = 0, above
    for position in range(len(scores)):
        score = scores[position]
        if not (score > least and open_[position]):
            continue
        if size < count:  # positions come ascending: of equal scores the last is the worst, and goes up
            place = size
            size += 1
            while place > 0 and values[(place - 1) >> 1] >= score:
                heap[place], values[place] = heap[(place - 1) >> 1], values[(place - 1) >> 1]
                place = (place - 1) >> 1
        else:
            place = 0
            while True:
                child = 2 * place + 1
                if child + 1 < size and (
                    values[child + 1] < values[child]
                    or (values[child + 1] == values[child] and heap[child + 1] > heap[child])
                ):
                    child += 1
                if child >= size or values[child] >= score:
                    break
                heap[place], values[place] = heap[child], values[child]
                place = child
        if size:
            heap[place], values[place] = position, score
        if size == count and size:
            least = values[0]
    return np.sort(heap[:size])
