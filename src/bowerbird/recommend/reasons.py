"""Which source brought an item, and what it says: the reason of a recommendation.

Every source has its own order of the candidates. The one in whose order an item stands highest brought it; of
equal places the source named first in `Source` counts. For sources that go from item to item the reason names
the one of the person's own likes that carried the largest part of the item's score there.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import TypeAlias

import numpy as np

from bowerbird.data.events import ACTION_CODE, Action
from bowerbird.data.interactions import History
from bowerbird.data.items import Catalogue
from bowerbird.recommend.features import NAMES, Signals, World, by_place
from bowerbird.recommend.follows import Follows
from bowerbird.recommend.popularity import MONTH, YEAR
from bowerbird.recommend.ranks import places_among

DID = {Action.SAVE: "saved", Action.PURCHASE: "bought", Action.ADD_TO_CART: "put in the basket"}
_DID_CODE = {ACTION_CODE[action.value]: word for action, word in DID.items()}


Way: TypeAlias = tuple[int, int]
"""Positions of the like from which a walk came to an item, and of the item by which it came there last."""


class Source(StrEnum):
    """Where candidates come from."""

    TOGETHER = "together"
    """People who like one of the person's items like this one."""
    SIMILAR = "similar"
    """Near one liked item, by vectors."""
    INTEREST = "interest"
    """Near everything that is liked, by vectors."""
    NEXT = "next"
    """What people like soon after one of the latest likes."""
    CROWD = "crowd"
    """Liked by the person's kind of people, by the strongest directions of everybody's likes."""
    WALK = "walk"
    """Reached over people and items of the live graph, which knows likes since the ranker was learnt."""
    FACETS = "facets"
    """Has the brand, category and attributes that the person leans to, and sells or lies beside what does."""
    FRESH = "fresh"
    """Liked by nobody yet, and near a liked item."""
    TRENDING = "trending"
    """Liked by many in the month before."""
    POPULAR = "popular"
    """Liked by many in the year before, or ever, or by beginners."""


def sources_of(
    signals: Signals,
    candidates: np.ndarray,
    rows: np.ndarray,
    walked: np.ndarray,
    chosen: np.ndarray,
    world: World,
) -> list[Source]:
    """Which source brought each of n `chosen` (rows) of C candidates (positions) with features `rows` and
    scores of a walk `walked`, (C,)."""
    cold, popularity = world.cold[candidates], world.popularity
    orders: dict[Source, np.ndarray] = {}
    if len(signals.liked):
        crowd = (Source.TOGETHER, signals.coengagement), (Source.NEXT, signals.follows)
        for source, scores in (*crowd, (Source.CROWD, signals.low_rank)):
            orders[source] = np.where(cold, 0.0, np.maximum(scores[candidates], 0.0))
        nearest = signals.nearest[candidates] + 2.0  # above 0, so that everything is named
        orders[Source.SIMILAR] = nearest
        orders[Source.INTEREST] = signals.mean[candidates] + 2.0
        shelf = popularity.shelf(popularity.end, popularity.lately)[candidates]
        leaning = rows[:, NAMES.index("facets")] + shelf
        orders[Source.FACETS] = leaning - leaning.min(initial=0.0) + 1.0  # here too everything is named
        orders[Source.WALK] = walked
        orders[Source.FRESH] = np.where(cold, nearest, 0.0)
    orders[Source.TRENDING] = popularity.share(signals.at, MONTH)[candidates]
    year = popularity.share(signals.at, YEAR)[candidates]
    orders[Source.POPULAR] = year + 1e-6 * popularity.now[candidates]
    named = [source for source in Source if source in orders]
    # A source says nothing of what it gives 0; popularity has the last word on what nobody else names.
    last = len(candidates)
    places = np.stack(
        [np.where(orders[one][chosen] > 0, places_among(orders[one], chosen), last + 1) for one in named]
    )
    places[-1] = np.minimum(places[-1], last)
    return [named[row] for row in places.argmin(axis=0)]


def throughs_of(
    sources: list[Source],
    positions: np.ndarray,
    signals: Signals,
    world: World,
    ways: Sequence[Way | None],
) -> list[int | None]:
    """The row of the liked item that carried most of each item's score at its source; None if none did.

    `ways` are those of a walk, where it brought an item."""
    liked, weights = signals.liked, by_place(len(signals.liked))
    near: list[int] = []
    if Source.SIMILAR in sources or Source.FRESH in sources:
        near = (world.matrix[liked.items] @ world.matrix[positions].T).argmax(axis=0).tolist()

    def through(row: int, source: Source, position: int) -> int | None:
        if source in (Source.SIMILAR, Source.FRESH):
            return near[row]
        if source is Source.TOGETHER:
            return _largest(world.coengagement.shares_of(position, liked.items, weights))
        if source is Source.NEXT:
            return _largest(shares_next(world.follows, liked, position))
        if source is Source.WALK:
            way = ways[row]
            return _last(liked.items, way[0]) if way else None
        return None

    named = enumerate(zip(sources, positions.tolist(), strict=True))
    return [through(row, source, position) for row, (source, position) in named]


def shares_next(follows: Follows, liked: History, position: int) -> np.ndarray:
    """What each liked item adds to the score of an item among what follows, (L,)."""
    latest, weights = follows.weighed(liked)
    shares = np.zeros(len(liked))
    shares[len(liked) - len(latest) :] = weights * follows.after(latest, position)
    return shares


def _last(items: np.ndarray, item: int) -> int | None:
    rows = np.flatnonzero(items == item)
    return int(rows[-1]) if len(rows) else None


def _largest(shares: np.ndarray) -> int | None:
    return int(shares.argmax()) if len(shares) and shares.max() > 0 else None


def reason_of(
    source: Source,
    through: int | None,
    signals: Signals,
    catalogue: Catalogue,
    interest: str | None,
    way: Way | None = None,
) -> str:
    """One sentence for a person: `through` is the row of the like that carried an item, `interest` the name
    of that of the person which the item belongs to, `way` that of a walk."""
    if through is not None:
        row = through
        title = catalogue.item(int(signals.liked.items[row])).title or "an item"
        said = f"“{title}”, which you {_DID_CODE.get(int(signals.liked.actions[row]), 'liked')}"
        if source is Source.WALK and way is not None and way[0] != way[1]:
            between = catalogue.item(way[1]).title or "an item"
            return f"people who like {said}, like “{between}” too, and this with it"
        return {
            Source.WALK: f"people who like {said}, like it too",
            Source.TOGETHER: f"people who like {said}, like it too",
            Source.NEXT: f"people often go on to it from {said}",
            Source.FRESH: f"new, and like {said}",
        }.get(source, f"like {said}")
    if source is Source.INTEREST and interest is not None:
        return f"your taste for {interest}"
    return {
        Source.INTEREST: "close to what you like",
        Source.FACETS: "has much of what you choose",
        Source.TRENDING: "popular now",
        Source.POPULAR: "liked by many",
    }.get(source, "people with your taste like it")
