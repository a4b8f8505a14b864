"""Each item's nearest items by vectors, found once, so that no answer compares all items with all likes.

A person's nearest items are the best of those lists that belong to their likes. What no list holds is at most
as near as the last of one of them; so where the worst of the items asked for is nearer than that, the answer
is exact, and else there is none.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numba import njit

from bowerbird.data.store import Store
from bowerbird.progress import track
from bowerbird.recommend.ranks import top_positions

SPARE = 120  # neighbours kept beyond those that are asked for, since a person may have seen some
MIN_ITEMS = 4_000  # fewer are compared in less time than lists take to be read
_BLOCK = 256  # items compared with all others at once: 100 MB beside 100,000


class Neighbours:
    """Lists of n items, K long, of the nearest among m of them."""

    def __init__(self, items: np.ndarray, nearness: np.ndarray, among: int) -> None:
        """`items` (n, K) int32, the nearest first; `nearness` (n, K) float32, their dot products."""
        self.items = np.asarray(items)  # the same memory: a memory map's own indexing is slow in small pieces
        self.nearness = np.asarray(nearness)
        self.whole = self.items.shape[1] == among
        """Whether nothing is left out of the lists."""

    @classmethod
    def of(cls, matrix: np.ndarray, among: np.ndarray, listed: int) -> Neighbours:
        """Those of all rows of a matrix (n, D) among some, (m,) positions, ascending; K is at most `listed`.

        10,000 items among 10,000 take about two seconds.
        """
        listed = min(listed, len(among))
        items = np.empty((len(matrix), listed), np.int32)
        nearness = np.empty((len(matrix), listed), np.float32)
        others, every = np.ascontiguousarray(matrix[among].T), np.ones(len(among), bool)
        for start in track(range(0, len(matrix), _BLOCK), "neighbours"):
            for row, similar in enumerate(matrix[start : start + _BLOCK] @ others, start=start):
                found = top_positions(similar, every, listed)
                found = found[np.argsort(-similar[found], kind="stable")]
                items[row], nearness[row] = among[found], similar[found]
        return cls(items, nearness, len(among))

    def nearest(self, liked: np.ndarray, eligible: np.ndarray, count: int) -> np.ndarray | None:
        """How near each item is to the nearest of some liked ones (H,), (n,) float32, -inf if unlisted.

        Right for the `count` nearest of those that are `eligible`, (n,) bool, not for what comes behind them.
        None where that is not sure.
        """
        near, sure = _merged(self.items, self.nearness, liked, eligible)
        return near if self.whole or sure >= count else None


def cached_neighbours(
    store: Store, folder: Path, name: str, matrix: np.ndarray, among: np.ndarray, count: int
) -> Neighbours:
    """Lists kept in a version's folder under a name, for who asks for so many; found first where that has not
    happened yet."""
    path, beside = folder / f"{name}.npy", folder / f"{name}-nearness.npy"
    if not path.exists():
        with store.exclusive("neighbours"):
            if not path.exists():  # another process may have found them just now
                found = Neighbours.of(matrix, among, count + SPARE)
                np.save(beside, found.nearness)
                part = folder / f".{name}"
                with part.open("wb") as file:
                    np.save(file, found.items)
                part.replace(path)  # last: where it is, the other is too
    return Neighbours(np.load(path, mmap_mode="r"), np.load(beside, mmap_mode="r"), len(among))


@njit(cache=True, nogil=True)
def _merged(items, nearness, liked, eligible):  # type: ignore[no-untyped-def]
    """The largest nearness that lists of `liked` give each item, (n,), -inf where none does; and how many
    open items are at least as near as any can be that the lists leave out."""
    near = np.full(len(items), -np.inf, np.float32)
    unlisted = np.float32(-np.inf)
    length = items.shape[1]
    for row in liked:
        if length:
            unlisted = max(unlisted, nearness[row, length - 1])
        for place in range(length):
            item = items[row, place]
            near[item] = max(near[item], nearness[row, place])
    sure = 0
    for item in range(len(near)):
        sure += near[item] >= unlisted and near[item] > -np.inf and eligible[item]
    return near, sure
