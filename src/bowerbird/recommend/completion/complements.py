"""What goes well with some items: items of other kinds that the same users like, and that look like them.

For stores without collections to learn sets from; with them, see `completer`.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from bowerbird.data.arrays import BoolArray, FloatArray, IntArray
from bowerbird.data.ranks import fuse_ranks, ranks_of
from bowerbird.recommend.context import rows_at
from bowerbird.recommend.ranker.hybrid import HybridRanker
from bowerbird.recommend.reasons import Reason
from bowerbird.recommend.sources.coengagement import CoEngagementSource
from bowerbird.recommend.sources.like_reasons import title_of

MAX_PER_KIND = 2
"""Items of one kind in an answer: what goes with a sofa is not eight lamps."""


@dataclass(frozen=True)
class Complement:
    """An item that goes well with others."""

    position: int
    score: float
    """Says an order; larger is better."""
    explanation: Reason


class Complements:
    """Finds complements with the models of a fitted ranker. Safe to use from several threads."""

    def __init__(self, ranker: HybridRanker) -> None:
        self._items = ranker.items
        source = next(source for source in ranker.sources if isinstance(source, CoEngagementSource))
        self._likes = source.model

    def find(self, positions: IntArray, n: int, allowed: BoolArray | None = None) -> list[Complement]:
        """The n items that go best with a set of items, positions (k,): in stock, of other kinds, and of the
        `allowed` ones, (items,).

        Ordered by two ranks together: by the likes of the set's likers, and by likeness to the set's middle.
        """
        kinds = {self._kind(position) for position in positions.tolist()}
        pool = self._pool(positions, allowed)
        middle = rows_at(self._items.vectors, positions).mean(axis=0)
        likeness: FloatArray = rows_at(self._items.vectors, pool) @ middle
        likes = self._likes.scores_of(positions, np.ones(len(positions), np.float32))[pool]
        scores = fuse_ranks([(1.0, ranks_of(likes)), (1.0, ranks_of(likeness))])
        n_of_kind: Counter[str] = Counter()
        complements = []
        for row in np.argsort(-scores, kind="stable").tolist():
            position = int(pool[row])
            kind = self._kind(position)
            if kind in kinds or n_of_kind[kind] == MAX_PER_KIND:
                continue
            n_of_kind[kind] += 1
            complements.append(Complement(position, float(scores[row]), self._explain(position, positions)))
            if len(complements) == n:
                break
        return complements

    def _pool(self, positions: IntArray, allowed: BoolArray | None) -> IntArray:
        """Items that may be named: in stock, none of the set; of a large catalogue only those with likes."""
        eligible = self._items.catalogue.available.copy()
        eligible[positions] = False
        if allowed is not None:
            eligible &= allowed
        if self._items.index is not None:
            has_likes = np.zeros(len(eligible), bool)
            has_likes[self._likes.warm[0]] = True
            eligible &= has_likes
        return np.flatnonzero(eligible)

    def _kind(self, position: int) -> str:
        """The narrowest category of an item; its own id where it has none, so that it is of no other's."""
        item = self._items.catalogue.item(position)
        return item.category[-1] if item.category else item.item_id

    def _explain(self, position: int, positions: IntArray) -> Reason:
        catalogue = self._items.catalogue
        together = [(self._likes.common_likers(other, position), other) for other in positions.tolist()]
        count, other = max(together, key=lambda pair: pair[0])
        if count:
            return Reason("liked_together", {"other": title_of(catalogue, other), "count": int(count)})
        return Reason("in_the_style", {"other": title_of(catalogue, int(positions[0]))})
