"""Recommendations for one person: ranked, filtered, diverse, each with its reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from bowerbird.data.events import ACTION_CODE, Action
from bowerbird.data.interactions import History
from bowerbird.data.items import Catalogue
from bowerbird.data.store import Store
from bowerbird.embed.vectors import load_vectors
from bowerbird.recommend.boosts import Boosts
from bowerbird.recommend.diversity import diversified
from bowerbird.recommend.features import Signals
from bowerbird.recommend.ranking import PER_SOURCE, OurRanker
from bowerbird.recommend.saved import fitted_ranker
from bowerbird.recommend.wishes import PLAIN, Wishes
from bowerbird.taste.graph import Interest, TasteGraph
from bowerbird.taste.state import TasteState

POOL = 100  # the best candidates, among which diversity chooses
BOOST = 0.25  # what a boosted interest adds to a relevance between 0 and 1
PRICE = 0.15  # what a purchase loses for a price e times the usual one, or an e-th of it
DID = {Action.SAVE: "saved", Action.PURCHASE: "bought", Action.ADD_TO_CART: "put in the basket"}
_DID_CODE = {ACTION_CODE[action.value]: word for action, word in DID.items()}


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
    source: str  # similar, together, interest or popular
    propensity: float = 1.0
    """The chance that this item had at its place, given those before it; 1 without exploration."""
    promoted: bool = False
    """Whether a boost of the shop moved it up."""

    def as_dict(self) -> dict[str, Any]:
        kept = ("item_id", "title", "price", "currency", "score", "reason", "source")
        return {name: getattr(self, name) for name in (*kept, "propensity", "promoted")}


class Recommender:
    """Answers from a fitted ranker and the taste graph. Safe to use from several threads."""

    def __init__(self, catalogue: Catalogue, ranker: OurRanker, taste: TasteGraph) -> None:
        self.catalogue = catalogue
        self.ranker = ranker
        self.taste = taste
        self._available = catalogue.available

    @classmethod
    def open(cls, store: Store, taste: TasteGraph | None = None) -> Recommender:
        """Open a store's recommender; its ranker is learnt first where that has not happened yet.

        Raises `StoreError` where the store has no items or no vectors.
        """
        taste = taste or TasteGraph.open(store)
        catalogue = taste.catalogue  # read once: it holds all pictures
        return cls(catalogue, fitted_ranker(store, load_vectors(store), catalogue), taste)

    def recommend_user(self, user_id: str, n: int = 20, wishes: Wishes = PLAIN) -> list[Recommendation]:
        """Recommend to a person of the taste graph; a stranger gets what is popular."""
        return self.recommend(self.taste.state(user_id), n, wishes=wishes)

    def recommend(
        self,
        state: TasteState,
        n: int = 20,
        allowed: np.ndarray | None = None,
        wishes: Wishes = PLAIN,
    ) -> list[Recommendation]:
        """The best items for a taste: in stock, not seen, not muted, as `wishes` say, and, if given,
        `allowed` (items,) bool."""
        filtered = wishes.allowed(self.catalogue)
        if filtered is not None:
            allowed = filtered if allowed is None else filtered & allowed
        open_ = self._available if allowed is None else self._available & allowed
        open_ = open_ & state.unseen(len(self.catalogue))
        groups = self.taste.interests_of_items.group
        if state.muted:
            open_ = open_ & ~np.isin(groups, list(state.muted))
        history = state.history
        candidates, signals = next(self.ranker.met([history], open_, max(PER_SOURCE, n)))
        scores = self.ranker.scores(candidates, signals)
        best = np.lexsort((candidates, -scores))[: max(POOL, 2 * n)]
        candidates, relevance = candidates[best], _unit(scores[best])
        relevance = relevance + BOOST * np.isin(groups[candidates], list(state.boosted))
        if wishes.outcome is Action.PURCHASE:
            relevance = relevance - PRICE * self._price_distance(signals.liked, candidates)
        rng = np.random.default_rng(wishes.seed) if wishes.explore else None
        count = n + wishes.boosts.places if wishes.boosts.rules else n
        chosen, chances = diversified(
            relevance, self.ranker.matrix[candidates], count, wishes.diversity, wishes.explore, rng
        )
        chosen, chances, moved = self._boosted(candidates, relevance, chosen, chances, wishes.boosts, n)
        interests = {one.number: one for one in self.taste.interests(state)}
        matrix = self.ranker.matrix
        similar = matrix[candidates[chosen]] @ matrix[signals.liked.items].T  # (chosen, liked)
        return [
            self._told(int(candidates[k]), float(relevance[k]), row, signals, interests, chance, up)
            for k, row, chance, up in zip(chosen, similar, chances.tolist(), moved.tolist(), strict=True)
        ]

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

    def _price_distance(self, liked: History, candidates: np.ndarray) -> np.ndarray:
        """|log of price beside the person's median|, at most 2, (C,); 0 where one is unknown."""
        paid = self.catalogue.prices[liked.items]
        paid = paid[np.isfinite(paid) & (paid > 0)]
        if not len(paid):
            return np.zeros(len(candidates))
        with np.errstate(divide="ignore", invalid="ignore"):
            distance = np.abs(np.log(self.catalogue.prices[candidates] / np.median(paid)))
        clipped: np.ndarray = np.clip(np.nan_to_num(distance, nan=0.0, posinf=2.0), 0.0, 2.0)
        return clipped

    # -- reasons ------------------------------------------------------------------------------------------

    def _told(
        self,
        position: int,
        score: float,
        similar: np.ndarray,
        signals: Signals,
        interests: dict[int, Interest],
        propensity: float,
        promoted: bool,
    ) -> Recommendation:
        item = self.catalogue.item(position)
        reason, source = self._reason(position, similar, signals, interests)
        title = item.title or item.item_id
        if promoted:
            reason = f"promoted by the shop; {reason}"
        return Recommendation(
            *(position, item.item_id, title, item.price, item.currency, score, reason, source),
            *(propensity, promoted),
        )

    def _reason(
        self, position: int, similar: np.ndarray, signals: Signals, interests: dict[int, Interest]
    ) -> tuple[str, str]:
        """Why an item is shown: the strongest true statement; `similar` (liked,) to each liked item."""
        liked = signals.liked
        if not len(liked):
            return "popular now", "popular"
        row = int(similar.argmax())
        did = _DID_CODE.get(int(liked.actions[row]), "liked")
        title = self.catalogue.item(int(liked.items[row])).title or "an item"
        interest = interests.get(int(self.taste.interests_of_items.group[position]))
        if similar[row] >= 0.85:
            return f"like “{title}”, which you {did}", "similar"
        if interest is not None and interest.share >= 0.05:
            return f"your taste for {interest.name}", "interest"
        if signals.coengagement[position] > 0.02:
            return "people with your taste like it", "together"
        if similar[row] > 0.3:
            return f"like “{title}”, which you {did}", "similar"
        return "popular now", "popular"


def _unit(scores: np.ndarray) -> np.ndarray:
    """Scores brought to [0, 1], best to worst; they say an order, not a probability."""
    spread = np.ptp(scores) if len(scores) else 0.0
    scaled: np.ndarray = (scores - scores.min()) / spread if spread > 0 else np.ones(len(scores))
    return scaled.astype(np.float64)
