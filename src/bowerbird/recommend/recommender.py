"""Recommendations for one person: ranked, filtered, diverse, each with its reason."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from bowerbird.data.events import Action
from bowerbird.data.items import Catalogue
from bowerbird.data.snapshot import StoreSnapshot
from bowerbird.recommend.boosts import Boosts
from bowerbird.recommend.diversity import diversified
from bowerbird.recommend.features import Signals, rows_of
from bowerbird.recommend.occasions import Given
from bowerbird.recommend.outcomes import Outcomes
from bowerbird.recommend.ranking import PER_SOURCE, OurRanker, fused
from bowerbird.recommend.ranks import places_of
from bowerbird.recommend.reasons import Source, reason_of, sources_of, throughs_of
from bowerbird.recommend.saved import fitted_ranker
from bowerbird.recommend.wishes import PLAIN, Wishes
from bowerbird.taste.graph import TasteGraph
from bowerbird.taste.state import TasteState
from bowerbird.taste.walks import Walked

POOL = 100  # the best candidates, among which diversity chooses
WALK_STEPS, WALKED = 2_000, 100
"""Of the walk over the live graph, and how many of the items that it meets become candidates: what people
like since the ranker was learnt. The ranker orders them; an order by the walk beside its own cost quality."""
BOOST = 0.25  # what a boosted interest adds to a relevance between 0 and 1
OUTCOME_SAY = 0.25
"""Of the order of a wished outcome's chances, beside 1 for that of relevance."""


@dataclass(frozen=True)
class Recommendation:
    """One recommended item."""

    position: int
    item_id: str
    title: str
    price: float | None
    currency: str
    score: float
    reason: str
    source: str  # see `reasons.Source`
    probability: dict[str, float]
    """The chance of each outcome that the log knows, at the item's place; see `outcomes`."""
    propensity: float = 1.0
    """The chance that this item had at its place, given those before it; 1 without exploration."""
    promoted: bool = False
    """Whether a boost of the shop moved it up."""

    def as_dict(self) -> dict[str, Any]:
        kept = ("item_id", "title", "price", "currency", "score", "reason", "source", "probability")
        return {name: getattr(self, name) for name in (*kept, "propensity", "promoted")}


class Recommender:
    """Answers from a fitted ranker and the taste graph. Safe to use from several threads."""

    def __init__(
        self, catalogue: Catalogue, ranker: OurRanker, outcomes: Outcomes, taste: TasteGraph
    ) -> None:
        self.catalogue = catalogue
        self.ranker = ranker
        self.outcomes = outcomes
        self.taste = taste
        self._available = catalogue.available

    @classmethod
    def open(cls, snapshot: StoreSnapshot) -> Recommender:
        """Open a snapshot's recommender; its ranker is trained first where that has not happened yet.

        Raises `StoreError` where the store has no items or no vectors.
        """
        return cls(snapshot.catalogue, *fitted_ranker(snapshot), TasteGraph.open(snapshot))

    def recommend_user(self, user_id: str, n: int = 20, wishes: Wishes = PLAIN) -> list[Recommendation]:
        """Recommend to a person of the taste graph; a stranger gets what is popular."""
        return self.recommend(self.taste.state(user_id), n, wishes=wishes)

    def recommend(
        self,
        state: TasteState,
        n: int = 20,
        allowed: np.ndarray | None = None,
        wishes: Wishes = PLAIN,
        now: int | None = None,
    ) -> list[Recommendation]:
        """The best items for a taste: in stock, not seen, not muted, as `wishes` say, and, if given,
        `allowed` (items,) bool. `now` (microseconds; else the clock's) tells whether a visit goes on."""
        open_ = self._open(state, allowed, wishes)
        walked = self.taste.walk(state, WALK_STEPS)
        beside = walked.items[open_[walked.items]][:WALKED]
        candidates, signals = next(self.ranker.met([state.history], open_, max(PER_SOURCE, n), [beside]))
        rows = rows_of(signals, candidates, self.ranker.world)
        now = time.time_ns() // 1000 if now is None else now
        scores = self.ranker.at_moment(self.ranker.scores_of(rows), candidates, signals, now)
        best = np.lexsort((candidates, -scores))[: max(POOL, 2 * n)]
        everything = signals, candidates, rows, walked.scores_at(candidates)
        candidates, rows = candidates[best], rows[best]
        relevance = _unit(self._wished(scores[best], rows, wishes))
        groups = self.taste.interests_of_items.group[candidates]
        relevance = relevance + BOOST * np.isin(groups, list(state.boosted))
        rng = np.random.default_rng(wishes.seed) if wishes.explore else None
        count = n + wishes.boosts.places if wishes.boosts.rules else n
        chosen, propensities = diversified(
            relevance, self.ranker.matrix[candidates], count, wishes.diversity, wishes.explore, rng
        )
        chosen, propensities, moved = self._boosted(
            candidates, relevance, chosen, propensities, wishes.boosts, n
        )
        chances = self.outcomes.chances(rows[chosen], np.arange(1, len(chosen) + 1))
        sources = sources_of(*everything, best[chosen], self.ranker.world)
        told = self._told(candidates[chosen], sources, moved, signals, state, walked)
        return [
            Recommendation(
                **one,
                score=float(relevance[row]),
                probability={outcome.value: float(all_[place]) for outcome, all_ in chances.items()},
                propensity=chance,
                promoted=bool(up),
            )
            for place, (one, row, chance, up) in enumerate(
                zip(told, chosen, propensities.tolist(), moved, strict=True)
            )
        ]

    def _open(self, state: TasteState, allowed: np.ndarray | None, wishes: Wishes) -> np.ndarray:
        """What may be shown to a person at all, (items,) bool."""
        filtered = wishes.allowed(self.catalogue)
        open_ = self._available.copy()
        for mask in (allowed, filtered):
            if mask is not None:
                open_ &= mask
        open_ &= state.unseen(len(self.catalogue))
        if state.muted:
            open_ &= ~np.isin(self.taste.interests_of_items.group, list(state.muted))
        return open_

    def _wished(self, scores: np.ndarray, rows: np.ndarray, wishes: Wishes) -> np.ndarray:
        """Scores (C,) of candidates, best first, as the wished outcome wants them; rows are their features.

        Relevance and chances are fused by reciprocal ranks. What was shown and passed by speaks through the
        chances: the ranker's lessons know only what was liked. Without impressions a click's chance has
        learnt nothing that relevance has not.
        """
        outcome, known = wishes.outcome, self.outcomes
        if outcome not in known.models or (outcome is Action.CLICK and known.given is not Given.SHOWN):
            return scores
        # All as if shown at the first place: where an item will stand must not decide where it stands.
        chances = known.chances(rows, np.ones(len(rows)), only=outcome)[outcome]
        return fused([(1.0, places_of(scores)), (OUTCOME_SAY, places_of(chances))])

    def _boosted(
        self,
        candidates: np.ndarray,
        relevance: np.ndarray,
        chosen: np.ndarray,
        chances: np.ndarray,
        boosts: Boosts,
        n: int,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The n chosen rows after the boosts, their chances, and which of them were moved up, (n,) bool."""
        if not boosts.rules or not len(chosen):
            return chosen, chances, np.zeros(len(chosen), bool)
        factors = np.array([boosts.factor(self.catalogue.item(int(row))) for row in candidates[chosen]])
        order = boosts.order(relevance[chosen], factors)[:n]
        moved = (order > np.arange(len(order))) & (factors[order] > 1)
        return chosen[order], chances[order], moved

    def _told(
        self,
        positions: np.ndarray,
        sources: list[Source],
        moved: np.ndarray,
        signals: Signals,
        state: TasteState,
        walked: Walked,
    ) -> list[dict[str, Any]]:
        """What is said of some items, from the source of each."""
        ways = [
            walked.way_to(position) if source is Source.WALK else None
            for position, source in zip(positions.tolist(), sources, strict=True)
        ]
        throughs = throughs_of(sources, positions, signals, self.ranker.world, ways)
        interests = self.taste.drawn_to(state) if Source.INTEREST in sources else {}
        group = self.taste.interests_of_items.group
        told = []
        for position, source, through, way, up in zip(
            positions.tolist(), sources, throughs, ways, moved, strict=True
        ):
            item = self.catalogue.item(position)
            interest = interests.get(int(group[position]))
            reason = reason_of(source, through, signals, self.catalogue, interest, way)
            told.append(
                {
                    "position": position,
                    "item_id": item.item_id,
                    "title": item.title or item.item_id,
                    "price": item.price,
                    "currency": item.currency,
                    "reason": f"promoted by the shop; {reason}" if up else reason,
                    "source": source.value,
                }
            )
        return told


def _unit(scores: np.ndarray) -> np.ndarray:
    """Scores brought to [0, 1], best to worst; they say an order, not a probability."""
    spread = np.ptp(scores) if len(scores) else 0.0
    scaled: np.ndarray = (scores - scores.min()) / spread if spread > 0 else np.ones(len(scores))
    return scaled.astype(np.float64)
