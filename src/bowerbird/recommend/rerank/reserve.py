"""Places of a list that are reserved for young items: a ranker knows too little of them to rank them fairly.

What is learned of an item by its likes is missing for what is new, and of the examples that a ranker learns
from few are of new items. So of the first k items of a list at least ⌊share · k⌋ are young, wherever there
are so many: a quota for every prefix, as of Zehlike et al. (FA*IR, CIKM 2017).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bowerbird.data.arrays import BoolArray, IntArray


@dataclass(frozen=True)
class Reserve:
    """Which of C candidates are young, and their share of places."""

    is_young: BoolArray  # (C,)
    share: float
    """From 0 (none is reserved) to 1."""

    def quota(self, n: int) -> IntArray:
        """Count the young items that the first 1, 2, … n items must hold, (n,) int64.

        >>> Reserve(np.zeros(0, bool), 0.3).quota(7).tolist()
        [0, 0, 0, 1, 1, 1, 2]
        """
        quota: IntArray = np.floor(self.share * np.arange(1, n + 1) + 1e-9).astype(np.int64)
        return quota

    def among(self, rows: IntArray) -> Reserve:
        """The same for some of the candidates."""
        return Reserve(self.is_young[rows], self.share)

    def pool(self, order: IntArray, size: int, n: int) -> IntArray:
        """Give the first `size` rows of an order, and the next young ones that a list of n may need."""
        if self.share == 0:
            return order[:size]
        rest = order[size:]
        return np.concatenate([order[:size], rest[self.is_young[rest]][: int(self.share * n)]])

    def choose(self, order: IntArray, n: int) -> IntArray:
        """Choose n rows of an order (C,), best first: each the best, or the best young one where the quota
        asks for it, (min(n, C),).
        """
        if self.share == 0:
            return order[:n]
        young = order[self.is_young[order]].tolist()
        others = order[~self.is_young[order]].tolist()
        rank = np.argsort(order)  # `order` holds every row once
        chosen: list[int] = []
        n_young = 0
        for due in self.quota(min(n, len(order))).tolist():
            young_first = n_young < due or not others or (young and rank[young[0]] < rank[others[0]])
            if young and young_first:
                chosen.append(young.pop(0))
                n_young += 1
            else:
                chosen.append(others.pop(0))
        return np.array(chosen, np.int64)
