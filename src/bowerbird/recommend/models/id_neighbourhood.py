"""Id-neighbourhood popularity: likes smoothed over the catalogue's order of ids.

Shops and databases give ids in order, so items whose ids are neighbours came at the same time and often for
the same purpose. Where the neighbours of an item that nobody has liked yet are liked now, it is likely on
sale now; where theirs were liked years ago, it likely is not any more. A catalogue whose ids have no order
(random ones) only has noise here, the same for liked and other items, and the ranker learns to ignore it.
"""

from __future__ import annotations

import re

import numpy as np
from numba import njit

WIDTH = 100
"""Standard deviation of the kernel, items."""
NARROW = 30
"""Of one that tells collections apart."""
REACH = 3
"""Places to either side within which an item is looked for beside one that was liked."""
NEIGHBOURHOOD_WEIGHT = 0.05
"""Weight of `Popularity.neighbourhood` of a cold item, added to its similarity."""


def rank_ids(ids: list[str]) -> np.ndarray:
    """Each item's place in the natural order of ids, (n,) int64: numbers within ids count as numbers.

    >>> rank_ids(["b-10", "b-9", "a-11"]).tolist()
    [2, 1, 0]
    """
    order = sorted(range(len(ids)), key=lambda row: _natural(ids[row]))
    places = np.empty(len(ids), np.int64)
    places[order] = np.arange(len(ids))
    return places


def _natural(item_id: str) -> list[tuple[int, int, str]]:
    parts = re.findall(r"\d+|\D+", item_id)
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in parts]


def smooth(shares: np.ndarray, places: np.ndarray, width: int = WIDTH) -> np.ndarray:
    """Shares (n,) as a kernel estimate over the places (n,) from 0, (n,) float32.

    Three boxes one after the other are nearly a Gaussian, and cost the same however wide they are.
    """
    along = np.zeros(len(shares), np.float64)
    along[places] = shares
    for _ in range(3):  # of b places each: variance 3 (b² − 1) / 12
        along = _moving_mean(along, min(width, max(1, len(along) // 8)))
    found: np.ndarray = along[places].astype(np.float32)
    return found


def neighbours_of(liked: np.ndarray, places: np.ndarray, order: np.ndarray) -> np.ndarray:
    """Items within `REACH` places of some (H,), ascending, themselves among them; `order` (n,) by place."""
    near = places[liked][:, None] + np.arange(-REACH, REACH + 1)
    found: np.ndarray = np.unique(order[near[(near >= 0) & (near < len(order))]])
    return found


def id_distance(liked: np.ndarray, places: np.ndarray, among: np.ndarray | slice = slice(None)) -> np.ndarray:
    """Distance in the order of ids from each item, or some, to the nearest of `liked` (H,), (C,) int64.

    Variants of one product have ids side by side.
    """
    mine, theirs = np.sort(places[liked]), places[among]
    after = np.searchsorted(mine, theirs)
    right, left = mine[np.minimum(after, len(mine) - 1)], mine[np.maximum(after - 1, 0)]
    found: np.ndarray = np.minimum(np.abs(right - theirs), np.abs(theirs - left))
    return found


@njit(cache=True, nogil=True)
def _moving_mean(values, reach):  # type: ignore[no-untyped-def]
    """Mean of each number and `reach` before and after it, (n,) float64; the ends are repeated outside.

    As `scipy.ndimage.uniform_filter1d(mode="nearest")`, which takes a quarter of a second to be imported.
    """
    n, size = len(values), 2 * reach + 1
    means, total = np.empty(n), 0.0
    for place in range(-reach, reach + 1):
        total += values[min(max(place, 0), n - 1)]
    for place in range(n):
        if place:
            total += values[min(place + reach, n - 1)] - values[max(place - 1 - reach, 0)]
        means[place] = total / size
    return means
