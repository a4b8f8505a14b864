"""Candidates for one person in a large catalogue, without a look at every item.

The sources are those of `ranking`: nearest to a liked item and to all of them by the approximate index,
co-engagement by the people who liked the same, what follows what, the same content among items that nobody
has liked yet, beside what was liked in the order of ids, popular at the moment. (Low-rank tastes and facets,
which know every item, only order.) Each gathers a pool; the pool's signals are computed exactly and each
source keeps its best, so that the ranker meets candidates of the same kind as in a small catalogue.
"""

from __future__ import annotations

import numpy as np

from bowerbird.data.interactions import History
from bowerbird.embed.index import ItemIndex
from bowerbird.recommend.coengagement import last_of_each
from bowerbird.recommend.features import (
    RECENT,
    Signals,
    World,
    by_place,
    latest,
    moment_of,
    said_by,
)
from bowerbird.recommend.ranks import highest
from bowerbird.recommend.shelf import ON_SHELF, next_to

ASKED = 16  # latest liked items whose neighbours are looked up; each takes about 0.3 ms
NEIGHBOURS = 48  # of each
NOTHING = np.zeros(0, np.int64)
COLD_ASKED = 4  # liked items whose neighbours among items without likes are looked up where those are few


class Values:
    """Numbers at some of the items, asked by position as one asks an array over all items; 0 elsewhere."""

    def __init__(self, positions: np.ndarray, values: np.ndarray) -> None:
        """`positions` (C,) ascending; `values` (C,)."""
        self.positions = positions
        self.values = values

    def __getitem__(self, wanted: np.ndarray | int) -> np.ndarray:
        """
        >>> Values(np.array([2, 5]), np.array([0.5, 0.7]))[np.array([5, 3, 2])].tolist()
        [0.7, 0.0, 0.5]
        """
        if not len(self.positions):
            return np.zeros(np.shape(wanted), np.float32)
        place = np.minimum(np.searchsorted(self.positions, wanted), len(self.positions) - 1)
        found: np.ndarray = np.where(self.positions[place] == wanted, self.values[place], 0)
        return found


def sought(
    history: History,
    world: World,
    index: ItemIndex,
    allowed: np.ndarray | None,
    per_source: int,
    beside: np.ndarray = NOTHING,
) -> tuple[np.ndarray, Signals]:
    """Candidates (C,), ascending, among `allowed` (items,) bool and not in the history, and their signals.

    `beside` (positions) are candidates whether a source names them or not.
    """
    open_ = np.ones(len(world.matrix), bool) if allowed is None else allowed.copy()
    open_[history.items] = False
    liked = history.liked()
    recent = latest(liked, RECENT)
    at = moment_of(history, world)
    popularity = world.popularity
    found = [popularity.leading(open_, per_source // 2, at, *kind) for kind in popularity.trends]
    together = follows = Values(np.zeros(0, np.int64), np.zeros(0, np.float32))
    if len(recent):
        together, follows = reached(world, liked), Values(*world.follows.found(liked))
        for one in (together, follows):
            named = np.flatnonzero((one.values > 0) & open_[one.positions])
            found.append(one.positions[best_of(one.values[named], named, per_source)])
        near = next_to(recent.items, popularity.places, popularity.by_place)
        found.append(near[open_[near]])
        found += _by_content(recent, at, world, index, open_, per_source)
    candidates = np.unique(np.concatenate([*found, beside]))
    if len(candidates) < per_source:
        candidates = np.union1d(candidates, world.popularity.leading_now(open_, per_source))
    return candidates, _signals(liked, recent, at, (together, follows), candidates, world)


def reached(world: World, liked: History) -> Values:
    """Co-engagement scores of all items that somebody likes, exactly as `CoEngagement.scores` has them.

    Only the people who liked one of the same items carry anything: their rows of K are all that is read.
    """
    together = world.coengagement
    warm, likers = together.warm
    through = together.through(*last_of_each(liked.items, by_place(len(liked))))
    return Values(warm, (likers @ through) / together.scale[warm])


def _by_content(
    recent: History, at: int, world: World, index: ItemIndex, open_: np.ndarray, per_source: int
) -> list[np.ndarray]:
    """Candidates by vectors: near a liked item, near all of them, and new ones near a liked item."""
    rows = world.matrix[recent.items]
    mean = said_by(recent) @ rows
    of_all = index.around(mean[None], 2 * per_source, open_)  # twice, as their order is not exact yet
    near = np.union1d(index.around(rows[-ASKED:], NEIGHBOURS, open_), of_all)
    fresh = open_ & world.cold
    if np.count_nonzero(world.cold[near]) < 2 * per_source:
        near = np.union1d(near, index.around(rows[-COLD_ASKED:], per_source, fresh))
    similar = world.matrix[near] @ rows.T  # (pool, recent)
    highest, overall = similar.max(axis=1, initial=-np.inf), similar @ said_by(recent)
    new = np.flatnonzero(fresh[near])
    on_shelf = highest[new] + ON_SHELF * world.popularity.shelf(at)[near[new]]
    return [
        near[best_of(highest, np.arange(len(near)), per_source)],
        near[best_of(overall, np.arange(len(near)), per_source)],
        near[best_of(highest[new], new, per_source // 2)],
        near[best_of(on_shelf, new, per_source // 2)],
    ]


def _signals(
    liked: History,
    recent: History,
    at: int,
    crowd: tuple[Values, Values],
    candidates: np.ndarray,
    world: World,
) -> Signals:
    together, follows = crowd
    nothing = Values(candidates, np.zeros(len(candidates), np.float32))
    leaning = world.leanings.of(liked.items, by_place(len(liked)))
    if not len(recent):
        return Signals(together, nothing, follows, nothing, nothing, liked, recent, at, leaning)
    similar = world.matrix[recent.items] @ world.matrix[candidates].T  # (recent, C)
    low_rank = world.low_rank.scores(liked.items, by_place(len(liked)), candidates)
    return Signals(
        together,
        Values(candidates, low_rank),
        follows,
        Values(candidates, similar.max(axis=0)),
        Values(candidates, said_by(recent) @ similar),
        liked,
        recent,
        at,
        leaning,
    )


def best_of(scores: np.ndarray, rows: np.ndarray, count: int) -> np.ndarray:
    """Those of `rows` (C,) with the highest scores (C,), at most `count`; of equal ones the first."""
    if len(rows) <= count:
        return rows
    found: np.ndarray = rows[highest(scores, np.ones(len(rows), bool), count)]
    return found
